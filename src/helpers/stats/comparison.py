"""Two systems on the same dialogues: difference, ratio, non-inferiority, and Holm over several variants.

Signs are flipped by dialogue, in blocks that bound the memory and that any number of processes may share.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ConfigDict

from helpers.core.model import Frozen
from helpers.stats import means
from helpers.stats.intervals import (
    LEVEL,
    SMALLEST,
    Estimate,
    FloatArray,
    checked,
    mean,
    per_dialogue,
    two_sided,
    without_interval,
)

Key = TypeVar("Key", bound=Hashable)
ALPHA = 1 - LEVEL
#: Random sign flips behind a p-value.
RESAMPLES = 10_000
#: Draws made from one seed of their own: part of the result, so not to be changed lightly.
BLOCK = 250
#: Signs that are held at a time, where a block has more.
MOST_FLIPS = 4_000_000
#: Fewer dialogues than this have no ratio: that of three holds the true one in 75 % of cases, not in 95 %.
SMALLEST_RATIO = 8


class Paired(Frozen):
    """The mean difference ``a - b`` over dialogues; what n cannot support is None."""

    model_config = ConfigDict(allow_inf_nan=False)

    difference: float | None
    #: nominal 95 % interval, not adjusted for other variants
    low: float | None = None
    high: float | None = None
    #: two-sided, of "a and b are exchangeable on each dialogue"
    p_value: float | None = None
    #: Holm over the family given to ``adjust``; the verdict uses it
    adjusted_p: float | None = None
    n: int
    method: str = "none"
    #: largest loss that still counts as quality kept
    margin: float | None = None
    #: one-sided 95 % bound of the difference on the side of a loss, compared with the margin
    loss_bound: float | None = None
    #: one-sided, of "a loses the margin or more"
    p_inferior: float | None = None
    #: by this comparison alone; several measures and variants together: ``losses``
    non_inferior: bool | None = None
    note: str = ""


def paired(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike | None = None,
    *,
    margin: float | None = None,
    higher_is_better: bool = True,
    limit: float = math.inf,
    resamples: int = RESAMPLES,
    seed: int = 0,
    executor: Executor | None = None,
) -> Paired:
    """Compare ``a`` with its reference ``b`` on the same dialogues: the mean difference, and whether it is chance.

    One value of each per dialogue, or per request with ``clusters`` (averaged per dialogue first). Interval and loss
    bound: as of any mean, the differences lying within ``limit`` either way. p-value: approximate randomisation, the
    share of random sign flips that give at least the difference, itself counted; it depends on ``seed`` alone, not on
    ``executor``. With ``margin`` >= 0, non-inferior means that ``loss_bound`` stays within it. Raises ValueError for
    series that do not pair, values not finite or a negative margin. Sources: Noreen (1989); Phipson and Smyth (2010).
    """
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"margin: is {margin}; give the largest loss that still counts as quality kept, as in 0.01")
    x, y = checked(a=a, b=b)
    differences = x - y if clusters is None else per_dialogue(x - y, clusters)
    n = differences.size
    if n == 0:
        return Paired(difference=None, n=0, margin=margin, note="nothing was measured")
    found = mean(differences, floor=-limit, ceiling=limit)
    if n < SMALLEST:
        return Paired(difference=found.value, n=n, margin=margin, note=found.note)
    flipped = draw(flipped_means, differences[np.newaxis], resamples=resamples, seed=seed, executor=executor)[0]
    # sums that are equal on paper differ by rounding
    as_large = np.abs(flipped) >= abs(differences.mean()) - 1e-12 * np.abs(differences).max()
    result = Paired(
        difference=found.value,
        low=found.low,
        high=found.high,
        p_value=(1 + int(as_large.sum())) / (1 + resamples),
        n=n,
        method=found.method,
        note="all differences are equal" if means.equal(differences) else "",
    )
    return result if margin is None else _judged(result, differences, limit, margin, 1 if higher_is_better else -1)


def ratio(numerators: ArrayLike, denominators: ArrayLike, clusters: ArrayLike | None = None) -> Estimate:
    """Return sum(numerators) / sum(denominators), as in tokens per second or a speed-up; none below n = 8.

    One value of each per dialogue, or per request with ``clusters`` (averaged per dialogue first). Interval: Student-t
    on the logarithm of the ratio, linearised in both sums, so that a dialogue's two values stay together. Raises
    ValueError for series that do not pair, values not finite or values that are not positive.
    Source: Davison and Hinkley (1997), section 2.7, for the linearisation.
    """
    x, y = checked(numerators=numerators, denominators=denominators)
    requests = None
    if clusters is not None:
        requests, x, y = x.size, per_dialogue(x, clusters), per_dialogue(y, clusters)
    if (y <= 0).any() or (x < 0).any():
        raise ValueError("ratio: all values must be positive for every dialogue; leave out those without one")
    n = x.size
    if n < SMALLEST_RATIO:
        note = f"a ratio needs at least {SMALLEST_RATIO} dialogues" if n else "nothing was measured"
        return without_interval(None, n=n, requests=requests, needs=SMALLEST_RATIO, note=note)
    value = float(x.sum() / y.sum())
    if means.equal(x / y):
        note = "all ratios are equal: no spread to judge from"
        return without_interval(value, n=n, requests=requests, note=note)
    low, high = means.student(x / x.mean() - y / y.mean(), LEVEL)
    interval = (value * math.exp(low), value * math.exp(high))
    return two_sided(value, interval, n=n, requests=requests, method="log-ratio")


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for being one family, in the order given.

    Raises ValueError for a value outside 0 to 1. Source: Holm (1979); ``statsmodels``, whose values these are, collects
    garbage at every call, which takes a process with a model in it a second.
    """
    wrong = [f"p_values[{i}]: is {p}; give a value from 0 to 1" for i, p in enumerate(p_values) if not 0 <= p <= 1]
    if wrong:
        raise ValueError("\n".join(wrong))
    if not p_values:
        return []
    p, n = np.array(p_values, dtype=float), len(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(n, 0, -1)), 1.0)
    return [float(one) for one in adjusted]


