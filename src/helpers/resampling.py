"""Random draws over dialogues, in blocks that bound the memory and that any number of processes may share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from helpers.intervals import LEVEL, FloatArray

ALPHA = 1 - LEVEL

#: Draws made from one seed of their own: part of the result, so not to be changed lightly.
BLOCK = 250


def draw(
    statistic: Callable[[FloatArray, int, Sequence[int]], FloatArray],
    data: FloatArray,
    *,
    resamples: int,
    seed: int,
    executor: Executor | None = None,
) -> FloatArray:
    """Return ``resamples`` draws of ``statistic`` from ``data`` (series, n) as an array (series, resamples).

    Every block has a seed of its own, so the result depends on ``seed`` alone, not on ``executor``. Peak
    memory is about 20 bytes times ``BLOCK`` times n for each series and process. Raises ValueError unless
    ``resamples`` is positive.
    """
    if resamples < 1:
        raise ValueError(f"resamples: is {resamples}; give a positive number, as in 10000")
    sizes = [min(BLOCK, resamples - start) for start in range(0, resamples, BLOCK)]
    seeds = [(seed, block) for block in range(len(sizes))]
    run = map if executor is None else executor.map
    return np.concatenate(list(run(statistic, itertools.repeat(data), sizes, seeds)), axis=1)


def bootstrap_means(data: FloatArray, size: int, seed: Sequence[int]) -> FloatArray:
    """Return ``size`` means (series, size) of n columns of ``data`` drawn with replacement."""
    n = data.shape[1]
    columns = np.random.default_rng((*seed, 0)).integers(0, n, (size, n), dtype=np.int32)
    means: FloatArray = np.take(data, columns, axis=1).mean(axis=2)
    return means


def flipped_means(data: FloatArray, size: int, seed: Sequence[int]) -> FloatArray:
    """Return ``size`` means (series, size) of ``data`` with the signs of random columns flipped."""
    n = data.shape[1]
    kept = np.random.default_rng((*seed, 1)).integers(0, 2, (size, n), dtype=np.int8)
    means: FloatArray = data @ (2 * kept - 1).T / n
    return means


def widened(tail: float, n: int) -> float:
    """Return the share to cut off a bootstrap of n values so that it reaches as far as Student-t would.

    Source: the expanded percentile interval of Hesterberg (2015), section 5.3.
    """
    from scipy import stats

    return float(stats.norm.cdf(stats.t.ppf(tail, n - 1) * math.sqrt(n / (n - 1))))


def interval(resampled: FloatArray, n: int) -> tuple[float, float]:
    """Return the expanded percentile interval, nominal 95 %, of a statistic resampled from n dialogues."""
    tail = widened(ALPHA / 2, n)
    low, high = np.quantile(resampled, (tail, 1 - tail))
    return float(low), float(high)
