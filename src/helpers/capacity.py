"""How much a service holds: the highest rate with p95 response time and error rate within bounds, and the knee."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from helpers.load_summary import RunSummary, summarise
from helpers.queueing import knee
from helpers.sending import Outcomes
from helpers.stats.intervals import Estimate, smallest_n, t_estimate, without_interval

#: Of a rate that holds, fewer requests than this share fail.
ERRORS = 0.01


class Point(BaseModel):
    """One rate of a sweep: all its repeats pooled, and each by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float
    pooled: RunSummary
    repeats: tuple[RunSummary, ...]


class Capacity(BaseModel):
    """What a sweep found; ``highest_rate`` has its interval across repeats, ``knee`` is a rate of the sweep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_p95: float
    highest_rate: Estimate
    knee: float | None


def point(rate: float, runs: Sequence[Outcomes], target: float) -> Point:
    """Return what the repeats at one rate say."""
    each = tuple(summarise([run], rate, target) for run in runs)
    return Point(rate=rate, pooled=summarise(runs, rate, target), repeats=each)


def capacity(points: Sequence[Point], target: float) -> Capacity:
    """Return the capacity that a sweep over rising rates found.

    Each repeat gives one figure: the rate at which p95 response time or error rate leaves its bound, interpolated
    between the last rate that holds and the first that does not; n counts repeats. Where every rate holds, the
    capacity is at least the highest. A p95 that a run is too short for is not guessed: ``needs`` counts its requests.
    """
    rows = sorted(points, key=lambda one: one.rate)
    rates = [one.rate for one in rows]
    means = [None if one.pooled.saturated else one.pooled.response_time.mean for one in rows]
    found = [_holds(rates, repeat, target) for repeat in zip(*(one.repeats for one in rows), strict=True)]
    return Capacity(target_p95=target, highest_rate=_highest(found), knee=knee(rates, means))


def _highest(found: Sequence[tuple[float | None, bool]]) -> Estimate:
    held = np.array([rate for rate, _ in found if rate is not None])
    if held.size < len(found):
        note = "a run is too short for p95; needs counts the successes of a run"
        return without_interval(None, n=len(found), unit="repeat", needs=smallest_n(95, sides=1), note=note)
    estimate = t_estimate(held, unit="repeat", method="independent-repeats")
    if not held.all():
        return estimate.model_copy(update={"note": "the lowest rate asked for does not hold in every repeat"})
    if any(is_open for _, is_open in found):
        told = {"high": None, "bound": "lower", "note": "every rate asked for holds: the capacity is higher"}
        return estimate.model_copy(update=told)
    return estimate


def _holds(rates: Sequence[float], runs: Sequence[RunSummary], target: float) -> tuple[float | None, bool]:
    """Return up to which rate one repeat holds, and whether that is only as far as was asked."""
    last_rate, last_p95 = 0.0, 0.0
    for rate, run in zip(rates, runs, strict=True):
        p95, failed = run.response_time.p95, sum(run.errors.values()) / max(1, run.n)
        if failed >= ERRORS:
            return last_rate, False
        if p95 is None:
            return None, False
        if p95 > target:
            share = (target - last_p95) / (p95 - last_p95) if last_rate else 0.0
            return last_rate + share * (rate - last_rate), False
        last_rate, last_p95 = rate, p95
    return last_rate, True
