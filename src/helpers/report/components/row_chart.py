"""Charts laid out row by row: labels on the left, glyphs on one scale, the figure in words on the right.

The rows are cited results; a value that is missing stays missing and says so. Every chart is laid out twice from the
same rows: wide, and narrow (labels above their glyphs) for a telephone. Sizes are pixels; nothing here computes a
statistic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from helpers.core.text import Style, spell, width_of
from helpers.report.components.glyphs import (
    Painter,
    Segment,
    bars_glyph,
    dots_glyph,
    interval_glyph,
    span_glyph,
    states_glyph,
)
from helpers.report.components.svg import COLOURS, fitted, text_width
from helpers.runs.results.cited import Cited

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, WIDE_PANELS, NARROW = 720.0, 1000.0, 360.0
_TEXT, SMALL = 14.0, 12.5
#: An interval may widen the scale by this many times the median width of all intervals.
_FAR = 3.0
_GAP, _LINE, _BELOW = 16.0, 19.0, 26.0
#: Factor from data to scale, and what stands before and after the digits of a tick.
_SCALES: dict[Style, tuple[float, str, str]] = {
    "usd": (1, "$", ""),
    "rate": (100, "", " %"),
    "ratio": (1, "", " ×"),
}

#: Up to this many observations in a group each is a dot; beyond, dots hide each other and bars show the shape.
MOST_DOTS = 60
_BARS = 40


@dataclass(frozen=True)
class Row:
    """One line: its label, what stands on its right, the values its scale must hold, and its marks.

    ``reach`` are the ends of an interval, which the scale holds unless they are far wider than those of other rows.
    """

    label: str
    text: str
    extent: Sequence[float]
    paint: Painter
    reach: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Rows on one scale, with a target as a labelled line; ``column`` heads what stands on the right."""

    rows: Sequence[Row]
    unit: Style
    target: float | None = None
    target_label: str = "target"
    title: str = ""
    column: str = ""
    row_height: float = 30.0

    def values(self) -> list[float]:
        """Return everything the scale must hold."""
        return [v for row in self.rows for v in row.extent] + ([] if self.target is None else [self.target])

    def span(self) -> tuple[float, float]:
        """Return the ends of the scale, zero among them when that costs less than half the width."""
        held = self.values() or [0.0, 1.0]
        reach = [*held, *(end for row in self.rows for end in row.reach)]
        widths = [max(row.reach) - min(row.reach) for row in self.rows if len(row.reach) > 1]
        slack = _FAR * median(widths or [math.inf])
        low, high = max(min(reach), min(held) - slack), min(max(reach), max(held) + slack)
        if 0 <= low <= high / 2:
            return 0.0, high * 1.04 or 1.0
        pad = (high - low) * 0.06 or abs(high) * 0.1
        return low - pad, high + pad

    def height(self, narrow: bool) -> float:
        """Return its height: titles, rows and scale."""
        return self.above + len(self.rows) * self.pitch(narrow) + _BELOW + (_GAP if self.title else 0)

    def pitch(self, narrow: bool) -> float:
        """Return the height of one row."""
        return self.row_height + (_LINE - 2 if narrow else 0)

    @property
    def above(self) -> float:
        """The room over the rows, for a title and for the labels of target and column."""
        return (_LINE + 4 if self.title else 0) + (_LINE if self.target is not None or self.column else 4)


def size(panels: Sequence[Panel], narrow: bool) -> tuple[float, float]:
    """Return the width and height of a drawing."""
    heights = [panel.height(narrow) for panel in panels]
    if narrow:
        return NARROW, sum(heights)
    return (WIDE if len(panels) == 1 else WIDE_PANELS), max(heights)


def draw(figure: Figure, panels: Sequence[Panel], narrow: bool) -> None:
    """Draw panels beside each other, labelled by the rows of the first, or below each other when narrow."""
    for panel, place in zip(panels, _places(panels, narrow), strict=True):
        width, height = figure.get_size_inches() * 72
        rows = len(panel.rows) * panel.pitch(narrow)
        bottom = height - place.top - panel.above - rows
        corners = (place.start / width, bottom / height, (place.end - place.start) / width, rows / height)
        axes = figure.add_axes(corners)
        axes.set(xlim=panel.span(), ylim=(len(panel.rows), 0))
        _scale(axes, panel)
        _lines(axes, panel, place)
        _headings(axes, panel, place)


