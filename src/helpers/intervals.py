"""Estimates with the interval that their n supports: rates, means, percentiles.

The unit of inference is the dialogue: with ``clusters`` (one dialogue id per value) repeats are averaged per
dialogue first, and n counts dialogues. All intervals are nominal 95 %; where simulation found less than 93 %
the estimate's ``note`` says what it really covers (`coverage_table`).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from helpers import coverage_table

FloatArray = NDArray[np.float64]
Unit = Literal["dialogue", "request", "attempt", "repeat"]

LEVEL = 0.95
RESAMPLES = 10_000

#: Where BCa replaces Student-t in ``mean``: see there.
BCA_FROM, BCA_TO = 100, 5_000


class Estimate(BaseModel):
    """A figure, its interval and the n behind both; what n cannot support is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
    counted["note"] = coverage_table.covers(coverage_table.MEAN, n)
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
    value is None, with ``largest`` and ``needs``. Never for response times under load (`dependent`). The
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


def _wilson(successes: float, n: int, **fields: Any) -> Estimate:
    if n == 0:
        return without_interval(None, n=0, note="nothing was measured", **fields)
    from statsmodels.stats.proportion import proportion_confint

    note = coverage_table.covers(coverage_table.WILSON, n) if min(successes, n - successes) <= 4 else ""
    interval = proportion_confint(successes, n, alpha=1 - LEVEL, method="wilson")
    return two_sided(successes / n, interval, n=n, method="wilson", note=note, **fields)
