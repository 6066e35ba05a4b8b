"""What a run of load says: rates, times of what succeeded, failures by kind, and whether the service kept up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from helpers.backends.chat import Reuse
from helpers.core.environment import redact
from helpers.core.errors import Failure, RequestError
from helpers.core.model import Frozen
from helpers.experiments.load.queueing import knee
from helpers.experiments.load.sending import KINDS, OK, MeasuredPart, Outcomes
from helpers.experiments.streaming import CLOCKS, PERCENTILES, streaming
from helpers.runs.results.base import Streaming
from helpers.runs.results.load_capacity import LoadVerdict
from helpers.stats.intervals import Estimate, FloatArray, repeats, smallest_n, t_estimate, within, without_interval

#: Seconds within which an answer meets the target, unless told otherwise: the published target of the mean.
LATENCY_TARGET = 3.0
#: How an overloaded service fails: it refuses, or answers too late.
OVERLOAD = (Failure.RATE_LIMITED, Failure.COLD, Failure.TIMEOUT)
#: Saturated: the backlog's trend has at most this p-value and leaves at least this share of the requests behind. The
#: square root of n times the last is the backlog that chance alone makes.
P_VALUE, SHARE, CHANCE = 0.001, 0.03, 1.3
#: More failures than this share are a symptom. They are an end when chance makes the last ones in a row less often
#: than `P_VALUE`, and there are at least this many.
FAILED, LAST = 0.02, 3
#: Half of the requests left later than this, seconds: the load was less than asked for.
LATE_SEND = 0.1
#: Of answers that come in time, no larger share takes longer than the latency target.
LATE = 0.05
#: Of a message this many characters are shown.
SHOWN = 200
#: The trend is looked for in this many averages: neighbouring backlogs are far from independent.
BATCHES = 20
FEWEST = 10

#: Of a rate that holds, fewer requests than this share fail.
ERRORS = 0.01

#: From good to bad; what follows are those of a service that did not keep up, of one that did, and what says neither.
ORDER: tuple[LoadVerdict, ...] = (
    "keeps up", "too slow", "sent too late", "saturated", "failing", "stopped answering",
)  # fmt: skip
BEHIND, ABREAST = ORDER[3:], ORDER[:2]


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

    ``n`` counts scheduled arrivals; each ends as a success or among ``errors``, of which ``messages`` has the first of
    each kind. ``achieved_rate`` are the successes that came within the planned window, per second of it, and
    ``goodput`` those of them within the latency target; the window of a closed loop ends with its last answer.
    ``response_time`` and ``service_time`` are of successes, ``dispatch_delay`` of everything sent. ``first_token``
    (from send) and ``inter_token`` are of answers that came in events, ``None`` where none did; ``cached`` answers,
    taken from the server's cache of prompts, are in neither. ``verdict`` looks at every symptom and ``symptom`` says
    which was found. ``saturated`` is whether the service did not keep up, for whatever reason; it is unknown (``None``)
    of a closed loop that is answered, which never asks more than that, and of too few requests.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    n: int
    intended_rate: float | None
    achieved_rate: float
    goodput: float
    saturated: bool | None
    verdict: LoadVerdict
    symptom: str = ""
    errors: dict[str, int]
    messages: dict[str, str] = Field(default_factory=dict)
    service_time: Times
    response_time: Times
    dispatch_delay: Times
    first_token: Times | None = None
    inter_token: Times | None = None
    cached: int = 0


class RequestSettings(Frozen):
    """The request settings: those that went with every request, and what was done about repeated prompts.

    ``provider`` is whose servers answered, where a router passed the requests on.
    """

    provider: str | None = None
    protocol: str
    model: str | None
    settings: dict[str, Any]
    prompts: Reuse


class LoadReport(RunSummary):
    """What ``helpers load --json`` writes: all repeats pooled, each by itself, and intervals across them."""

    asked: RequestSettings
    arrival: Literal["closed", "constant", "poisson"]
    latency_target: float
    duration: float
    warmup: float
    seed: int
    interrupted: bool
    repeats: tuple[RunSummary, ...]
    intervals: dict[str, Estimate]
    streaming: Streaming | None = None


class Point(Frozen):
    """One rate of a sweep: all its repeats pooled, and each by itself."""

    rate: float
    pooled: RunSummary
    repeats: tuple[RunSummary, ...]
    streaming: Streaming | None = None


class Capacity(Frozen):
    """What a sweep found; ``highest_rate`` has its interval across repeats, ``knee`` is a rate of the sweep."""

    target_p95: float
    highest_rate: Estimate
    knee: float | None


def summarise(
    runs: Sequence[Outcomes],
    rate: float | None,
    target: float = LATENCY_TARGET,
    told: Callable[[RequestError], str] = str,
) -> RunSummary:
    """Return the summary of one run, or of several pooled; ``told`` words an error."""
    parts = [run.measured() for run in runs]
    kinds = np.concatenate([part.kinds for part in parts])
    response = np.concatenate([part.responses for part in parts])
    in_time = np.concatenate([(part.done - part.intended)[part.in_time] for part in parts])
    delays = np.concatenate([part.sent - part.intended for part in parts])
    seconds = sum(part.seconds for part in parts)
    verdict, symptom = _judged([judged(run, rate is not None, target) for run in runs], parts)
    errors = {kind: error for run in reversed(runs) for kind, error in run.errors.items()}
    counted = dict(sorted(Counter(str(KINDS[kind - 2]) for kind in kinds[kinds != OK]).items()))
    return RunSummary(
        n=kinds.size,
        intended_rate=rate,
        achieved_rate=in_time.size / seconds if seconds else 0.0,
        goodput=int((in_time <= target).sum()) / seconds if seconds else 0.0,
        saturated=True if verdict in BEHIND else False if verdict in ABREAST else None,
        verdict=verdict,
        symptom=symptom,
        errors=counted,
        messages={kind: _line(told(errors[Failure(kind)])) for kind in counted if Failure(kind) in errors},
        service_time=times(np.concatenate([part.services for part in parts])),
        response_time=times(response),
        dispatch_delay=times(delays[~np.isnan(delays)]),
        first_token=_clock(parts, "first_token"),
        inter_token=_clock(parts, "inter_token"),
        cached=sum(part.cached for part in parts),
    )


def judged(run: Outcomes, is_open: bool, target: float = LATENCY_TARGET) -> tuple[LoadVerdict, str]:
    """Return whether a service kept up with a run of load, and what shows that it did not, worst first.

    It stopped answering; over 2 % of the requests failed; the backlog of an open loop grew; this machine sent the load
    too late for it to count; over 5 % of the answers took longer than ``target`` seconds.
    """
    part = run.measured()
    if found := _never_again(part) or _failing([part]):
        return found
    if not is_open or part.kinds.size < FEWEST:
        return ("too few requests" if is_open else "closed loop"), ""
    if left := _left_behind(run, part):
        return "saturated", f"the backlog grew to {left} requests"
    if float(np.nanmedian(part.sent - part.intended)) > LATE_SEND:
        return "sent too late", "half of the requests left this machine late: less was sent than asked for"
    late, answered = int((part.responses > target).sum()), part.responses.size
    if late > LATE * answered:
        return "too slow", f"{late} of {answered} answers took over {target:g} s"
    return "keeps up", ""


def _judged(each: Sequence[tuple[LoadVerdict, str]], parts: Sequence[MeasuredPart]) -> tuple[LoadVerdict, str]:
    """Return the verdict on several runs: a run without an end in answers and a share of failures over all count.

    Else it is that of the middle one of those that say something, the worse of two.
    """
    telling = sorted((one for one in each if one[0] in ORDER), key=lambda one: ORDER.index(one[0]))
    if telling and telling[-1][0] == "stopped answering":
        return telling[-1]
    return _failing(parts) or (telling[len(telling) // 2] if telling else each[0])


def _never_again(part: MeasuredPart) -> tuple[LoadVerdict, str] | None:
    """Return that a service stopped answering, when chance hardly lets this many requests at the end fail in a row.

    It does so with the share of failures before them, by Laplace's rule of succession, to the power of their number.
    An overloaded one refuses the last ones as well: that is no such end.
    """
    counted = ~_is_of(part, Failure.CANCELLED)
    good, due = part.good[counted], part.intended[counted]
    answered = np.flatnonzero(good)
    before = int(answered[-1]) + 1 if answered.size else 0
    last = good.size - before
    if not last or (answered.size and _is_of(part, *OVERLOAD)[counted][before:].all()):
        return None
    if not answered.size:
        return "stopped answering", "it never answered"
    share = (before - answered.size + 1) / (before + 2)
    if last < LAST or share**last > P_VALUE:
        return None
    return "stopped answering", f"no answer to the last {last} requests, from {due[before]:.1f} s on"


def _failing(parts: Sequence[MeasuredPart]) -> tuple[LoadVerdict, str] | None:
    """Return that too many requests failed, be it by what overload does alone; what we broke off is no failure."""
    failed = sum(int((~part.good & ~_is_of(part, Failure.CANCELLED)).sum()) for part in parts)
    refused = sum(int(_is_of(part, *OVERLOAD).sum()) for part in parts)
    n = sum(int((~_is_of(part, Failure.CANCELLED)).sum()) for part in parts)
    if failed <= FAILED * n:
        return None
    if refused == failed:
        return "saturated", f"{failed} of {n} requests were refused or answered too late"
    return "failing", f"{failed} of {n} requests failed"


def _is_of(part: MeasuredPart, *kinds: Failure) -> NDArray[np.bool_]:
    return np.isin(part.kinds, [KINDS.index(kind) + 2 for kind in kinds])


def _line(message: str) -> str:
    return redact(" ".join(message.split()))[:SHOWN]


def _left_behind(run: Outcomes, part: MeasuredPart) -> int:
    """Return the requests that a growing backlog leaves behind at the end of a run, 0 when none grows.

    Kendall's rank correlation of the backlog (arrived but not answered, averaged over twenty equal parts of the
    window) with time must be positive beyond chance, and more than 3 % of the arrivals must be left behind at its end.
    Of simulated M/M/1 queues with 500 requests it finds none at a utilisation of 0.8 and nearly all at 1.3, which the
    tests hold it to; with 60 requests 1 % at 0.8 and 91 % at 1.6. A stall that is made up for leaves nothing behind.
    Source: Mann (1945), Kendall (1975), as in ``scipy.stats.kendalltau``.
    """
    from scipy import stats

    n = part.intended.size
    edges = np.linspace(run.warmup, run.window, BATCHES * 10 + 1)[1:]
    arrived = np.searchsorted(part.intended, edges, side="right")
    ended = np.sort(part.done[~np.isnan(part.done)])
    backlog = arrived - np.searchsorted(ended, edges, side="right")
    trend = stats.kendalltau(np.arange(BATCHES), backlog.reshape(BATCHES, -1).mean(axis=1), alternative="greater")
    grew = trend.pvalue <= P_VALUE and backlog[-1] > max(SHARE * n, CHANCE * math.sqrt(n))
    return int(backlog[-1]) if grew else 0


def intervals(runs: Sequence[Outcomes]) -> dict[str, Estimate]:
    """Return mean and percentiles of response time, and the successes per second, with intervals across runs.

    Requests of one run depend on each other, so n counts runs; one run alone has none.
    """
    parts = [run.measured() for run in runs]
    responses = [part.responses for part in parts]
    found = {"throughput": repeats([[int(part.in_time.sum()) / part.seconds] for part in parts if part.seconds])}
    if all(response.size for response in responses):
        found["mean"] = repeats(responses)
        found |= {f"p{p}": repeats(responses, p) for p in PERCENTILES}
    return {name: within(estimate, 0.0, math.inf) for name, estimate in found.items()}


def streamed(runs: Sequence[Outcomes]) -> Streaming | None:
    """Return the clocks of answers that came in events, with intervals across the runs that have any."""
    parts = [run.measured() for run in runs]
    clocks = {name: [part.clocks[name] for part in parts if part.clocks[name].size] for name in CLOCKS}
    clocks["tokens_per_second"] = [1 / values for each in clocks["inter_token"] if (values := each[each > 0]).size]

    def figure(name: str, p: float | None) -> Estimate | None:
        return within(repeats(clocks[name], p), 0.0, math.inf) if clocks[name] else None

    return streaming(sum(part.streamed for part in parts), figure)


def times(values: FloatArray) -> Times:
    """Return mean, percentiles and largest of some times; each percentile only where one could bound it."""
    if not values.size:
        return Times(mean=None, p50=None, p90=None, p95=None, p99=None, max=None)
    found = {f"p{p}": _percentile(values, p) for p in PERCENTILES}
    return Times(mean=float(values.mean()), max=float(values.max()), **found)


def point(rate: float, runs: Sequence[Outcomes], target: float) -> Point:
    """Return what the repeats at one rate say."""
    each = tuple(summarise([run], rate, target) for run in runs)
    return Point(rate=rate, pooled=summarise(runs, rate, target), repeats=each, streaming=streamed(runs))


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


def _clock(parts: Sequence[MeasuredPart], name: str) -> Times | None:
    """Return a clock of the answers that came in events, if any did and it is known."""
    values = np.concatenate([part.clocks[name] for part in parts if part.streamed] or [np.empty(0)])
    return times(values) if values.size else None


def _percentile(values: FloatArray, p: float) -> float | None:
    return float(np.percentile(values, p)) if values.size >= smallest_n(p, sides=1) else None


def _highest(found: Sequence[tuple[float | None, bool]]) -> Estimate:
    held = np.array([rate for rate, _ in found if rate is not None])
    if held.size < len(found):
        note = "a run is too short for p95, which needs so many successful requests in each"
        return without_interval(None, n=len(found), unit="repeat", needs=smallest_n(95, sides=1), note=note)
    estimate = t_estimate(held, unit="repeat", method="independent-repeats")
    if not held.all():
        return estimate.model_copy(update={"note": "the lowest rate asked for does not hold in every repeat"})
    if any(is_open for _, is_open in found):
        bound = {"high": None, "bound": "lower", "note": "every rate asked for holds: the capacity is higher"}
        return estimate.model_copy(update=bound)
    return estimate


def _holds(rates: Sequence[float], runs: Sequence[RunSummary], target: float) -> tuple[float | None, bool]:
    """Return the highest rate that one repeat sustains, and whether that is only the highest that was tried."""
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
