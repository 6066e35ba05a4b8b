"""How often verdicts are wrong, and how often they decide, by shape of the data and by what a user does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from helpers.experiments.calibration import looks
from helpers.experiments.calibration.looks import Frequencies, Next
from helpers.experiments.calibration.populations import Population, failures, mostly_equal, normal, rarely_worse, times
from helpers.stats import means
from helpers.stats.intervals import LEVEL, SMALLEST, FloatArray, without_interval
from helpers.verdicts.sample_size import needed_dialogues

T = TypeVar("T")

#: Shapes whose truth lies on the target: every verdict on them is wrong.
ON_TARGET = (times(0.5), times(1.0), normal(), mostly_equal(0.2), rarely_worse(0.3), failures(0.95), failures(0.8))
#: Shapes with a threshold that they meet or miss, by little and by much.
OFF_TARGET: tuple[tuple[Population, float], ...] = (
    *((times(0.5, mean), 1.0) for mean in (0.7, 0.85, 1.15, 1.5)),
    *((normal(gain), 0.0) for gain in (-0.05, 0.03, 0.1)),
    *((failures(rate), 0.9) for rate in (0.5, 0.8, 0.96, 0.99)),
)
#: How far truths are drawn around the target, to see whether the advice keeps its promise on average.
TRUTHS: Mapping[str, tuple[Callable[[float], Population], float, tuple[float, float]]] = {
    "times": (partial(times, 0.5), 1.0, (0.4, 2.5)),
    "differences": (normal, 0.0, (-0.15, 0.15)),
    "success rates": (failures, 0.9, (0.0, 1.0)),
}


@dataclass(frozen=True)
class Wrong:
    """How often one look's interval lies wholly above the truth (a false *met*), and wholly below it."""

    above: float
    below: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.above, self.below)


@dataclass(frozen=True)
class Power:
    """How often the advised n decided, over truths drawn around the target, and how many users were advised."""

    decided: float
    advised: int


@dataclass(frozen=True)
class Saving:
    """How many dialogues ``--until-decided`` took on average, beside the fixed n that decides as often."""

    name: str
    threshold: float
    outcome: Frequencies
    wrong: float
    fixed: int

    @property
    def saved(self) -> float:
        """The share of requests saved."""
        return 1 - self.outcome.n / self.fixed


def usual(shape: Population) -> Callable[[FloatArray], tuple[float, float]]:
    """Return the interval that users of other tools take: Wilson's for a rate, else Student-t; of equal values none."""

    def interval(values: FloatArray) -> tuple[float, float]:
        if shape.kind == "share":
            low, high = proportion_confint(values.sum(), values.size, method="wilson")
            return float(low), float(high)
        return means.student(values, LEVEL)

    return interval


def one_look(shape: Population, n: int, repetitions: int, *, level: float = LEVEL) -> tuple[Wrong, Wrong]:
    """Return the error of the report's interval and the usual one, over ``repetitions`` samples of ``n`` dialogues."""
    rng, ours, others = _rng(shape.name, n), [], []
    other = usual(shape)
    for _ in range(repetitions):
        values = shape.draw(rng, n)
        found = shape.evidence(values).estimate(level) if n >= SMALLEST else without_interval(None, n=n)
        ours.append((found.low, found.high))
        others.append(other(values))
    return _wrong(ours, shape.truth), _wrong(others, shape.truth)


def over_looks(shape: Population, threshold: float, following: Next, repetitions: int) -> Frequencies:
    """Return how users' looks end who go on as ``following`` says."""
    rng = _rng(shape.name, threshold, following.__name__)
    return looks.frequencies([looks.play(shape, threshold, following, rng) for _ in range(repetitions)])


def peeking(shape: Population, threshold: float, repetitions: int) -> Frequencies:
    """Return how users' looks end who look five times with the usual interval."""
    rng, interval = _rng(shape.name, threshold, "peeking"), usual(shape)
    return looks.frequencies([looks.peek(shape, threshold, interval, rng) for _ in range(repetitions)])


def power(name: str, repetitions: int) -> Power:
    """Return how often the advised n decides, over truths drawn evenly around the target."""
    make, threshold, (low, high) = TRUTHS[name]
    rng = _rng(name, "power")
    decided: list[bool] = []
    while len(decided) < repetitions:
        shape = make(rng.uniform(low, high))
        values = shape.draw(rng, looks.PILOT)
        if looks.judged(shape, values, threshold, 1) != "undecided":
            continue
        needed = needed_dialogues(shape.evidence(values), threshold, 2)
        if needed is None or needed > 50 * looks.MOST:
            continue
        more = np.concatenate([values, shape.draw(rng, needed - values.size)])
        decided.append(looks.judged(shape, more, threshold, 2) != "undecided")
    return Power(sum(decided) / repetitions, repetitions)


def saving(shape: Population, threshold: float, repetitions: int) -> Saving:
    """Return what looking until it is decided saves over a fixed n that decides as often."""
    found = over_looks(shape, threshold, looks.until_decided, repetitions)
    rng = _rng(shape.name, threshold, "fixed")
    fixed = looks.fixed_n(shape, threshold, min(found.decided, 1 - 1 / repetitions), rng, repetitions)
    wrong = found.met if shape.truth < threshold else found.missed
    return Saving(f"{shape.name}, true mean {shape.truth:g}", threshold, found, wrong, fixed)


def _wrong(intervals: Iterable[tuple[float | None, float | None]], truth: float) -> Wrong:
    found = list(intervals)
    slack = 1e-12 * max(1.0, abs(truth))
    above = sum(low is not None and low > truth + slack for low, _ in found)
    below = sum(high is not None and high < truth - slack for _, high in found)
    return Wrong(above / len(found), below / len(found))


def _rng(*parts: object) -> np.random.Generator:
    """Return a generator of its own for each simulation, the same on every machine."""
    return np.random.default_rng(list("|".join(map(str, parts)).encode()))
