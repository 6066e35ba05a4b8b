"""Sliding windows over a log: the figure a rule watches, at every time at which it changes.

A figure over a window changes only when an attempt enters it or leaves it: these are the times it is looked at, all at
once through cumulated sums. The work grows with the log, not with the windows. Times are seconds after the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.monitoring.series import BoolArray, FloatArray, IntArray, Series
from helpers.params import STREAMED, Rule

#: Rules on a percentile of times: which one, and of which column of the log.
PERCENTILES = {"latency_p50": 50, "latency_p99": 99, "time_to_first_token": 95, "inter_token_latency": 95}


@dataclass(frozen=True)
class Window:
    """What lies in a window from each time ``at`` until the next: the events ``first`` to ``last``, ``last`` excluded.

    An event counts from the moment it ends until ``seconds`` later, when it counts no more.
    """

    seconds: float
    at: FloatArray
    first: IntArray
    last: IntArray
    values: FloatArray
    percentile: int | None = None
    per_second: bool = False

    @property
    def n(self) -> IntArray:
        """How many events lie in the window."""
        return self.last - self.first

    def figure(self) -> FloatArray:
        """Return the mean of the values, or how many there are per second; NaN where there are none."""
        total = self._within(self.values)
        with np.errstate(invalid="ignore"):
            figures: FloatArray = total / (self.seconds if self.per_second else self.n)
        return figures

    def is_over(self, level: float) -> BoolArray:
        """Return where the figure is over a level.

        A percentile (the smallest value that p of 100 do not exceed) is over it when more than 100 - p of 100
        values are, which is counted without sorting a window.
        """
        if self.percentile is None:
            return self.figure() > level
        return 100 * self._within(self.values > level) > (100 - self.percentile) * self.n

    def is_under(self, level: float) -> BoolArray:
        """Return where the figure is under a level."""
        return self.figure() < level

    def value(self, place: int) -> float | None:
        """Return the figure at one of the times."""
        inside = self.values[self.first[place] : self.last[place]]
        if self.per_second:
            return float(inside.sum() / self.seconds)
        if not len(inside):
            return None
        if self.percentile is None:
            return float(inside.mean())
        return float(np.percentile(inside, self.percentile, method="inverted_cdf"))

    def extremes(self, enough: BoolArray) -> tuple[float, float] | tuple[None, None]:
        """Return the lowest and the highest figure where there is enough data; of a percentile the highest twice."""
        if not enough.any():
            return None, None
        if self.percentile is None:
            figures = self.figure()[enough]
            return float(figures.min()), float(figures.max())
        ranked = np.unique(self.values)
        low, high = 0, len(ranked) - 1
        while low < high:  # the smallest value that no window's percentile is over
            middle = (low + high) // 2
            over = bool((self.is_over(ranked[middle]) & enough).any())
            low, high = (middle + 1, high) if over else (low, middle)
        return float(ranked[low]), float(ranked[low])

    def _within(self, values: FloatArray | BoolArray) -> FloatArray:
        sums: FloatArray = np.concatenate([[0.0], np.cumsum(values, dtype=float)])
        return sums[self.last] - sums[self.first]


def window_of(name: str, rule: Rule, series: Series) -> Window:
    """Return the sliding window of a rule over a log, up to the log's end."""
    at, values = _events(name, series)
    leaves = at + rule.window
    per_second = name == "throughput"
    first_full = [rule.window] if per_second else []
    times = np.unique(np.concatenate([at, leaves, first_full]))
    times = times[times <= series.end]
    return Window(
        rule.window,
        times,
        np.searchsorted(leaves, times, side="right"),
        np.searchsorted(at, times, side="right"),
        values,
        PERCENTILES.get(name),
        per_second,
    )


def _events(name: str, series: Series) -> tuple[FloatArray, FloatArray]:
    """Return what a rule is about: times and values."""
    if name == "cpu_utilisation":
        return series.usage_at, series.usage
    if name == "gpu_utilisation":
        return series.gpu_at, series.gpu
    if name == "error_rate":
        return series.ended, (~series.ok).astype(float)
    if name == "throughput":
        return series.ended[series.ok], np.ones(int(series.ok.sum()))
    column = STREAMED.get(name, "service_time") if name in PERCENTILES else ""
    values = getattr(series, column) if column else series.input_tokens + series.output_tokens
    counted = series.ok & ~np.isnan(values)
    return series.ended[counted], values[counted]
