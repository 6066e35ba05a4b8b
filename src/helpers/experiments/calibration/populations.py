"""Data whose truth is known, in the shapes that reports meet: times, scores, differences, failures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from helpers.stats.intervals import FloatArray
from helpers.verdicts.evidence import Evidence, Kind

Draw = Callable[[Generator, int], FloatArray]


@dataclass(frozen=True)
class Population:
    """A kind of value per dialogue: how ``n`` of them are drawn, their true mean, and the bounds they lie within."""

    name: str
    draw: Draw
    truth: float
    kind: Kind = "mean"
    floor: float = -math.inf
    ceiling: float = math.inf

    def evidence(self, values: FloatArray) -> Evidence:
        """Return values as a report judges them."""
        return Evidence("03", "", kind=self.kind, values=tuple(values.tolist()), floor=self.floor, ceiling=self.ceiling)


def times(spread: float, mean: float = 1.0) -> Population:
    """Return log-normal times; ``spread`` is the standard deviation of their logarithm (0.5: as measured here)."""
    return Population(f"log-normal times, spread {spread:g}", partial(_log_normal, mean, spread), mean, floor=0.0)


def failures(rate: float, attempts: int = 1) -> Population:
    """Return the success rate of dialogues sent ``attempts`` times, where all of one dialogue fail or none."""
    name = f"success rate {100 * rate:.3g} %" + (f", {attempts} attempts each" if attempts > 1 else "")
    return Population(name, partial(_successes, rate), rate, kind="share")


def normal(mean: float = 0.0, spread: float = 0.1) -> Population:
    """Return differences of scores near normal."""
    return Population("differences, near normal", partial(_normal, mean, spread), mean, floor=-1.0, ceiling=1.0)


def mostly_equal(share: float) -> Population:
    """Return scores of which all but a ``share`` are 1, the others spread over 0 to 1."""
    name = f"scores, {100 * (1 - share):g} % of them equal"
    return Population(name, partial(_mostly_equal, share), 1 - share / 2, floor=0.0, ceiling=1.0)


def rarely_worse(share: float) -> Population:
    """Return differences that are zero but for a ``share`` of losses of up to a half."""
    name = f"differences, {100 * (1 - share):g} % of them zero"
    return Population(name, partial(_rarely_worse, share), -share / 4, floor=-1.0, ceiling=1.0)


def _log_normal(mean: float, spread: float, rng: Generator, n: int) -> FloatArray:
    return mean * rng.lognormal(-(spread**2) / 2, spread, n)


def _successes(rate: float, rng: Generator, n: int) -> FloatArray:
    return (rng.random(n) < rate).astype(float)


def _normal(mean: float, spread: float, rng: Generator, n: int) -> FloatArray:
    return np.clip(rng.normal(mean, spread, n), -1, 1)


def _mostly_equal(share: float, rng: Generator, n: int) -> FloatArray:
    return np.where(rng.random(n) < share, rng.random(n), 1.0)


def _rarely_worse(share: float, rng: Generator, n: int) -> FloatArray:
    return np.where(rng.random(n) < share, -0.5 * rng.random(n), 0.0)


def _uniform(rng: Generator, n: int) -> FloatArray:
    return rng.random(n)


def _exponential(rng: Generator, n: int) -> FloatArray:
    return rng.exponential(1.0, n)


def _towards_the_ceiling(rng: Generator, n: int) -> FloatArray:
    return rng.beta(5, 1.5, n)


def _two_kinds(rng: Generator, n: int) -> FloatArray:
    return np.where(rng.random(n) < 0.5, 1.0, 3.0) * rng.lognormal(-(0.15**2) / 2, 0.15, n)


def _a_slow_kind(rng: Generator, n: int) -> FloatArray:
    return np.where(rng.random(n) < 0.8, 1.0, 4.0) * rng.lognormal(-(0.15**2) / 2, 0.15, n)


#: What the promised error must hold for.
POPULATIONS = (
    times(0.3),
    times(0.5),
    times(0.7),
    times(1.0),
    Population("exponential times", _exponential, 1.0, floor=0.0),
    Population("scores, uniform", _uniform, 0.5, floor=0.0, ceiling=1.0),
    Population("scores near the ceiling", _towards_the_ceiling, 5 / 6.5, floor=0.0, ceiling=1.0),
    mostly_equal(0.05),
    mostly_equal(0.2),
    normal(),
    rarely_worse(0.05),
    rarely_worse(0.3),
    failures(0.95),
    failures(0.99),
    failures(0.95, attempts=39),
)
#: What no method covers at small n: kinds of dialogues of which the sample may contain only one.
OUT_OF_REACH = (
    Population("times of two kinds, half of each", _two_kinds, 2.0, floor=0.0),
    Population("times with a slow kind, one in five", _a_slow_kind, 1.6, floor=0.0),
)
