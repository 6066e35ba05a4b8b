"""What a user does, played many times: looks at a target until it is decided, by the code that judges a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from helpers.experiments.calibration.populations import Population
from helpers.experiments.until_decided import next_size
from helpers.params import Target
from helpers.stats.intervals import LEVEL, FloatArray
from helpers.stats.spending import LOOKS, level
from helpers.verdicts.evidence import Evidence
from helpers.verdicts.sample_size import needed_dialogues
from helpers.verdicts.targets import Verdict, decide

#: Dialogues of a first look, and the most that a data set has.
PILOT, MOST = 10, 2_000
#: What the next look has in all: given the evidence, the threshold and the number of the look that was taken.
Next = Callable[[Evidence, float, int], int]
Interval = Callable[[FloatArray], tuple[float, float]]


@dataclass(frozen=True)
class Played:
    """How one user's looks ended: the verdict, and the dialogues sent in all."""

    verdict: Verdict
    n: int


@dataclass(frozen=True)
class Frequencies:
    """How often users were told *met* and *missed*, and how many dialogues they sent on average."""

    met: float
    missed: float
    n: float

    @property
    def decided(self) -> float:
        """How often they got a verdict."""
        return self.met + self.missed


def once(found: Evidence, threshold: float, look: int) -> int:
    """Take no further look."""
    return len(found.values)


def as_advised(found: Evidence, threshold: float, look: int) -> int:
    """Take the n that the page names for a chance of 80 %, as far as the data set goes."""
    return min(needed_dialogues(found, threshold, look + 1) or MOST, MOST)


def until_decided(found: Evidence, threshold: float, look: int) -> int:
    """Take the n of ``report --until-decided``."""
    return min(next_size(found, threshold, look, len(found.values)), MOST)


def play(shape: Population, threshold: float, following: Next, rng: Generator, first: int = PILOT) -> Played:
    """Look at whether ``shape`` has a mean of at least ``threshold``, until it is decided or no look is left."""
    values = shape.draw(rng, first)
    for look in range(1, LOOKS + 1):
        verdict = judged(shape, values, threshold, look)
        more = (
            following(shape.evidence(values), threshold, look)
            if verdict == "undecided" and look < LOOKS
            else values.size
        )
        if more <= values.size:
            return Played(verdict, values.size)
        values = np.concatenate([values, shape.draw(rng, more - values.size)])
    raise AssertionError("the last look ends it")


def peek(shape: Population, threshold: float, interval: Interval, rng: Generator, looks: int = LOOKS) -> Played:
    """Look with one fixed 95 % interval, at twice as many dialogues each time, as users of other tools do."""
    values = shape.draw(rng, PILOT)
    for look in range(looks):
        low, high = interval(values)
        if low > threshold or high < threshold:
            return Played("met" if low > threshold else "missed", values.size)
        if look < looks - 1:
            values = np.concatenate([values, shape.draw(rng, values.size)])
    return Played("undecided", values.size)


def judged(shape: Population, values: FloatArray, threshold: float, look: int) -> Verdict:
    """Return the verdict of a look on whether ``shape`` has a mean of at least ``threshold``."""
    return decide(shape.evidence(values).estimate(level(look)), _target(threshold))


def frequencies(played: Sequence[Played]) -> Frequencies:
    """Return how many users' looks ended."""
    met, missed = (sum(one.verdict == verdict for one in played) / len(played) for verdict in ("met", "missed"))
    return Frequencies(met, missed, sum(one.n for one in played) / len(played))


def fixed_n(shape: Population, threshold: float, decided: float, rng: Generator, times: int) -> int:
    """Return the n at which one look at 95 % decides as often, found by halving with ``times`` draws at each n."""
    target = _target(threshold)

    def decides(n: int) -> bool:
        found = (decide(shape.evidence(shape.draw(rng, n)).estimate(LEVEL), target) for _ in range(times))
        return sum(verdict != "undecided" for verdict in found) >= decided * times

    low, high = 5, 8
    while high < 4 * MOST and not decides(high):
        low, high = high, 2 * high
    while high - low > max(1, math.floor(0.02 * low)):
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def _target(threshold: float) -> Target:
    return Target(label="", unit="score", source="", min=threshold)
