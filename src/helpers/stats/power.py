"""How likely a look with more dialogues is to decide, averaged over every truth that the data so far leave open.

"If the truth is what was seen" promises too much: what was seen is uncertain itself. Means: the pilot's t distribution
of the true mean; rates: the beta distribution that follows from Jeffreys' prior. Both are spread over what the
further dialogues may then bring. Source: Spiegelhalter, Freedman and Blackburn (1986), who call it predictive power.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from helpers.stats import means

#: The chance that is asked for, and past how many dialogues knowing is not worth asking for.
CHANCE = 0.8
MOST_WORTH_ASKING = 1_000_000
#: Points at which a distribution of the truth is taken.
POINTS = 400
#: Steps of n in a search: so much more each.
STEP = 1.02


class Pilot(Protocol):
    """What was seen so far: ``n`` dialogues, and the chance that ``more`` in all would decide at a level."""

    @property
    def n(self) -> int: ...

    def chance(self, more: int, threshold: float, level: float) -> float:
        """Return the chance that the interval of ``more`` dialogues in all leaves the threshold out."""


@dataclass(frozen=True)
class PilotMean:
    """A mean with its standard error, and by how much its intervals reach further than Student-t's, down and up."""

    n: int
    value: float
    error: float
    down: float = 1.0
    up: float = 1.0

    def chance(self, more: int, threshold: float, level: float) -> float:
        """Return the chance that the interval of ``more`` dialogues in all leaves the threshold out."""
        from scipy import special

        growth = more / self.n
        if growth <= 1:
            return 0.0
        centre = (self.value - threshold) / self.error * math.sqrt(growth)
        reach = special.stdtrit(more - 1, (1 + level) / 2)
        # what the skewness adds to an interval shrinks faster than the interval itself
        low, high = (reach * (1 + (width - 1) / math.sqrt(growth)) for width in (self.down, self.up))
        spread = math.sqrt(growth - 1)
        above = special.stdtr(self.n - 1, (centre - low) / spread)
        return float(above + special.stdtr(self.n - 1, (-high - centre) / spread))


@dataclass(frozen=True)
class PilotRate:
    """A rate: ``successes`` of ``n``, which need not be whole."""

    n: int
    successes: float

    def chance(self, more: int, threshold: float, level: float) -> float:
        """Return the chance that the interval of ``more`` dialogues in all leaves the threshold out."""
        from scipy import special

        new = more - self.n
        if new <= 0:
            return 0.0
        places = (np.arange(POINTS) + 0.5) / POINTS
        truths = special.betaincinv(self.successes + 0.5, self.n - self.successes + 0.5, places)
        # the fewest successes whose interval lies above the threshold, and the most whose interval lies below it
        fewest = _first(lambda k: means.share_interval(k, more, level)[0] > threshold, more)
        most = _first(lambda k: means.share_interval(k, more, level)[1] >= threshold, more) - 1
        above = special.bdtrc(math.ceil(fewest - self.successes) - 1, new, truths) if fewest <= more else 0.0
        below = special.bdtr(math.floor(most - self.successes), new, truths) if most >= self.successes else 0.0
        return float(np.mean(np.where(fewest <= self.successes, 1.0, above) + below))


def pilot_mean(values: Sequence[float], floor: float, ceiling: float, level: float) -> PilotMean | None:
    """Return the pilot of a mean; ``None`` for too few values or equal ones, which say nothing about their spread."""
    x = np.asarray(values, dtype=float)
    if x.size < 2 or means.equal(x):
        return None
    value, (low, high) = float(x.mean()), means.student(x, level)
    widest = means.interval(x, level, floor, ceiling) or (low, high)
    error = float(x.std(ddof=1)) / math.sqrt(x.size)
    # an interval that ends at a bound is no narrower for it
    down, up = (value - widest[0]) / (value - low), (widest[1] - value) / (high - value)
    return PilotMean(x.size, value, error, max(1.0, down), max(1.0, up))


def needed_n(pilot: Pilot, threshold: float, level: float, chance: float = CHANCE) -> int | None:
    """Return about how many dialogues in all decide with ``chance``; ``None`` where a million would not."""
    most = math.ceil(math.log(MOST_WORTH_ASKING / pilot.n) / math.log(STEP)) if pilot.n else 0

    def size(step: int) -> int:
        return max(pilot.n + 1, round(pilot.n * STEP**step))

    step = _first(lambda place: pilot.chance(size(place), threshold, level) >= chance, most)
    return size(step) if most > 0 and step <= most else None


def _first(holds: Callable[[int], bool], most: int) -> int:
    """Return the first number from 0 to ``most`` from which on a condition holds; ``most + 1`` where it never does."""
    low, high = 0, most + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if middle <= most and holds(middle) else (middle + 1, high)
    return low
