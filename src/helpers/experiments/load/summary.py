"""What a run of load says: rates, times of what succeeded, failures by kind, and whether the service kept up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import ConfigDict

from helpers.core.errors import Failure
from helpers.core.model import Frozen
from helpers.experiments.load.queueing import knee
from helpers.experiments.load.sending import KINDS, OK, Outcomes
from helpers.stats.intervals import Estimate, FloatArray, repeats, smallest_n, t_estimate, within, without_interval

#: Seconds within which an answer counts as good, unless told otherwise: the published target of the mean.
LATENCY_TARGET = 3.0
PERCENTILES = (50, 90, 95, 99)
#: How a service that is asked too much fails: it refuses, or answers too late.
OVERLOAD = (Failure.RATE_LIMITED, Failure.COLD, Failure.TIMEOUT)
#: Saturated: the backlog's trend has at most this p-value and leaves at least this share of the requests behind,
#: or more than this share fails by overload. The square root of n times the last is what chance piles up.
P_VALUE, SHARE, REFUSED, CHANCE = 0.001, 0.03, 0.02, 0.7
#: The trend is looked for in this many averages: neighbouring backlogs are far from independent.
BATCHES = 20
FEWEST = 10

#: Of a rate that holds, fewer requests than this share fail.
ERRORS = 0.01


class Times(Frozen):
    """Mean, percentiles and largest of times, seconds; what n cannot support is ``None``."""

    model_config = ConfigDict(allow_inf_nan=False)

    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None


class RunSummary(Frozen):
    """One run, or several pooled: rates per second, times in seconds, of the measured part alone.

    ``n`` counts scheduled arrivals; each ends as a success or among ``errors``. ``achieved_rate`` are successes and
    ``goodput`` those within the latency target, both until the last answer. ``response_time`` and ``service_time`` are
    of successes, ``dispatch_delay`` of everything sent. ``saturated`` is unknown (``None``) of a closed loop, which
    never asks more than is answered, and of fewer than ten requests.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    n: int
    intended_rate: float | None
    achieved_rate: float
    goodput: float
    saturated: bool | None
    errors: dict[str, int]
    service_time: Times
    response_time: Times
    dispatch_delay: Times


class LoadReport(RunSummary):
    """What ``helpers load --json`` writes: all repeats pooled, each by itself, and intervals across them."""

    arrival: Literal["closed", "constant", "poisson"]
    latency_target: float
    duration: float
    warmup: float
    seed: int
    interrupted: bool
    repeats: tuple[RunSummary, ...]
    intervals: dict[str, Estimate]


class Point(Frozen):
    """One rate of a sweep: all its repeats pooled, and each by itself."""

    rate: float
    pooled: RunSummary
    repeats: tuple[RunSummary, ...]


class Capacity(Frozen):
    """What a sweep found; ``highest_rate`` has its interval across repeats, ``knee`` is a rate of the sweep."""

    target_p95: float
    highest_rate: Estimate
    knee: float | None


def summarise(runs: Sequence[Outcomes], rate: float | None, target: float = LATENCY_TARGET) -> RunSummary:
    """Return the summary of one run, or of several pooled; saturated when more than half of them are."""
    parts = [run.measured() for run in runs]
    kinds = np.concatenate([part.kinds for part in parts])
    response = np.concatenate([part.responses for part in parts])
    delays = np.concatenate([part.sent - part.intended for part in parts])
    seconds = sum(part.seconds for part in parts)
    known = [verdict for run in runs if (verdict := saturated(run)) is not None]
    return RunSummary(
        n=kinds.size,
        intended_rate=rate,
        achieved_rate=response.size / seconds if seconds else 0.0,
        goodput=int((response <= target).sum()) / seconds if seconds else 0.0,
        saturated=None if rate is None or not known else known.count(True) > len(known) / 2,
        errors=dict(sorted(Counter(str(KINDS[kind - 2]) for kind in kinds[kinds != OK]).items())),
        service_time=times(np.concatenate([part.services for part in parts])),
        response_time=times(response),
        dispatch_delay=times(delays[~np.isnan(delays)]),
    )


def saturated(run: Outcomes) -> bool | None:
    """Return whether a service was asked more than it can do; ``None`` where too few requests say nothing.

    Kendall's rank correlation of the backlog (arrived but not answered, averaged over twenty equal parts of the
    window) with time must be positive beyond chance, and more than 3 % of the arrivals must be left behind at its end;
    or over 2 % of the requests were refused or came too late while others were answered. Of simulated M/M/1 queues
    with 500 requests it finds none at a utilisation of 0.8 and nearly all at 1.3, which the tests hold it to; a stall
    that is made up for leaves nothing behind. Source: Mann (1945), Kendall (1975), as in ``scipy.stats.kendalltau``.
    """
    part = run.measured()
    n = part.intended.size
    if n < FEWEST:
        return None
    refused = np.isin(part.kinds, [KINDS.index(kind) + 2 for kind in OVERLOAD])
    if refused.mean() > REFUSED and part.good.any():
        return True
    from scipy import stats

    edges = np.linspace(run.warmup, run.window, BATCHES * 10 + 1)[1:]
    arrived = np.searchsorted(part.intended, edges, side="right")
    ended = np.sort(part.done[~np.isnan(part.done)])
    backlog = arrived - np.searchsorted(ended, edges, side="right")
    trend = stats.kendalltau(np.arange(BATCHES), backlog.reshape(BATCHES, -1).mean(axis=1), alternative="greater")
    return bool(trend.pvalue <= P_VALUE and backlog[-1] > max(SHARE * n, CHANCE * math.sqrt(n)))


def intervals(runs: Sequence[Outcomes]) -> dict[str, Estimate]:
    """Return mean and percentiles of response time, and the successes per second, with intervals across runs.

    Requests of one run depend on each other, so n counts runs; one run alone has none.
    """
    parts = [run.measured() for run in runs]
    responses = [part.responses for part in parts]
    found = {"throughput": repeats([[part.responses.size / part.seconds] for part in parts if part.seconds])}
    if all(response.size for response in responses):
        found["mean"] = repeats(responses)
        found |= {f"p{p}": repeats(responses, p) for p in PERCENTILES}
    return {name: within(estimate, 0.0, math.inf) for name, estimate in found.items()}


def times(values: FloatArray) -> Times:
    """Return mean, percentiles and largest of some times; each percentile only where one could bound it."""
    if not values.size:
        return Times(mean=None, p50=None, p90=None, p95=None, p99=None, max=None)
    found = {f"p{p}": _percentile(values, p) for p in PERCENTILES}
    return Times(mean=float(values.mean()), max=float(values.max()), **found)


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


def _percentile(values: FloatArray, p: float) -> float | None:
    return float(np.percentile(values, p)) if values.size >= smallest_n(p, sides=1) else None


def _highest(found: Sequence[tuple[float | None, bool]]) -> Estimate:
    held = np.array([rate for rate, _ in found if rate is not None])
    if held.size < len(found):
        note = "a run is too short for p95; needs counts the successes of a run"
        return without_interval(None, n=len(found), unit="repeat", needs=smallest_n(95, sides=1), note=note)
    estimate = t_estimate(held, unit="repeat", method="independent-repeats")
    if not held.all():
        return estimate.model_copy(update={"note": "the lowest rate asked for does not hold in every repeat"})
    if any(is_open for _, is_open in found):
        bound = {"high": None, "bound": "lower", "note": "every rate asked for holds: the capacity is higher"}
        return estimate.model_copy(update=bound)
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
