"""A plane of points as HTML: two measures of each thing with their intervals, and the region that is wanted.

Points keep their size on every screen. One that lies far from all others is pinned to the edge with its value, so that
it does not set the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from helpers.core.text import Style, spell
from helpers.report.components.figures import drawn_figure
from helpers.report.components.scales import Scale, finite, tick_words
from helpers.report.components.tables import Cell, collapsible
from helpers.runs.results.cited import Cited

#: A value is pinned when it is this many times as far from the origin as those of the middle.
_FAR = 8.0
#: The plane as labels are kept apart on it, pixels: that of a telephone.
_WIDTH, _HEIGHT = 230.0, 240.0
#: A label's height, the width of its letters, and its distance from its point, pixels.
_LINE, _LETTER, _OFF = 15.0, 6.3, 9.0
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
    """One point with its name and a ``note`` beside it; points of one ``group`` look alike, a reference is hollow."""

    label: str
    x: Coordinate
    y: Coordinate
    group: str = ""
    is_reference: bool = False
    note: str = ""

    @property
    def words(self) -> str:
        """The name with its note."""
        return " · ".join(filter(None, [self.label, self.note]))


@dataclass(frozen=True)
class Axis:
    """What an axis measures, the value of the reference, and the least that is wanted, with its name."""

    title: str
    unit: Style
    origin: float
    least: float
    least_label: str = ""

    def scale(self, found: Sequence[Coordinate]) -> Scale:
        """Return a scale that holds the reference, what is wanted, and all points that are not far off."""
        sizes = [abs(one.value - self.origin) for one in found if one.value != self.origin]
        reach = _FAR * max(median(sizes or [0.0]), abs(self.least - self.origin))
        near = [one for one in found if not reach or abs(one.value - self.origin) <= reach]
        held = [self.origin, self.least, *(one.value for one in near)]
        ends = [end for one in near for end in (one.low, one.high) if end is not None]
        spread = max(held) - min(held) or abs(self.origin) or 1.0
        low = max(min([*held, *ends]), min(held) - spread)
        high = min(max([*held, *ends]), max(held) + spread)
        room = 0.08 * (high - low)
        return Scale(low - room, high + room)


def plane(
    name: str, finding: Cell, subtitle: Cell, points: Sequence[NamedPoint], x: Axis, y: Axis, *, data: Markup
) -> Markup:
    """Return points on a plane, up and to the right is better, and the region shaded in which both are as wanted.

    ``name`` must be unique on the page; ``data`` is the table of the same numbers.
    """
    drawn = [_plane(points, x, y)] if points else []
    return drawn_figure(name, finding, subtitle, drawn, below=collapsible("The figure as a table", data))


def _plane(points: Sequence[NamedPoint], x: Axis, y: Axis) -> Markup:
    across, up = x.scale([one.x for one in points]), y.scale([one.y for one in points])
    groups = list(dict.fromkeys(one.group for one in points))
    parts = [_region(x, y, across, up), *_ticks(x, y, across, up)]
    marked = [_marked(one, across, up) for one in points]
    lines, taken = [box for boxes in marked for box in boxes[1:]], [boxes[0] for boxes in marked]
    for one in points:
        parts.append(_cross(one, across, up))
    for one in points:
        parts += _point(one, x, y, across, up, groups.index(one.group), taken, lines)
    return Markup('<div class="plane"><div class="area">{}</div><p class="x-title">{} →</p></div>').format(
        Markup().join(parts), x.title
    )


def _region(x: Axis, y: Axis, across: Scale, up: Scale) -> Markup:
    """Return the shaded region, the line of what is allowed, and that of the reference."""
    left, bottom = across.at(x.least), up.at(y.least)
    words = f"{y.least_label} {spell(y.least, y.unit)}"
    return Markup(
        '<i class="ok" style="left:{0:g}%;bottom:{1:g}%"></i><i class="allowed" style="bottom:{1:g}%"></i>'
        '<i class="origin" style="left:{2:g}%"></i><span class="axis allowed-name" style="bottom:{1:g}%">{3}</span>'
        '<span class="axis y-title">{4}</span>'
    ).format(left, bottom, across.at(x.origin), words, y.title)


def _ticks(x: Axis, y: Axis, across: Scale, up: Scale) -> list[Markup]:
    spell_x, spell_y = tick_words(x.unit, across.high), tick_words(y.unit, up.high)
    sideways = [
        Markup('<span class="axis tick-x" style="left:{:g}%">{}</span>').format(across.at(tick), spell_x(tick))
        for tick in across.ticks()
    ]
    upwards = [
        Markup('<span class="axis tick-y" style="bottom:{:g}%">{}</span>').format(up.at(tick), spell_y(tick))
        for tick in up.ticks()
    ]
    return [*sideways, *upwards]


def _cross(point: NamedPoint, across: Scale, up: Scale) -> Markup:
    """Return both intervals of a point, as far as the plane reaches."""
    left, bottom = across.at(point.x.value), up.at(point.y.value)
    lines = []
    if point.x.low is not None and point.x.high is not None:
        start, end = across.at(point.x.low), round(100 - across.at(point.x.high), 1)
        lines.append(Markup('<i class="h" style="left:{:g}%;right:{:g}%;bottom:{:g}%"></i>').format(start, end, bottom))
    if point.y.low is not None and point.y.high is not None:
        start, end = up.at(point.y.low), round(100 - up.at(point.y.high), 1)
        lines.append(Markup('<i class="v" style="left:{:g}%;bottom:{:g}%;top:{:g}%"></i>').format(left, start, end))
    return Markup().join(lines)


def _point(
    point: NamedPoint, x: Axis, y: Axis, across: Scale, up: Scale, group: int, taken: list[Box], lines: Sequence[Box]
) -> list[Markup]:
    """Return a point's mark and its name, where nothing else is; one off the plane is pinned with its value."""
    pinned = not (across.low <= point.x.value <= across.high and up.low <= point.y.value <= up.high)
    shape = "reference" if point.is_reference else "pinned" if pinned else f"g{group % 4}"
    left, bottom = across.at(point.x.value), up.at(point.y.value)
    tip = f"{point.words}: {_told(point.x, x.unit)} · {_told(point.y, y.unit)}"
    mark = Markup(
        '<span class="pt {0}" tabindex="0" role="img" aria-label="{1}" data-tip="{1}" '
        'style="left:{2:g}%;bottom:{3:g}%"></span>'
    ).format(shape, tip, left, bottom)
    words = point.words + (f" {spell(point.y.value, y.unit)}" if pinned else "")
    side, lift = _placed(words, left, bottom, taken, lines)
    label = Markup(
        '<span class="lab quoted {}" aria-hidden="true" style="left:{:g}%;bottom:calc({:g}% + {:g}px)">{}</span>'
    ).format(side, left, bottom, lift, words)
    return [mark, label, *_leader(left, bottom, side, lift)]


