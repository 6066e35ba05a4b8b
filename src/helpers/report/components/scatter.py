"""A plane of points: two measures of each thing, both with their intervals, what none of the others beats, and lines
that say what is wanted.

Drawn wide and narrow, as all figures; every point has its name beside it. Sizes are pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from helpers.core.text import Style, spell
from helpers.report.components import row_chart
from helpers.report.components.figures import drawn_figure, wide_and_narrow
from helpers.report.components.glyphs import interval_glyph
from helpers.report.components.row_chart import Panel, Row, finite
from helpers.report.components.svg import COLOURS, fitted, text_width
from helpers.report.components.tables import Cell, collapsible
from helpers.runs.results.cited import Cited

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE, _NARROW = (720.0, 400.0), (360.0, 380.0)
_TEXT, _SMALL = 14.0, 12.5
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 16.0, 26.0, 46.0
#: Half of a label's height, how far it stands from its point, and from one try to the next.
_HALF, _OFF, _PITCH = 9.0, 11.0, 19.0
#: A line is dashed so.
_DASHES = (0, (4, 3))
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Coordinate:
    """One measure of a point: a value and its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: Cited, low: Cited, high: Cited) -> Coordinate | None:
        """Return a cited measure, or ``None`` when it was not measured."""
        known = finite(value)
        return None if known is None else cls(known, finite(low), finite(high))


@dataclass(frozen=True)
class NamedPoint:
    """One point with its name."""

    label: str
    x: Coordinate
    y: Coordinate


@dataclass(frozen=True)
class Axis:
    """What an axis measures, which way is better, and what is wanted of it, drawn as a line with a name."""

    title: str
    unit: Style
    line: float | None = None
    line_label: str = ""


def plane(
    name: str,
    finding: Cell,
    subtitle: Cell,
    points: Sequence[NamedPoint],
    x: Axis,
    y: Axis,
    *,
    front: Sequence[str],
    data: Markup,
) -> Markup:
    """Return points on a plane; those named in ``front``, from left to right, are filled and joined by steps.

    ``name`` prefixes the ids inside and must be unique on the page; ``data`` is the table of the same numbers.
    """
    what = f"A plane of {len(points)} points, {x.title} to the right and {y.title} upwards"

    def draw(figure: Figure, *, narrow: bool) -> None:
        _draw(figure, points, x, y, front)

    drawn = wide_and_narrow(name, finding, what, draw, lambda narrow: _NARROW if narrow else _WIDE) if points else []
    return drawn_figure(name, finding, subtitle, drawn, below=collapsible("The figure as a table", data))


def _draw(figure: Figure, points: Sequence[NamedPoint], x: Axis, y: Axis, front: Sequence[str]) -> None:
    width, height = figure.get_size_inches() * 72
    inner = (width - _LEFT - _RIGHT, height - _TOP - _BOTTOM)
    axes = figure.add_axes((_LEFT / width, _BOTTOM / height, inner[0] / width, inner[1] / height))
    axes.set(xlim=_span((s.label, s.x) for s in points)(x), ylim=_span((s.label, s.y) for s in points)(y))
    _scales(axes, x, y)
    taken = _lines(axes, x, y)
    by_name = {point.label: point for point in points}
    steps = [by_name[label] for label in front if label in by_name]
    if len(steps) > 1:
        path = [(s.x.value, s.y.value) for s in steps]
        axes.step(*zip(*path, strict=True), where="post", color=COLOURS["muted"], lw=1.2, zorder=1)
    for point in points:
        _cross(axes, point, filled=point.label in front)
    boxes = [_around(axes, point) for point in points]
    for point, box in zip(points, boxes, strict=True):
        taken.append(_label(axes, point, [*taken, *(other for other in boxes if other is not box)]))


def _span(measured: Iterable[tuple[str, Coordinate]]) -> Any:
    """Return what gives the ends of an axis: as those of every other chart, with room beside the outermost points."""
    rows = [
        Row(label, "", [one.value], interval_glyph(None, None, None), [e for e in (one.low, one.high) if e is not None])
        for label, one in measured
    ]

    def ends(axis: Axis) -> tuple[float, float]:
        low, high = Panel(rows, axis.unit, axis.line).span()
        room = 0.06 * (high - low)
        return (low if low == 0 else low - room), high + room

    return ends