def adjust(family: Mapping[Key, Paired]) -> dict[Key, Paired]:
    """Return all variants of one metric in one table with the ``adjusted_p`` of the family.

    Variants too small to test are no part of the family. Intervals and ``loss_bound`` stay as they are.
    """
    p_values = {name: one.p_value for name, one in family.items() if one.p_value is not None}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return {name: one.model_copy(update={"adjusted_p": adjusted.get(name)}) for name, one in family.items()}


def losses(family: Mapping[Key, Sequence[Paired]]) -> dict[Key, float]:
    """Return by variant the adjusted p-value of "it loses the margin or more on at least one of its measures".

    Every measure has to be shown to keep within its margin, so the largest p-value of a variant is its own, and Holm
    corrects over the variants. One with no measure, or with a measure too small to test, is left out. Sources: Berger
    (1982) for the union of hypotheses; Holm (1979).
    """
    tested = {}
    for name, measures in family.items():
        known = [one.p_inferior for one in measures if one.p_inferior is not None]
        if known and len(known) == len(measures):
            tested[name] = max(known)
    return dict(zip(tested, holm(list(tested.values())), strict=True))


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
    memory is about 20 bytes times ``BLOCK`` times n for each series and process, of `flipped_means` times
    ``MOST_FLIPS`` at most. Raises ValueError unless ``resamples`` is positive.
    """
    if resamples < 1:
        raise ValueError(f"resamples: is {resamples}; give a positive number, as in 10000")
    sizes = [min(BLOCK, resamples - start) for start in range(0, resamples, BLOCK)]
    seeds = [(seed, block) for block in range(len(sizes))]
    run = map if executor is None else executor.map
    return np.concatenate(list(run(statistic, itertools.repeat(data), sizes, seeds)), axis=1)


def flipped_means(data: FloatArray, size: int, seed: Sequence[int]) -> FloatArray:
    """Return ``size`` means (series, size) of ``data`` with the signs of random columns flipped."""
    n, generator = data.shape[1], np.random.default_rng((*seed, 1))
    # A few rows at a time where n is large; multiples of four, which the generator draws as it draws all at once.
    rows = min(size, max(4, MOST_FLIPS // n // 4 * 4)) if n else size
    parts = []
    for start in range(0, size, rows):
        kept = generator.integers(0, 2, (min(rows, size - start), n), dtype=np.int8)
        parts.append(data @ (2 * kept - 1).T / n)
    means: FloatArray = np.concatenate(parts, axis=1)
    return means


def _judged(result: Paired, differences: FloatArray, limit: float, margin: float, sign: int) -> Paired:
    """Judge non-inferiority: the p-value is the tail at which the bound would just reach the margin."""
    gains = sign * differences

    def bounds(level: float) -> tuple[float, float]:
        # equal differences without a limit bound nothing
        return means.interval(gains, level, -limit, limit) or (-math.inf, math.inf)

    bound = bounds(1 - 2 * ALPHA)[0]
    return result.model_copy(
        update={
            "margin": margin,
            "loss_bound": sign * bound if math.isfinite(bound) else None,
            "p_inferior": _tail(bounds, -margin),
            "non_inferior": bound > -margin,
        }
    )


def _tail(bounds: Callable[[float], tuple[float, float]], value: float) -> float:
    """Return the one-sided p-value of "the mean is ``value`` or less": the tail at which the interval reaches it."""
    inner, outer = 0.0, 1.0
    centre = bounds(0.0)
    below = centre[0] <= value
    for _ in range(40):
        level = (inner + outer) / 2
        low, high = bounds(level)
        reached = high > value if below else low <= value
        inner, outer = (inner, level) if reached else (level, outer)
    tail = (1 - (inner + outer) / 2) / 2
    return 1 - tail if below else tail
