"""Intervals for dependent values: response times under load, where one slow request delays the next.

Intervals for independent values are far too narrow here: of one run of an M/M/1 queue that is 80 % busy,
Student-t on 500 response times covers 18 % and order statistics for p95 cover 17 %, not 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from helpers import coverage_table
from helpers.intervals import Estimate, checked, smallest_n, t_estimate, without_interval

BATCHES = 10
SMALLEST_BATCH = 10


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
    note = coverage_table.covers(coverage_table.BATCH_MEANS, used.size)
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
        table = coverage_table.REPEATED_MEAN
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
        tabled = coverage_table.REPEATED_PERCENTILE
        table = tabled[min((q for q in tabled if q >= p), default=max(tabled))]
    note = coverage_table.covers(table, shortest)
    return t_estimate(figures, unit="repeat", requests=requests, method="independent-repeats", note=note)