def _scales(axes: Axes, x: Axis, y: Axis) -> None:
    sides: tuple[tuple[Literal["x", "y"], Axis, tuple[float, float], int], ...] = (
        ("x", x, axes.get_xlim(), int(axes.bbox.width // 90)),
        ("y", y, axes.get_ylim(), 5),
    )
    for side, axis, (low, high), most in sides:
        row_chart.quiet_axis(axes, side, row_chart.ticks(low, high, most), row_chart.tick_words(axis.unit, high))
    small: dict[str, Any] = {"size": _SMALL, "color": COLOURS["muted"]}
    _text(axes, axes.bbox.x1, axes.bbox.y0 - _BOTTOM + 6, x.title, ha="right", **small)
    _text(axes, 0.0, axes.bbox.y1 + 9, y.title, **small)


def _text(axes: Axes, left: float, bottom: float, text: str, **style: Any) -> None:
    from matplotlib.transforms import IdentityTransform

    axes.text(left, bottom, text, transform=IdentityTransform(), **style)


def _lines(axes: Axes, x: Axis, y: Axis) -> list[Box]:
    """Draw what is wanted as lines across the plane with their names; return where the names stand."""
    style: dict[str, Any] = {"color": COLOURS["ink"], "lw": 1.2, "ls": _DASHES, "zorder": 1}
    box, found = axes.bbox, list[Box]()
    if y.line is not None:
        axes.axhline(y.line, **style)
        text = f"{y.line_label} {spell(y.line, y.unit)}"
        bottom = float(axes.transData.transform((0, y.line))[1]) + 5
        _text(axes, box.x0 + 4, bottom, text, size=_SMALL, color=COLOURS["ink"])
        found.append((box.x0, bottom - 4, box.x0 + 8 + text_width(text, _SMALL), bottom + 12))
    if x.line is not None:
        axes.axvline(x.line, **style)
        text = f"{x.line_label} {spell(x.line, x.unit)}"
        half, middle = text_width(text, _SMALL) / 2, float(axes.transData.transform((x.line, 0))[0])
        middle = min(max(middle, text_width(y.title, _SMALL) + 12 + half), box.x1 + _RIGHT - half)
        _text(axes, middle, box.y1 + 9, text, size=_SMALL, color=COLOURS["ink"], ha="center")
    return found


def _cross(axes: Axes, point: NamedPoint, *, filled: bool) -> None:
    """Draw a point with both intervals; one that another beats is hollow, so that colour is not needed."""
    line: dict[str, Any] = {"color": COLOURS["accent"], "lw": 1.6, "solid_capstyle": "butt", "zorder": 2}
    if point.x.low is not None and point.x.high is not None:
        axes.plot([point.x.low, point.x.high], [point.y.value] * 2, **line)
    if point.y.low is not None and point.y.high is not None:
        axes.plot([point.x.value] * 2, [point.y.low, point.y.high], **line)
    face, edge = (COLOURS["accent"], COLOURS["paper"]) if filled else (COLOURS["paper"], COLOURS["accent"])
    axes.plot([point.x.value], [point.y.value], marker="o", ms=10, mew=1.6, mfc=face, mec=edge, ls="none", zorder=3)


def _around(axes: Axes, point: NamedPoint) -> Box:
    """Return the box of a point's mark."""
    x, y = axes.transData.transform((point.x.value, point.y.value))
    return float(x) - 6, float(y) - 6, float(x) + 6, float(y) + 6


def _label(axes: Axes, point: NamedPoint, taken: Sequence[Box]) -> Box:
    """Write a point's name where nothing else stands: beside it, above or below; return where."""
    box = axes.bbox
    text = fitted(point.label, _TEXT, 0.6 * float(box.width))
    x, y = (float(v) for v in axes.transData.transform((point.x.value, point.y.value)))
    wide = text_width(text, _TEXT)
    places = [
        (left, y + up)
        for up in (sign * (_OFF + _HALF / 2 + step * _PITCH) for step in range(6) for sign in (1, -1))
        for left in (min(x + _OFF / 2, box.x1 + _RIGHT - wide), max(x - wide - _OFF / 2, box.x0))
    ]
    boxes = [(left, middle - _HALF, left + wide, middle + _HALF) for left, middle in places]
    edge = box.x1 + _RIGHT + 0.01  # where a label that was moved ends exactly, but for rounding
    inside = [b for b in boxes if b[0] >= box.x0 and b[2] <= edge and box.y0 <= b[1] and b[3] <= box.y1]
    free = [b for b in inside if not any(_overlap(b, other) for other in taken)]
    chosen = (free or inside or boxes)[0]
    if abs(chosen[1] + _HALF - y) > _PITCH:
        _leader(axes, (x, y), (min(max(x, chosen[0]), chosen[2]), chosen[1] + _HALF))
    _text(axes, chosen[0], chosen[1] + _HALF, text, size=_TEXT, color=COLOURS["ink"], va="center_baseline")
    return chosen


def _leader(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Join a point with its name where the name had to stand away from it."""
    from matplotlib.transforms import IdentityTransform

    line: dict[str, Any] = {"color": COLOURS["muted"], "lw": 0.8, "zorder": 1.5, "clip_on": False}
    axes.plot(*zip(start, end, strict=True), transform=IdentityTransform(), **line)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
