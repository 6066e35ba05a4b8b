"""The rate of a training rises and falls."""

from __future__ import annotations

from helpers.experiments.training.recipe import Recipe
from helpers.experiments.training.train import _rate


def test_the_rate_rises_and_falls_to_nearly_nothing() -> None:
    rate = _rate(Recipe(warmup=0.1), 100)
    rates = [rate(step) for step in range(100)]
    assert rates.index(max(rates)) == 9
    assert rates[9] == 1
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.02