@dataclass(frozen=True)
class _Place:
    """Where a panel stands: labels from ``left``, the scale from ``start`` to ``end``, words up to ``right``."""

    left: float
    start: float
    end: float
    right: float
    top: float = 0.0
    stacked: bool = False


def is_estimate(found: Cited) -> bool:
    """Return whether a cited result carries its own interval, and is not a bare number."""
    return hasattr(found.raw, "value")


def finite(found: Cited) -> float | None:
    """Return a cited number, or ``None`` when it was not measured."""
    return None if found.raw is None or not math.isfinite(found.raw) else float(found.raw)


def estimate_row(label: str, found: Cited, unit: Style) -> Row:
    """Return the row of an estimate (or of a bare number, which has no interval)."""
    if not is_estimate(found):
        value, low, high, needs = finite(found), None, None, None
    else:
        value, low, high = (finite(part) for part in (found.value, found.low, found.high))
        needs = found.needs.raw
    words = _words(value, unit, width_of(low, high)) if value is not None or needs is None else f"needs n ≥ {needs}"
    reach = [end for end in (low, high) if end is not None]
    return Row(label, words, _present(value) or reach, interval_glyph(value, low, high), reach)


def span_row(label: str, one: Cited, other: Cited, unit: Style) -> Row:
    """Return the row of a bar between two cited numbers."""
    low, high = sorted((float(one.raw), float(other.raw)))
    return Row(label, f"{spell(low, unit)} to {spell(high, unit)}", [low, high], span_glyph(low, high))


def states_row(label: str, words: str, segments: Sequence[Segment]) -> Row:
    """Return the row of states over time; without any it stays empty but for its words."""
    extent = [segments[0].start, segments[-1].end] if segments else []
    return Row(label, words, extent, states_glyph(segments))


def observed_rows(
    labels: Sequence[str], values: Sequence[Sequence[float]], middles: Sequence[Cited | None], unit: Style
) -> list[Row]:
    """Return rows of dots, or of histograms on shared edges and one height when a group has over `MOST_DOTS`.

    A bar's height is the share of its group's observations.
    """
    known = [None if middle is None else finite(_value(middle)) for middle in middles]
    words = ["" if middle is None else _words(value, unit) for middle, value in zip(middles, known, strict=True)]
    if are_dots(values):
        extents = [[*found, *_present(middle)] for found, middle in zip(values, known, strict=True)]
        marks = [dots_glyph(found, middle) for found, middle in zip(values, known, strict=True)]
    else:
        pooled = np.concatenate([np.asarray(found, dtype=float) for found in values])
        edges = np.linspace(min(0.0, pooled.min()), pooled.max(), _BARS + 1)
        shares = [np.histogram(found, edges)[0] / max(1, len(found)) for found in values]
        tallest = max(share.max() for share in shares)
        extents = [[*edges[[0, -1]].tolist(), *_present(middle)] for middle in known]
        marks = [bars_glyph(share / tallest, edges, middle) for share, middle in zip(shares, known, strict=True)]
    return [Row(*row) for row in zip(labels, words, extents, marks, strict=True)]


def are_dots(values: Sequence[Sequence[float]]) -> bool:
    """Return whether every group is small enough to show each observation."""
    return max(map(len, values), default=0) <= MOST_DOTS


def _places(panels: Sequence[Panel], narrow: bool) -> list[_Place]:
    width, _ = size(panels, narrow)
    if narrow:
        tops = accumulate((panel.height(narrow) for panel in panels[:-1]), initial=0.0)
        return [_Place(0.0, 12.0, width - 12.0, width, top, stacked=True) for top in tops]
    labels = min(max(text_width(row.label, _TEXT) for row in panels[0].rows) + _GAP, 0.38 * width)
    words = max(text_width(row.text, _TEXT) for panel in panels for row in panel.rows) + _GAP
    each = (width - labels - 2 * _GAP * (len(panels) - 1)) / len(panels)
    starts = [labels + place * (each + 2 * _GAP) for place in range(len(panels))]
    return [
        _Place(0.0 if place == 0 else start, start, start + each - words, start + each)
        for place, start in enumerate(starts)
    ]


