"""Estimates with the interval that their n supports: rates, means, percentiles.

The unit of inference is the dialogue: with ``clusters`` (one dialogue id per value) repeats are averaged per
dialogue first, and n counts dialogues. All intervals are nominal 95 %; where simulation found less than 93 %
the estimate's ``note`` says what it really covers (`coverage`).

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
from helpers.stats import coverage

FloatArray = NDArray[np.float64]
Unit = Literal["dialogue", "request", "attempt", "repeat"]

LEVEL = 0.95
RESAMPLES = 10_000
#: Where BCa replaces Student-t in ``mean``: see there.
BCA_FROM, BCA_TO = 100, 5_000
#: Of one run's dependent values: how many batches their means are taken of, and how long one is at least.
BATCHES = 10
SMALLEST_BATCH = 10


class Estimate(Frozen):
    """A figure, its interval and the n behind both; what n cannot support is None."""

    model_config = ConfigDict(allow_inf_nan=False)

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: Unit = "dialogue"
    level: float = LEVEL
    #: "wilson", "student-t", "bca-bootstrap", "cluster-bootstrap", "order-statistics", "batch-means",
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


def rate(successes: int, n: int, *, unit: Unit = "dialogue", requests: int | None = None) -> Estimate:
    """Return the share ``successes / n`` with its Wilson score interval.

    10 of 10 gives 0.72 to 1. Outcomes must be independent: for repeats of dialogues see ``clustered_rate``.
    Averaged over true rates the interval covers 95 %, but single rates dip: near 0 or 1 to 83 %, which the
    note says when at most four of the rarer outcome were seen; elsewhere to 91 %.
    Raises ValueError unless 0 <= successes <= n. Source: Wilson (1927); Brown, Cai and DasGupta (2001).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"rate: {successes} successes of {n}: give counts with 0 <= successes <= n")
    return _wilson(float(successes), n, unit=unit, requests=requests)


def clustered_rate(outcomes: ArrayLike, clusters: ArrayLike) -> Estimate:
    """Return the rate of attempts nested in dialogues: Wilson on the mean of the dialogues' own rates.

    ``outcomes`` are 0 or 1, one per attempt. The effective n lies between the dialogues (attempts of one all
    agree) and the attempts (they are independent); the lower end is used, because an n estimated from a
    few dialogues covered as little as 88 % in simulation. Raises ValueError for other outcomes.
    """
    (x,) = checked(outcomes=outcomes)
    if not np.isin(x, (0, 1)).all():
        raise ValueError("clustered_rate: outcomes must be 0 or 1, one per attempt; for scores use mean")
    rates = per_dialogue(x, clusters)
    return _wilson(float(rates.sum()), rates.size, requests=x.size)


def mean(
    values: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    unit: Unit = "dialogue",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return the mean with a Student-t interval, or from n = 100 a BCa bootstrap of the dialogues.

    Chosen by simulated coverage (t, BCa): normal 95, 89 % at n = 10 and 95, 94 % at n = 100; log-normal with
    sigma = 1 84, 82 % at 10 and 92, 92 % at 100. So t to n = 99; from 100 both cover alike and BCa shares its
    misses more evenly (true mean above ``high``: 5 % of log-normal cases against 8 %), which a one-sided target
    needs; above n = 5,000 the two agree and t is cheaper. Zeros and ones mixed are a rate and get its
    Wilson interval; values that are all equal get none. Raises ValueError for values that are not finite.
    Source: Student (1908); Efron (1987), as in ``scipy.stats.bootstrap``.
    """
    (x,) = checked(values=values)
    averages = x if clusters is None else per_dialogue(x, clusters)
    n = averages.size
    counted: dict[str, Any] = {"unit": unit, "requests": None if clusters is None else x.size}
    if not equal(averages) and np.isin(averages, (0, 1)).all():
        return _wilson(float(averages.sum()), n, **counted)
    counted["note"] = coverage.covers(coverage.MEAN, n)
    if not BCA_FROM <= n <= BCA_TO or equal(averages):
        return t_estimate(averages, method="student-t", **counted)
    from scipy import stats

    result = stats.bootstrap(
        (averages,), np.mean, n_resamples=resamples, batch=100, method="BCa", rng=np.random.default_rng(seed)
    )
    return two_sided(averages.mean(), result.confidence_interval, n=n, method="bca-bootstrap", **counted)


def within(estimate: Estimate, floor: float, ceiling: float) -> Estimate:
    """Return an estimate with its interval cut to the values it can take: at few dialogues Student-t reaches beyond."""
    low = None if estimate.low is None else max(estimate.low, floor)
    high = None if estimate.high is None else min(estimate.high, ceiling)
    return estimate.model_copy(update={"low": low, "high": high})


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
    if equal(figures):
        return without_interval(value, **fields | {"note": "all values are equal: no spread to judge from"})
    from scipy import stats

    reach = stats.t.ppf((1 + LEVEL) / 2, figures.size - 1) * figures.std(ddof=1) / math.sqrt(figures.size)
    return two_sided(value, (value - reach, value + reach), **fields)


def two_sided(value: float, interval: tuple[float, float], **fields: Any) -> Estimate:
    """Return an Estimate whose interval holds its value in spite of rounding."""
    low, high = interval
    return Estimate(value=value, low=min(low, value), high=max(high, value), **fields)


def without_interval(value: float | None, **fields: Any) -> Estimate:
    """Return an Estimate that states no interval; ``fields`` say why."""
    return Estimate(**fields | {"value": value, "low": None, "high": None, "method": "none", "bound": "none"})


def equal(values: FloatArray) -> bool:
    """Return whether all values are the same, up to the rounding that averages of equal repeats show."""
    return values.size == 0 or bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


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


def _wilson(successes: float, n: int, **fields: Any) -> Estimate:
    if n == 0:
        return without_interval(None, n=0, note="nothing was measured", **fields)
    from statsmodels.stats.proportion import proportion_confint

    note = coverage.covers(coverage.WILSON, n) if min(successes, n - successes) <= 4 else ""
    interval = proportion_confint(successes, n, alpha=1 - LEVEL, method="wilson")
    return two_sided(successes / n, interval, n=n, method="wilson", note=note, **fields)
