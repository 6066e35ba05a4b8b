"""A metric in the form that the `evaluate` library loads by the path of its folder."""
