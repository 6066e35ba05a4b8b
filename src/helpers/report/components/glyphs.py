"""What stands on the line of a row: a dot with its interval, every observation, a histogram, or states over time.

Each function returns a painter, called with the axes, the middle of the line and its height (both in rows).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.report.components.svg import COLOURS, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
Painter = Callable[["Axes", float, float], None]

THIN, HOLLOW, FILLED = range(3)
_STATE = 11.5
_CARETS = (4, 5)  # Matplotlib's markers whose tip, to the left or to the right, is the point itself


@dataclass(frozen=True)
class Segment:
    """A state from one time to another: of ``words`` the first that fits is written.

    ``weight`` is `THIN`, `HOLLOW` or `FILLED`, so that no state is told by its colour alone.
    """

    start: float
    end: float
    words: Sequence[str]
    colour: str
    weight: int


def interval_glyph(value: float | None, low: float | None, high: float | None) -> Painter:
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


def span_glyph(low: float, high: float) -> Painter:
    """Paint a bar from one value to another."""

    def paint(axes: Axes, y: float, height: float) -> None:
        axes.barh(y, high - low, left=low, height=0.6 * height, color=COLOURS["accent"], alpha=0.7, lw=0, clip_on=False)

    return paint


def dots_glyph(values: Sequence[float], middle: float | None) -> Painter:
    """Paint every value as a dot, on three levels so that close ones stay apart, and a bar at the middle."""

    def paint(axes: Axes, y: float, height: float) -> None:
        levels = y + height * np.resize([0.0, -0.2, 0.2], len(values)) * (len(values) > 2)
        dots: dict[str, Any] = {"color": COLOURS["accent"], "alpha": 0.7, "clip_on": False}
        axes.plot(np.sort(values), levels, "o", ms=6.5, mew=0, **dots)
        _middle(axes, middle, y, height)

    return paint


def bars_glyph(shares: FloatArray, edges: FloatArray, middle: float | None) -> Painter:
    """Paint shares (1 is as high as the line) as bars between edges, from zero, and a bar at the middle."""

    def paint(axes: Axes, y: float, height: float) -> None:
        foot = y + height / 2
        tops = foot - height * shares
        bars: dict[str, Any] = {"color": COLOURS["accent"], "alpha": 0.7, "clip_on": False}
        axes.stairs(tops, edges, baseline=foot, fill=True, lw=0, **bars)
        _middle(axes, middle, y, height)

    return paint


def states_glyph(segments: Sequence[Segment]) -> Painter:
    """Paint states one after the other as lines and bars, each with its words where they fit."""

    def paint(axes: Axes, y: float, height: float) -> None:
        from matplotlib.patches import PathPatch

        left, right = axes.get_xlim()
        pixel = (right - left) / axes.bbox.width
        for weight, colour in dict.fromkeys((one.weight, one.colour) for one in segments):
            alike = [one for one in segments if (one.weight, one.colour) == (weight, colour)]
            tall = height * (0.04, 0.36, 0.42)[weight]
            boxes = _boxes([(one.start, max(one.end, one.start + 2 * pixel)) for one in alike], y - tall, y + tall)
            look: dict[str, Any] = {"ec": COLOURS[colour], "clip_on": False, "lw": 0 if weight == THIN else 1.5}
            fill = "none" if weight == HOLLOW else COLOURS[colour]
            axes.add_patch(PathPatch(boxes, fc=fill, alpha=0.45 if weight == FILLED else 1, **look))
        for one in segments:
            room = (one.end - one.start) / pixel - 8
            words = next((words for words in one.words if text_width(words, _STATE) < room), "")
            text: dict[str, Any] = {"ha": "center", "va": "center_baseline", "size": _STATE}
            axes.text((one.start + one.end) / 2, y, words, color=COLOURS["ink"], **text)

    return paint


def _boxes(spans: Sequence[tuple[float, float]], low: float, high: float) -> Any:
    """Return all boxes as one path: a long log has hundreds."""
    from matplotlib.path import Path

    corners = [[(a, low), (b, low), (b, high), (a, high), (a, low)] for a, b in spans]
    codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * len(corners)
    return Path([corner for box in corners for corner in box], codes)


def _middle(axes: Axes, middle: float | None, y: float, height: float) -> None:
    if middle is not None:
        axes.plot([middle, middle], [y - height / 2, y + height / 2], color=COLOURS["ink"], lw=2, clip_on=False)
