"""What stands on the line of a row: a dot with its interval, every observation, or a histogram.

Each function returns a painter, called with the axes, the middle of the line and its height (both in rows).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.svg import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
Painter = Callable[["Axes", float, float], None]

_CARETS = (4, 5)  # Matplotlib's markers whose tip, to the left or to the right, is the point itself


def interval_mark(value: float | None, low: float | None, high: float | None) -> Painter:
    """Paint a dot and its interval; an end that is open or off the scale runs to its edge as an arrow."""

    def paint(axes: Axes, y: float, height: float) -> None:
        line: dict[str, Any] = {"color": COLOURS["accent"], "clip_on": False}
        dot: dict[str, Any] = line | {"ls": "none"}
        left, right = axes.get_xlim()
        if low is not None or high is not None:
            ends = [left if low is None else max(low, left), right if high is None else min(high, right)]
            axes.plot(ends, [y, y], lw=2, solid_capstyle="butt", **line)
            for end, known, caret in zip(ends, (low, high), _CARETS, strict=True):
                closed = end == known
                marker: Any = "|" if closed else caret
                axes.plot([end], [y], marker=marker, ms=8, mew=2 if closed else 0, **dot)
        if value is not None:
            axes.plot([value], [y], marker="o", ms=9, mew=1.5, mec=COLOURS["paper"], **dot)

    return paint


def span_mark(low: float, high: float) -> Painter:
    """Paint a bar from one value to another."""

    def paint(axes: Axes, y: float, height: float) -> None:
        axes.barh(y, high - low, left=low, height=0.6 * height, color=COLOURS["accent"], alpha=0.7, lw=0, clip_on=False)

    return paint


def dots_mark(values: Sequence[float], middle: float | None) -> Painter:
    """Paint every value as a dot, on three levels so that close ones stay apart, and a bar at the middle."""

    def paint(axes: Axes, y: float, height: float) -> None:
        levels = y + height * np.resize([0.0, -0.2, 0.2], len(values)) * (len(values) > 2)
        dots: dict[str, Any] = {"color": COLOURS["accent"], "alpha": 0.7, "clip_on": False}
        axes.plot(np.sort(values), levels, "o", ms=6.5, mew=0, **dots)
        _middle(axes, middle, y, height)

    return paint


def bars_mark(shares: FloatArray, edges: FloatArray, middle: float | None) -> Painter:
    """Paint shares (1 is as high as the line) as bars between edges, from zero, and a bar at the middle."""

    def paint(axes: Axes, y: float, height: float) -> None:
        foot = y + height / 2
        tops = foot - height * shares
        bars: dict[str, Any] = {"color": COLOURS["accent"], "alpha": 0.7, "clip_on": False}
        axes.stairs(tops, edges, baseline=foot, fill=True, lw=0, **bars)
        _middle(axes, middle, y, height)

    return paint


def _middle(axes: Axes, middle: float | None, y: float, height: float) -> None:
    if middle is not None:
        axes.plot([middle, middle], [y - height / 2, y + height / 2], color=COLOURS["ink"], lw=2, clip_on=False)
