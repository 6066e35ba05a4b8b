"""Estimates with their intervals, comparisons and drift; pure functions of numbers."""
