"""The interval of a mean, on whatever shape the values have: the widest of what holds under one assumption each.

Chosen by simulation (``docs/statistics.md``): Student-t alone is wrong upwards in one case of six with ten log-normal
values, and knows nothing of values that it has not seen where most are equal. Each interval here errs little where its
assumption holds and is narrow where another's does, so that the widest errs little under all of them:

- Student-t: values near normal, also few of them.
- Hall's transformation of t, from twenty values: the sample's own skewness, once there are enough to show it.
- The log-normal interval, where values are bounded on one side and their distances from the bound look log-normal, as
  times do: the far tail, which few values hardly show.
- A rate of deviations, where most values are equal and the others few: what an unseen value may bring.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Interval = tuple[float, float]

#: Fewer values than this do not show how skewed they are: Hall's transformation would reach too far.
SHOWN = 20
#: Where the commonest value makes up half of all, fewer others than this are too few for a spread of their own.
FEW = 10
#: Logs of the distances that look normal by this p-value (Shapiro and Wilk) or more are taken for log-normal.
LIKELY = 0.05
#: Shapiro's and Wilk's test takes from three values to this many; with more, the others suffice.
MOST_TESTED = 5_000
#: The log-normal interval is cut at so much of each tail: at the whole tail it misses 2.9 %, not 2.5 %, of log-normal
#: values, and one sample of them in twenty is not taken for log-normal.
CUT = 0.6


def interval(values: FloatArray, level: float, floor: float, ceiling: float) -> Interval | None:
    """Return the interval of the mean of independent ``values`` (at least 2); ``None`` where nothing bounds it."""
    found = [] if equal(values) else [student(values, level)]
    if found and values.size >= SHOWN:
        found.append(skewed(values, level))
    if few_differ(values) and math.isfinite(floor) and math.isfinite(ceiling):
        found.append(deviating(values, level, floor, ceiling))
    if not found:
        return None
    lows, highs = [low for low, _ in found], [high for _, high in found]
    if not equal(values):
        highs += [floor + reach for reach in log_normal(values - floor, level)]
        lows += [ceiling - reach for reach in log_normal(ceiling - values, level)]
    return max(min(lows), floor), min(max(highs), ceiling)


def student(values: FloatArray, level: float) -> Interval:
    """Return the Student-t interval. Source: Student (1908)."""
    reach = _quantile(level, values.size) * values.std(ddof=1) / math.sqrt(values.size)
    return float(values.mean() - reach), float(values.mean() + reach)


def skewed(values: FloatArray, level: float) -> Interval:
    """Return the t interval through Hall's transformation, which takes out the skewness. Source: Hall (1992)."""
    n, spread = values.size, values.std(ddof=1)
    skewness = float(((values - values.mean()) ** 3).mean() / spread**3)
    if abs(skewness) < 1e-6:
        return student(values, level)
    reach = _quantile(level, n) / math.sqrt(n)

    def back(t: float) -> float:
        """Undo ``w + skewness w² / 3 + skewness² w³ / 27 + skewness / (6 n)``."""
        return 3 / skewness * (math.cbrt(1 + skewness * (t - skewness / (6 * n))) - 1)

    return float(values.mean() - spread * back(reach)), float(values.mean() - spread * back(-reach))


def log_normal(distances: FloatArray, level: float) -> tuple[float, ...]:
    """Return how far from a bound the mean may lie by the log-normal interval; nothing where it does not apply.

    Source: Zou, Taleban and Huo (2009), with t for the normal quantile.
    """
    n = distances.size
    if not 3 <= n <= MOST_TESTED or not np.isfinite(distances).all() or distances.min() <= 0:
        return ()
    from scipy import special, stats

    logs = np.log(distances)
    if equal(logs) or stats.shapiro(logs).pvalue < LIKELY:
        return ()
    tail, variance = CUT * (1 - level) / 2, float(logs.var(ddof=1))
    from_variance = variance / 2 * ((n - 1) / special.chdtri(n - 1, 1 - tail) - 1)
    from_mean = _quantile(1 - 2 * tail, n) ** 2 * variance / n
    exponent = float(logs.mean()) + variance / 2 + math.hypot(math.sqrt(from_mean), from_variance)
    return (math.exp(exponent),) if exponent < math.log(float(np.finfo(float).max)) else ()


def few_differ(values: FloatArray) -> bool:
    """Return whether at least half of the values are equal, and fewer than ten differ from these."""
    _, counts = _distinct(values)
    return bool(2 * counts.max() >= values.size and values.size - counts.max() < FEW)


def deviating(values: FloatArray, level: float, floor: float, ceiling: float) -> Interval:
    """Return the interval by how far the mean lies off the commonest value, up and down, each counted as a rate.

    A deviation counts as its share of the way to the bound: no such shares spread wider than outcomes of 0 or 1.
    """
    distinct, counts = _distinct(values)
    common = float(distinct[counts.argmax()])
    sides = {}
    for name, bound in (("up", ceiling), ("down", floor)):
        shares = (values - common) / (bound - common) if bound != common else np.zeros(values.size)
        low, high = share_interval(float(np.clip(shares, 0, 1).sum()), values.size, level)
        sides[name] = (abs(bound - common) * low, abs(bound - common) * high)
    (up_low, up_high), (down_low, down_high) = sides["up"], sides["down"]
    return common + up_low - down_high, common + up_high - down_low


def share_interval(successes: float, n: int, level: float) -> Interval:
    """Return the exact interval of a share; ``successes`` need not be whole. Source: Clopper and Pearson (1934)."""
    from scipy import special

    tail, failures = (1 - level) / 2, n - successes
    low = 0.0 if successes <= 0 else float(special.betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures <= 0 else float(special.betaincinv(successes + 1, failures, 1 - tail))
    return low, high


def equal(values: FloatArray) -> bool:
    """Return whether all values are the same, up to the rounding that averages of equal repeats show."""
    return values.size == 0 or bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


def _distinct(values: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the distinct values and how often each occurs; what differs by rounding alone is one."""
    scale = float(np.abs(values).max()) or 1.0
    distinct, counts = np.unique(np.round(values / scale, 12), return_counts=True)
    return distinct * scale, counts


def _quantile(level: float, n: int) -> float:
    from scipy import special

    return float(special.stdtrit(n - 1, (1 + level) / 2))
