"""Charts laid out row by row as HTML: a label, marks on one scale, and the figure in words.

The rows are cited results; a value that is missing stays missing and says so. Nothing here computes a statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number
from helpers.report.components.scales import Scale, finite, is_estimate, scale_of_rows
from helpers.report.components.tables import Cell, actual
from helpers.report.components.tracks import at, between, ticks_axis, track
from helpers.runs.results.cited import Cited

#: A mean of fewer is a grey dot: it shows where these few lie, and nothing of others.
FEW = 5
#: Up to this many observations in a group each is a dot; beyond, dots hide each other and bars show the shape.
MOST_DOTS = 60
_BARS = 40


@dataclass(frozen=True)
class Segment:
    """A state from one time to another, in the colour of a CSS variable."""

    start: float
    end: float
    colour: str


@dataclass(frozen=True)
class Row:
    """One line: its label, the figure in words, its marks on a scale, and what that scale must hold.

    ``reach`` are the ends of an interval, which the scale holds unless they are far wider than those of other rows.
    """

    label: str
    text: Cell
    marks: Callable[[Scale], list[Markup]]
    extent: Sequence[float]
    reach: Sequence[float] = ()
    tip: str = ""


@dataclass(frozen=True)
class Panel:
    """Rows on one scale, with a target as a labelled line.

    A ``scale`` that is given holds whatever the values are; what lies outside is pinned to its end.
    """

    rows: Sequence[Row]
    unit: Style
    target: Cited | None = None
    target_label: str = "target"
    title: Cell = ""
    scale: Scale | None = None

    def values(self) -> list[float]:
        """Return everything the scale must hold."""
        goal = None if self.target is None else finite(self.target)
        return [value for row in self.rows for value in row.extent] + ([] if goal is None else [goal])


def rows_of(panels: Sequence[Panel]) -> Markup:
    """Return panels beside each other; those of one unit share a scale unless one is given."""
    scales = {
        unit: scale_of_rows(
            (value for panel in panels if panel.unit == unit for value in panel.values()),
            (row.reach for panel in panels if panel.unit == unit for row in panel.rows),
        )
        for unit in {panel.unit for panel in panels}
    }
    parts = [_panel(panel, panel.scale or scales[panel.unit]) for panel in panels]
    return Markup('<div class="multi">{}</div>').format(Markup().join(parts)) if len(parts) > 1 else parts[0]


def estimate_row(label: str, found: Cited, unit: Style) -> Row:
    """Return the row of an estimate (or of a bare number, which has no interval)."""
    if not is_estimate(found):
        value = finite(found)
        return Row(label, number(found, unit), lambda scale: _dot(scale, value, "dot"), _present(value))
    value, low, high = (finite(part) for part in (found.value, found.low, found.high))
    reach = [end for end in (low, high) if end is not None]

    def marks(scale: Scale) -> list[Markup]:
        few = found.n.raw < FEW
        if few or low is None or high is None:  # so few say nothing of others, or bounded on one side only
            return _dot(scale, value, "dot few" if few else "dot")
        return [between("ci", scale, low, high), *_dot(scale, value, "dot")]

    tip = f"{interval(found, unit).striptags()}, n {found.n.raw}" if reach else f"n {found.n.raw}"
    return Row(label, actual(found, unit), marks, _present(value) or reach, reach if len(reach) == 2 else (), tip)


def span_row(label: str, one: Cited, other: Cited, unit: Style) -> Row:
    """Return the row of a bar between two cited numbers."""
    low, high = sorted((one, other), key=lambda end: float(end.raw))
    words = Markup("{} to {}").format(number(low, unit), number(high, unit))
    return Row(
        label, words, lambda scale: [between("span", scale, low.raw, high.raw)], [float(low.raw), float(high.raw)]
    )


def states_row(label: str, words: Cell, segments: Sequence[Segment]) -> Row:
    """Return the row of states over time; without any it stays empty but for its words."""
    extent = [segments[0].start, segments[-1].end] if segments else []

    def marks(scale: Scale) -> list[Markup]:
        if not segments:
            return []
        stops = ",".join(f"var(--{one.colour}) {scale.at(one.start):g}% {scale.at(one.end):g}%" for one in segments)
        first, last = scale.at(extent[0]), scale.at(extent[1])
        if first or last < 100:
            stops = ",".join(filter(None, [f"#0000 0 {first:g}%" if first else "", stops, f"#0000 {last:g}% 100%"]))
        return [Markup('<i class="lane" style="background:linear-gradient(90deg,{})"></i>').format(stops)]

    return Row(label, words, marks, extent)


def observed_rows(
    labels: Sequence[str], values: Sequence[Sequence[float]], middles: Sequence[Cited | None], unit: Style
) -> list[Row]:
    """Return rows of dots, or of histograms on shared edges and one height when a group has over `MOST_DOTS`.

    A bar's height is the share of its group's observations.
    """
    known = [None if one is None else finite(one.value if is_estimate(one) else one) for one in middles]
    words: list[Cell] = [
        "" if one is None else actual(one, unit) if is_estimate(one) else number(one, unit) for one in middles
    ]
    if are_dots(values):
        marks = [_observed(found, middle) for found, middle in zip(values, known, strict=True)]
        extents = [[*found, *_present(middle)] for found, middle in zip(values, known, strict=True)]
    else:
        pooled = np.concatenate([np.asarray(found, dtype=float) for found in values])
        edges = np.linspace(min(0.0, pooled.min()), pooled.max(), _BARS + 1)
        shares = [np.histogram(found, edges)[0] / max(1, len(found)) for found in values]
        tallest = float(max(share.max() for share in shares))
        extents = [[*edges[[0, -1]].tolist(), *_present(middle)] for middle in known]
        marks = [
            _histogram((share / tallest).tolist(), edges.tolist(), middle)
            for share, middle in zip(shares, known, strict=True)
        ]
    return [Row(*row) for row in zip(labels, words, marks, extents, strict=True)]


def are_dots(values: Sequence[Sequence[float]]) -> bool:
    """Return whether every group is small enough to show each observation."""
    return max(map(len, values), default=0) <= MOST_DOTS


def _panel(panel: Panel, scale: Scale) -> Markup:
    goal = None if panel.target is None else finite(panel.target)
    target = [] if goal is None else [at("goal", scale, goal)]
    lines = [
        Markup('<div class="row"><span class="name quoted">{}</span>{}<span class="val">{}</span></div>').format(
            row.label, track([*target, *row.marks(scale)], row.tip), row.text
        )
        for row in panel.rows
    ]
    above = []
    if panel.title:
        above.append(Markup('<p class="panel-title quoted">{}</p>').format(panel.title))
    if panel.target is not None and goal is not None:
        words = Markup("{} {}").format(panel.target_label, number(panel.target, panel.unit))
        edge = "e" if scale.at(goal) > 60 else "s"
        label = Markup('<span class="axis"><b class="{}" style="left:{:g}%">{}</b></span>').format(
            edge, scale.at(goal), words
        )
        lines.insert(0, Markup('<div class="ends"><span></span>{}<span></span></div>').format(label))
    axis = ticks_axis(scale, panel.unit) if panel.values() else Markup("<span></span>")
    lines.append(Markup('<div class="ends"><span></span>{}<span></span></div>').format(axis))
    rows = Markup('<div class="rows">{}</div>').format(Markup().join(lines))
    return Markup("<div>{}{}</div>").format(Markup().join(above), rows) if above else rows


def _dot(scale: Scale, value: float | None, kind: str) -> list[Markup]:
    return [] if value is None else [at(kind, scale, value)]


def _observed(values: Sequence[float], middle: float | None) -> Callable[[Scale], list[Markup]]:
    return lambda scale: [*(at("obs", scale, one) for one in sorted(values)), *_dot(scale, middle, "middle")]


def _histogram(
    shares: Sequence[float], edges: Sequence[float], middle: float | None
) -> Callable[[Scale], list[Markup]]:
    def marks(scale: Scale) -> list[Markup]:
        bars = [
            Markup('<i class="bar" style="left:{:g}%;right:{:g}%;height:{:.0f}%"></i>').format(
                scale.at(low), round(100 - scale.at(high), 1), 100 * share
            )
            for share, low, high in zip(shares, edges, edges[1:], strict=False)
            if share
        ]
        return [*bars, *_dot(scale, middle, "middle")]

    return marks


def _present(value: float | None) -> list[float]:
    return [] if value is None else [value]
