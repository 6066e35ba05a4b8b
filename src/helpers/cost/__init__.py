"""The bill: what serving costs by the month and by the request, and what another choice would."""
