"""Estimates with the interval that their n supports: rates, means, percentiles.

The unit of inference is the dialogue: with ``clusters`` (one dialogue id per value) repeats are averaged per
dialogue first, and n counts dialogues. Intervals are of 95 % unless ``level`` says otherwise; ``docs/statistics.md``
shows how often each is wrong under which data.

Response times under load depend on each other, one slow request delaying the next, and intervals for independent
values are far too narrow: of one run of an M/M/1 queue that is 80 % busy, Student-t on 500 response times covers 18 %
and order statistics for p95 cover 17 %, not 95 %. They have `batch_means` and `repeats`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict

from helpers.core.model import Frozen
from helpers.stats import coverage, means

FloatArray = NDArray[np.float64]
Unit = Literal["dialogue", "request", "attempt", "repeat"]

LEVEL = 0.95
#: Fewer values than this have no interval of their mean, and no verdict.
SMALLEST = 5
#: By so much a score in single precision may lie beyond its bound.
ROUNDING = 1e-6
#: Of one run's dependent values: how many batches their means are taken of, and how long one is at least.
BATCHES = 10
SMALLEST_BATCH = 10


#: The method of a figure that follows from what is configured, without a sample.
EXACT = "exact"


class Estimate(Frozen):
    """A figure, its interval and the n behind both; what n cannot support is None."""

    model_config = ConfigDict(allow_inf_nan=False)

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: Unit = "dialogue"
    level: float = LEVEL
    #: "clopper-pearson", "widest" (of several for a mean), "log-ratio", "student-t", "order-statistics", "batch-means",
    #: "independent-repeats", or "none"
    method: str
    #: "upper": ``high`` alone is given, and the true value lies below it with probability ``level``
    bound: Literal["two-sided", "upper", "lower", "none"] = "two-sided"
    #: requests behind the n, where a unit of inference took several
    requests: int | None = None
    #: smallest n at which the percentile may be stated; set only when n is below it
    needs: int | None = None
    #: largest value seen, shown in place of a percentile that n cannot support
    largest: float | None = None
    note: str = ""


def rate(
    successes: int, n: int, *, unit: Unit = "dialogue", level: float = LEVEL, requests: int | None = None
) -> Estimate:
    """Return the share ``successes / n`` with its exact interval: 10 of 10 gives 0.69 to 1.

    Outcomes must be independent: for repeats of dialogues see ``clustered_rate``. The interval misses a true rate
    above it, and one below it, with half of ``1 - level`` at most, whatever the rate; Wilson's misses one in six near
    0 or 1. Raises ValueError unless 0 <= successes <= n. Source: Clopper and Pearson (1934).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"rate: {successes} successes of {n}: give counts with 0 <= successes <= n")
    return _exact(float(successes), n, level, unit=unit, requests=requests)


def clustered_rate(outcomes: ArrayLike, clusters: ArrayLike, *, level: float = LEVEL) -> Estimate:
    """Return the rate of attempts nested in dialogues: the mean of the dialogues' own rates, each counted once.

    ``outcomes`` are 0 or 1, one per attempt. The effective n lies between the dialogues (attempts of one all
    agree) and the attempts (they are independent); the lower end is used, because an n estimated from a
    few dialogues covered as little as 88 % in simulation. Raises ValueError for other outcomes.
    """
    (x,) = checked(outcomes=outcomes)
    if not np.isin(x, (0, 1)).all():
        raise ValueError("clustered_rate: outcomes must be 0 or 1, one per attempt; for scores use mean")
    return mean_rate(per_dialogue(x, clusters), level=level, requests=x.size)


def mean_rate(rates: ArrayLike, *, level: float = LEVEL, requests: int | None = None) -> Estimate:
    """Return the mean of the dialogues' own rates with the exact interval of as many outcomes of 0 or 1.

    No rates of a mean spread wider than outcomes of 0 or 1 do. Raises ValueError for a rate outside 0 to 1.
    """
    (x,) = checked(rates=rates)
    if ((x < 0) | (x > 1)).any():
        raise ValueError("mean_rate: rates must lie between 0 and 1")
    return _exact(float(x.sum()), x.size, level, requests=requests)