def _lines(axes: Axes, panel: Panel, place: _Place) -> None:
    """Draw label, marks and words of every row."""
    from matplotlib.transforms import IdentityTransform, blended_transform_factory

    beside = blended_transform_factory(IdentityTransform(), axes.transData)
    text: dict[str, Any] = {"va": "center_baseline", "size": _TEXT, "transform": beside}
    over = (_LINE - 2) / panel.pitch(narrow=True) if place.stacked else 0.0
    for top, row in enumerate(panel.rows):
        middle = top + over + (1 - over) / 2
        row.paint(axes, middle, 0.8 * (1 - over))
        line = top + 0.75 * over if place.stacked else middle
        end = place.right - text_width(row.text, _TEXT) if place.stacked else place.start
        if (room := end - place.left - _GAP) > 0:
            # The widest label fits exactly, which must not depend on rounding.
            axes.text(place.left, line, fitted(row.label, _TEXT, room + 0.01), color=COLOURS["ink"], **text)
        ink = COLOURS["ink" if row.extent else "muted"]
        axes.text(place.right, line, row.text, ha="right", color=ink, **text)


def _scale(axes: Axes, panel: Panel) -> None:
    """Draw a few quiet ticks with their unit."""
    axes.yaxis.set_visible(False)
    low, high = panel.span()
    most = max(1, min(4, int(axes.bbox.width // 50)))
    quiet_axis(axes, "x", ticks(low, high, most) if panel.values() else [], tick_words(panel.unit, high))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` + 1 round values within a scale."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def tick_words(unit: Style, high: float) -> Callable[[float], str]:
    """Return what spells a tick with its unit on a scale that ends at ``high``."""
    factor, before, after = _SCALES.get(unit, (1, "", ""))
    if unit == "s":
        factor, after = (1000, " ms") if high < 1 else (1, " s")
    return lambda tick: f"{before}{tick * factor:,g}{after}".replace("-", "−")


def quiet_axis(
    axes: Axes, side: Literal["x", "y"], at: Sequence[float], words: Callable[[float], str], pad: float = 6
) -> None:
    """Give an axis thin lines at a few values, and nothing else; ``pad`` keeps what spells them off the scale.

    What spells a value near the end of the x-axis is kept inside the drawing.
    """
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_ticks(list(at), [words(tick) for tick in at])
    axes.tick_params(axis=side, length=0, pad=pad, labelsize=SMALL, labelcolor=COLOURS["muted"])
    axes.grid(axis=side, color=COLOURS["rule"], lw=1, clip_on=False)
    for tick, label in zip(at, axis.get_ticklabels(), strict=True) if side == "x" else ():
        x, half = float(axes.transData.transform((tick, 0))[0]), text_width(label.get_text(), SMALL) / 2
        if x + half > axes.figure.bbox.x1:
            label.set_horizontalalignment("right")
        elif x < half:
            label.set_horizontalalignment("left")


def _headings(axes: Axes, panel: Panel, place: _Place) -> None:
    """Draw the target with its label, kept inside the panel, and what heads the panel and its last column."""
    from matplotlib.transforms import IdentityTransform, blended_transform_factory

    over = blended_transform_factory(IdentityTransform(), axes.transAxes)
    left, right = place.left if place.stacked else place.start, place.right
    line = axes.bbox.y1 + 5
    small: dict[str, Any] = {"size": SMALL, "transform": IdentityTransform()}
    if panel.target is not None:
        x = float(axes.transData.transform((panel.target, 0))[0])
        axes.plot([x, x], [0, 1], color=COLOURS["ink"], lw=1.2, ls=(0, (4, 3)), transform=over, clip_on=False)
        label = f"{panel.target_label} {spell(panel.target, panel.unit)}"
        half = text_width(label, SMALL) / 2
        taken = text_width(panel.column, SMALL) + _GAP if panel.column else 0.0
        x = min(max(x, left + half), right - taken - half)
        axes.text(x, line, label, ha="center", color=COLOURS["ink"], **small)
    if panel.column:
        axes.text(right, line, panel.column, ha="right", color=COLOURS["muted"], **small)
    if panel.title:
        y = line + (_LINE if panel.target is not None or panel.column else 0)
        title = fitted(panel.title, _TEXT, 0.85 * (right - left))  # measured in regular, drawn in bold
        axes.text(left, y, title, color=COLOURS["ink"], **small | {"size": _TEXT, "weight": "bold"})


def _value(found: Cited) -> Cited:
    return found.value if is_estimate(found) else found


def _present(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _words(value: float | None, unit: Style, width: float | None = None) -> str:
    return "not measured" if value is None else spell(value, unit, width=width)
