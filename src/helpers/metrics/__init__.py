"""Metrics in the form that the `evaluate` library loads by path."""