def mean(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    unit: Unit = "dialogue",
    level: float = LEVEL,
    floor: float = -math.inf,
    ceiling: float = math.inf,
    requests: int | None = None,
) -> Estimate:
    """Return the mean with an interval that errs with half of ``1 - level`` at most on each side, from n = 5.

    ``floor`` and ``ceiling`` are the bounds between which values can lie; the interval stays within them. It is the
    widest of those in `helpers.stats.means`, which see. Zeros and ones mixed are a rate and get its interval, where
    nothing can lie outside of them. Values that are all equal get one only where bounds say how far an unseen value can
    lie off. Raises ValueError for values that are not finite or out of bounds.
    """
    (x,) = checked(values=values)
    averages = x if clusters is None else per_dialogue(x, clusters)
    outside = np.flatnonzero((averages < floor - ROUNDING) | (averages > ceiling + ROUNDING))
    if outside.size:
        raise ValueError(f"mean: {averages[outside[0]]} is not between {floor} and {ceiling}")
    averages = np.clip(averages, floor, ceiling)
    counted: dict[str, Any] = {
        "unit": unit,
        "level": level,
        "requests": requests if clusters is None else x.size,
        "n": averages.size,
    }
    if averages.size == 0:
        return without_interval(None, **counted, note="nothing was measured")
    value = float(averages.mean())
    # Differences of 0 and 1 are none: that none was below 0 does not say that none can be.
    is_rate = floor >= 0 and ceiling <= 1 and np.isin(averages, (0, 1)).all()
    if is_rate and not means.equal(averages):
        return _exact(float(averages.sum()), **counted)
    if averages.size < SMALLEST:
        return without_interval(value, **counted, note=f"an interval needs at least {SMALLEST} {unit}s")
    interval = means.interval(averages, level, floor, ceiling)
    if interval is None:
        return without_interval(value, **counted, note="all values are equal: no spread to judge from")
    return two_sided(value, interval, method="widest", **counted)


def percentile(values: ArrayLike, p: float, clusters: ArrayLike | None = None, *, unit: Unit = "dialogue") -> Estimate:
    """Return the ``p``-th percentile (50 <= p < 100, as in 95 for p95) with an order-statistic interval.

    Exact for independent values of any continuous distribution, conservative with ties. Where n is too small
    for two sides ``high`` alone is given, a one-sided 95 % upper bound; where it is too small for that the
    value is None, with ``largest`` and ``needs``. Never for response times under load (`batch_means`, `repeats`). The
    value is that of ``numpy.percentile``. Raises ValueError for another p or values that are not finite.
    Source: Conover (1999), section 3.2, as in ``scipy.stats.quantile_test``.
    """
    fewest = smallest_n(p, sides=1)
    (x,) = checked(values=values)
    averages = x if clusters is None else per_dialogue(x, clusters)
    n = averages.size
    counted: dict[str, Any] = {"n": n, "unit": unit, "requests": None if clusters is None else x.size}
    if n < fewest:
        largest = float(averages.max()) if n else None
        note = "" if n else "nothing was measured"
        return without_interval(None, needs=fewest, largest=largest, note=note, **counted)
    from scipy import stats

    enough = n >= smallest_n(p, sides=2)
    alternative = "two-sided" if enough else "less"
    low, high = stats.quantile_test(averages, p=p / 100, alternative=alternative).confidence_interval(LEVEL)
    value = float(np.percentile(averages, p))
    if enough:
        return two_sided(value, (low, high), method="order-statistics", **counted)
    return Estimate(value=value, low=None, high=high, method="order-statistics", bound="upper", **counted)


def smallest_n(p: float, *, sides: Literal[1, 2]) -> int:
    """Return the fewest independent values that bound the ``p``-th percentile at 95 % on one or both sides.

    All n values lie below the percentile with probability (p / 100) ** n, and then no value seen bounds it
    from above: that must not exceed 5 % (one side) or 2.5 % (each of two). Raises ValueError unless
    50 <= p < 100.
    """
    if not 50 <= p < 100:
        raise ValueError(f"percentile: p is {p}; give 50 <= p < 100, as in 95 for p95")
    return math.ceil(math.log((1 - LEVEL) / sides) / math.log(p / 100))


def checked(**series: ArrayLike) -> list[FloatArray]:
    """Return the named series as float arrays.

    Raises one ValueError that names every series that is not flat, not finite or not as long as the first.
    """
    arrays = {name: np.asarray(values, dtype=float) for name, values in series.items()}
    first, *_ = arrays
    problems = []
    for name, array in arrays.items():
        bad = np.flatnonzero(~np.isfinite(array))
        if array.ndim != 1:
            problems.append(f"{name}: has {array.ndim} dimensions; give one value after the other")
        elif bad.size:
            where = f"{bad.size} of {array.size} values are not finite, the first at index {bad[0]}"
            problems.append(f"{name}: {where}; leave them out, or count them as failures")
        if array.shape[:1] != arrays[first].shape[:1]:
            problems.append(f"{name}: {array.size} values for {arrays[first].size} {first}; give one for each")
    if problems:
        raise ValueError("\n".join(problems))
    return list(arrays.values())


def per_dialogue(values: FloatArray, clusters: ArrayLike) -> FloatArray:
    """Return the mean of ``values`` per distinct id in ``clusters``, in the order of the sorted ids."""
    ids = np.asarray(clusters)
    if ids.shape != values.shape:
        raise ValueError(f"clusters: {ids.size} ids for {values.size} values; give the dialogue of each value")
    _, index, counts = np.unique(ids, return_inverse=True, return_counts=True)
    return np.bincount(index, weights=values) / counts


