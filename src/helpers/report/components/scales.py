"""Scales of charts: their ends, a few round ticks, and how these are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from helpers.core.text import Style
from helpers.runs.results.cited import Cited

#: Ends and ticks are these times a power of ten.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
#: Where a scale of rates may begin, so that rates near one can be told apart.
_LEAST_RATES = (0.9, 0.8, 0.5, 0.0)
#: An interval may widen a scale by this many times the median width of all intervals.
_FAR = 3.0
#: Factor from data to scale, and what is written before and after the digits of a tick.
_SPELLED: dict[Style, tuple[float, str, str]] = {
    "usd": (1, "$", ""),
    "rate": (100, "", " %"),
    "ratio": (1, "", " ×"),
}


@dataclass(frozen=True)
class Scale:
    """The ends of an axis."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value lies, percent from the left; what lies outside is pinned to the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 1)

    def ticks(self, most: int = 4) -> list[float]:
        """Return at most ``most`` round values on the scale."""
        step = rounded((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        found = [place * step for place in range(first, last + 1)]
        return found if len(found) <= most else found[:: -(-len(found) // most)]


def scale_for(values: Sequence[float], *, is_rate: bool) -> Scale:
    """Return a scale of round ends that holds some values, zero among them unless they are rates near one."""
    low, high = min(values), max(values)
    if is_rate:
        start = next(least for least in _LEAST_RATES if low >= least)
        return Scale(start, 1.0 if start or high > 0.5 else min(1.0, rounded(max(high, 0.01))))
    return Scale(-rounded(-low) if low < 0 else 0.0, rounded(high) if high > 0 else 0.0 if low < 0 else 1.0)


def scale_of_rows(values: Iterable[float], reaches: Iterable[Sequence[float]]) -> Scale:
    """Return a scale that holds all values, and the ends of intervals unless they are far wider than the others.

    Zero is on it when that costs less than half the width.
    """
    held = list(values) or [0.0, 1.0]
    known = [reach for reach in reaches if reach]
    slack = _FAR * median([max(reach) - min(reach) for reach in known if len(reach) > 1] or [math.inf])
    ends = [*held, *(end for reach in known for end in reach)]
    low, high = max(min(ends), min(held) - slack), min(max(ends), max(held) + slack)
    if 0 <= low <= high / 2:
        return Scale(0.0, high * 1.04 or 1.0)
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Scale(low - pad, high + pad)


def rounded(size: float) -> float:
    """Return the smallest round number that is no less than a size."""
    size = max(size, 1e-9)
    power = 10.0 ** math.floor(math.log10(size))
    return next(step for step in _ROUND if step * power >= size * (1 - 1e-9)) * power


def tick_words(unit: Style, high: float) -> Callable[[float], str]:
    """Return what spells a tick with its unit on a scale that ends at ``high``."""
    factor, before, after = _SPELLED.get(unit, (1, "", ""))
    if unit == "s":
        factor, after = (1000, " ms") if high < 1 else (1, " s")
    plus = "+" if unit == "difference" else ""
    return lambda tick: f"{before}{plus if tick > 0 else ''}{tick * factor:,.6g}{after}".replace("-", "−")


def finite(found: Cited) -> float | None:
    """Return a cited number, or ``None`` when it was not measured."""
    return None if found.raw is None or not math.isfinite(found.raw) else float(found.raw)


def is_estimate(found: Cited) -> bool:
    """Return whether a cited result carries its own interval, and is not a bare number."""
    return hasattr(found.raw, "value")