def _leader(left: float, bottom: float, side: str, lift: float) -> list[Markup]:
    """Return the line from a point to a name that is not beside it."""
    if abs(lift) <= _LINE:
        return []
    return [
        Markup('<i class="leader {} {}" style="left:{:g}%;bottom:calc({:g}% + {:g}px);height:{:g}px"></i>').format(
            side, "up" if lift > 0 else "down", left, bottom, min(lift, 0.0), abs(lift)
        )
    ]


def _told(one: Coordinate, unit: Style) -> str:
    if one.low is None or one.high is None:
        return spell(one.value, unit)
    return f"{spell(one.value, unit)} ({spell(one.low, unit)} to {spell(one.high, unit)})"


def _marked(point: NamedPoint, across: Scale, up: Scale) -> list[Box]:
    """Return where a point and its intervals are, pixels."""
    x, y = across.at(point.x.value) / 100 * _WIDTH, up.at(point.y.value) / 100 * _HEIGHT
    boxes = [(x - 6, y - 6, x + 6, y + 6)]
    if point.x.low is not None and point.x.high is not None:
        boxes.append((across.at(point.x.low) / 100 * _WIDTH, y - 1, across.at(point.x.high) / 100 * _WIDTH, y + 1))
    if point.y.low is not None and point.y.high is not None:
        boxes.append((x - 1, up.at(point.y.low) / 100 * _HEIGHT, x + 1, up.at(point.y.high) / 100 * _HEIGHT))
    return boxes


def _placed(words: str, left: float, bottom: float, taken: list[Box], lines: Sequence[Box]) -> tuple[str, float]:
    """Return on which side of its point a name is placed, and how far above its middle, pixels; the place is taken.

    It overlaps no point and no other name and, where possible, no interval.
    """
    x, y, wide = left / 100 * _WIDTH, bottom / 100 * _HEIGHT, _LETTER * len(words)
    lifts = [sign * step * _LINE for step in range(7) for sign in (1, -1)]
    places = [(side, lift) for lift in lifts for side in ("right", "left")]
    boxes = {
        (side, lift): (start, y + lift - _LINE / 2, start + wide, y + lift + _LINE / 2)
        for side, lift in places
        for start in [x + _OFF if side == "right" else x - _OFF - wide]
    }
    inside = {p: b for p, b in boxes.items() if b[0] >= -40 and b[2] <= _WIDTH + 8 and b[1] >= 0 and b[3] <= _HEIGHT}
    free = [place for place, box in inside.items() if not any(_overlap(box, other) for other in taken)]
    clear = [place for place in free if not any(_overlap(boxes[place], line) for line in lines)]
    chosen = (clear or free or list(inside) or places)[0]
    taken.append(boxes[chosen])
    return chosen


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
