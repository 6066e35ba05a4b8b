"""The highest rate that a service holds, found by bisection: it holds one if the interval of p95 meets the target."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from helpers.experiments.load.arrivals import Arrival, Plan
from helpers.experiments.load.sending import Outcomes
from helpers.experiments.load.summary import ERRORS, RequestSettings, RunSummary, intervals, streamed, summarise
from helpers.params.base import Section
from helpers.runs.results.base import Streaming
from helpers.stats.intervals import Estimate, smallest_n

#: The highest rate that is sustained and the lowest that is not differ by this share at most; most rates to try.
PRECISION, MOST = 0.1, 12
#: An interval across repeats takes this many; each has enough requests for p95, with some to spare.
FEWEST_REPEATS, SPARE = 3, 1.3
#: Before the search, this many requests are sent one after the other; it begins where they would take half of the time,
#: and goes no further down than a tenth: there hardly one waits for another.
FIRST, HALF, TENTH = 3, 0.5, 0.1


class Tried(Section):
    """One rate: its repeats pooled, p95 with its interval across them, and whether that meets the target."""

    rate: float
    seconds: float
    holds: bool
    p95: Estimate | None
    pooled: RunSummary
    streaming: Streaming | None = None


class RateSearch(Section):
    """What ``helpers load --find-rate`` writes, the rates in the order in which they were tried.

    ``highest_rate`` is the highest that holds, ``lowest_missed`` the lowest that does not; ``None`` where none of the
    rates did. ``alone`` is what a request takes on average when it has the service to itself, seconds.
    """

    asked: RequestSettings
    arrival: Arrival
    target_p95: float
    alone: float | None
    highest_rate: float | None
    lowest_missed: float | None
    tried: tuple[Tried, ...]
    interrupted: bool


def bisect(
    holds: Callable[[float], bool | None], start: float, least: float = 0.0
) -> tuple[float | None, float | None]:
    """Return the highest rate that holds and the lowest that does not, of at most `MOST` that are tried.

    It doubles or halves ``start``, not below ``least``, until there is one of each, then halves what is between them on
    a logarithmic scale. ``holds`` returns ``None`` to end the search.
    """
    best: float | None = None
    worst: float | None = None
    rate = start
    for _ in range(MOST):
        found = holds(rate)
        if found is None:
            break
        best, worst = (rate, worst) if found else (best, rate)
        if best is None or worst is None:
            rate = rate * 2 if found else rate / 2
            if rate < least:
                break
        elif worst <= best * (1 + PRECISION):
            break
        else:
            rate = math.sqrt(best * worst)
    return best, worst


def search(
    run: Callable[[Plan], Sequence[Outcomes]], plan: Plan, start: float | None, target: float, asked: RequestSettings
) -> RateSearch:
    """Return what a bisection found; ``run`` carries out every repeat of a plan.

    Some requests one after the other say what is possible and, without a ``start`` (requests per second), where to
    begin.
    """
    tried: list[Tried] = []
    interrupted = False

    def holds(rate: float) -> bool | None:
        nonlocal interrupted
        seconds = max(plan.seconds, math.ceil(SPARE * smallest_n(95, sides=1) / rate))
        runs = run(replace(plan, rate=rate, seconds=seconds))
        interrupted = any(one.interrupted for one in runs)
        if interrupted:
            return None
        tried.append(judged_rate(rate, seconds, runs, target))
        return tried[-1].holds

    first = run(replace(plan, arrival="closed", rate=None, concurrency=1, warmup=0.0, count=FIRST))
    alone = summarise(first, None, target).service_time.mean
    interrupted = any(one.interrupted for one in first)
    found: tuple[float | None, float | None] = (None, None)
    if alone and alone <= target and not interrupted:
        found = bisect(holds, start or HALF / alone, TENTH / alone)
    return RateSearch(
        asked=asked,
        arrival=plan.arrival,
        target_p95=target,
        alone=alone,
        highest_rate=found[0],
        lowest_missed=found[1],
        tried=tuple(tried),
        interrupted=interrupted,
    )


def judged_rate(rate: float, seconds: float, runs: Sequence[Outcomes], target: float) -> Tried:
    """Return whether a rate holds: p95's interval is within the target, hardly a request fails, no backlog grows."""
    pooled, p95 = summarise(runs, rate, target), intervals(runs).get("p95")
    failed = sum(pooled.errors.values()) / max(1, pooled.n)
    within = p95 is not None and p95.high is not None and p95.high <= target
    holds = within and failed < ERRORS and pooled.saturated is False
    return Tried(rate=rate, seconds=seconds, holds=holds, p95=p95, pooled=pooled, streaming=streamed(runs))