def t_estimate(figures: FloatArray, **fields: Any) -> Estimate:
    """Return the mean of independent ``figures`` with its Student-t interval.

    ``fields`` go to the Estimate. Source: Student (1908).
    """
    fields = {"n": figures.size} | fields
    if figures.size == 0:
        return without_interval(None, **fields | {"note": "nothing was measured"})
    value = float(figures.mean())
    if figures.size == 1:
        return without_interval(value, **fields | {"note": "one value has no interval"})
    if means.equal(figures):
        return without_interval(value, **fields | {"note": "all values are equal: no spread to judge from"})
    from scipy import stats

    reach = stats.t.ppf((1 + LEVEL) / 2, figures.size - 1) * figures.std(ddof=1) / math.sqrt(figures.size)
    return two_sided(value, (value - reach, value + reach), **fields)


def two_sided(value: float, interval: tuple[float, float], **fields: Any) -> Estimate:
    """Return an Estimate whose interval holds its value in spite of rounding."""
    low, high = interval
    return Estimate(value=value, low=min(low, value), high=max(high, value), **fields)


def within(estimate: Estimate, floor: float, ceiling: float) -> Estimate:
    """Return an estimate with its interval cut to the values it can take: from few runs Student-t reaches beyond."""
    low = None if estimate.low is None else max(estimate.low, floor)
    high = None if estimate.high is None else min(estimate.high, ceiling)
    return estimate.model_copy(update={"low": low, "high": high})


def without_interval(value: float | None, **fields: Any) -> Estimate:
    """Return an Estimate that states no interval; ``fields`` say why."""
    return Estimate(**fields | {"value": value, "low": None, "high": None, "method": "none", "bound": "none"})


def batch_means(values: ArrayLike) -> Estimate:
    """Return the mean of one run, with a Student-t interval on the means of ten successive batches.

    ``values`` are in order of arrival, warm-up removed; a remainder is left out at the start. At least 100
    are needed. Batches must be long against the memory of the queue: of an M/M/1 queue 80 % busy the interval
    covers 74 % with 500 values, 86 % with 2,000 and 93 % from 20,000, as the note says; prefer `repeats`.
    Raises ValueError for values that are not finite. Source: Schmeiser (1982); Law (2015), section 9.5.3.
    """
    (x,) = checked(values=values)
    if x.size < BATCHES * SMALLEST_BATCH:
        note = f"batch means need at least {BATCHES * SMALLEST_BATCH} values" if x.size else "nothing was measured"
        return without_interval(float(x.mean()) if x.size else None, n=x.size, unit="request", note=note)
    used = x[x.size % BATCHES :].reshape(BATCHES, -1)
    note = coverage.covers(coverage.BATCH_MEANS, used.size)
    return t_estimate(used.mean(axis=1), n=used.size, unit="request", method="batch-means", note=note)


def repeats(runs: Sequence[ArrayLike], p: float | None = None) -> Estimate:
    """Return the mean, or the ``p``-th percentile, over independent runs: Student-t on one figure per run.

    ``runs`` hold the values of each run, warm-up removed; n counts runs. Runs are independent, but a short
    one sees little congestion: of five runs of an M/M/1 queue 80 % busy, with 500 values each, the interval
    covers 90 % for the mean and 82 % for p95, as the note says. A percentile that the shortest run cannot
    bound (`smallest_n`) is None, with ``largest``; ``needs`` is then in requests per run. Raises ValueError
    for an empty run, values not finite or another p. Source: Law (2015), section 9.4.
    """
    values = [checked(**{f"run {number}": run})[0] for number, run in enumerate(runs, start=1)]
    empty = [f"run {number}" for number, run in enumerate(values, start=1) if run.size == 0]
    if empty:
        raise ValueError(f"repeats: {', '.join(empty)}: no values; leave runs without a success out, and say so")
    shortest = min((run.size for run in values), default=0)
    requests = sum(run.size for run in values)
    if p is None:
        figures = np.array([run.mean() for run in values])
        table = coverage.REPEATED_MEAN
    else:
        fewest = smallest_n(p, sides=1)
        if 0 < shortest < fewest:
            largest = float(max(run.max() for run in values))
            note = "each run is too short for this percentile; needs counts requests per run"
            return without_interval(
                None,
                n=len(values),
                unit="repeat",
                requests=requests,
                needs=fewest,
                largest=largest,
                note=note,
            )
        figures = np.array([np.percentile(run, p) for run in values])
        tabled = coverage.REPEATED_PERCENTILE
        table = tabled[min((q for q in tabled if q >= p), default=max(tabled))]
    note = coverage.covers(table, shortest)
    return t_estimate(figures, unit="repeat", requests=requests, method="independent-repeats", note=note)


def _exact(successes: float, n: int, level: float, **fields: Any) -> Estimate:
    if n == 0:
        return without_interval(None, n=0, level=level, note="nothing was measured", **fields)
    interval = means.share_interval(successes, n, level)
    return two_sided(successes / n, interval, n=n, level=level, method="clopper-pearson", **fields)
