"""Who answers: the protocol every backend keeps, an endpoint, recorded answers."""
