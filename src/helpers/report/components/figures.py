"""Figures: a heading that states the finding, unit and n, a drawing, and the same numbers as a table.

What has one dimension is laid out as HTML; curves are inline SVG, drawn for wide and for narrow screens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from markupsafe import Markup, escape

from helpers.core.text import Style
from helpers.report.components import line_chart
from helpers.report.components.line_chart import Plot
from helpers.report.components.numbers import interval, number, quoted
from helpers.report.components.row_chart import (
    Panel,
    Segment,
    are_dots,
    estimate_row,
    observed_rows,
    rows_of,
    span_row,
    states_row,
)
from helpers.report.components.scales import Scale, finite, is_estimate
from helpers.report.components.svg import to_svg
from helpers.report.components.tables import Cell, Column, actual, collapsible, sample_size, table, tally
from helpers.runs.results.cited import Cited

MOST_CHARTS = 5
_UNITS: dict[Style, str] = {"s": "s", "usd": "$", "rate": "%", "ratio": "×"}


@dataclass(frozen=True)
class TargetLine:
    """A cited threshold, drawn as a line that says what it is."""

    value: Cited
    label: str = "target"


@dataclass(frozen=True)
class Observations:
    """Observations under one label, and what summarises them by name; the first summary is marked and written out."""

    label: str
    values: Cited
    summary: Mapping[str, Cited] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """One of several charts beside each other: rows of (label, cited estimate) on a scale of their own.

    ``head`` is what heads its column in the table, the title by default.
    """

    title: str
    rows: Sequence[tuple[str, Cited]]
    unit: Style = "plain"
    target: TargetLine | None = None
    head: Cell = ""


def points(
    name: str,
    finding: Cell,
    subtitle: Cell,
    rows: Sequence[tuple[str, Cited]],
    *,
    unit: Style,
    target: TargetLine | None = None,
    by: str = "Group",
    scale: Scale | None = None,
    data: Markup | None = None,
) -> Markup:
    """Return a dot-and-interval chart of labelled estimates (or bare numbers), one row each.

    ``name`` prefixes the ids inside and must be unique on the page; ``by`` heads the labels in the table. What lies
    outside a ``scale`` that is given is pinned to its end. ``data`` is a table of the same numbers that says more.
    """
    columns = [Column(by), _column("Value", unit), _column("95 % interval", unit), Column("n", numeric=True)]
    cells = [
        (quoted(label), actual(found, unit, bare=True), interval(found, unit, bare=True), sample_size(found))
        if is_estimate(found)
        else (quoted(label), number(found, unit, bare=True), "–", "–")
        for label, found in rows
    ]
    panel = replace(_panel(Chart("", rows, unit, target)), scale=scale)
    return _figure(name, finding, subtitle, [panel], data or table(finding, columns, cells))


def small_multiples(name: str, finding: Cell, subtitle: Cell, charts: Sequence[Chart], *, by: str = "Group") -> Markup:
    """Return dot-and-interval charts beside each other.

    Raises `ValueError` unless all have the same labels in the same order, or when there are over `MOST_CHARTS`.
    """
    labels = [label for label, _ in charts[0].rows] if charts else []
    if any([label for label, _ in chart.rows] != labels for chart in charts):
        raise ValueError(f"{name}: the charts have different rows; give each the same labels in the same order")
    if len(charts) > MOST_CHARTS:
        raise ValueError(f"{name}: {len(charts)} charts do not fit side by side; give at most {MOST_CHARTS}")
    columns = [Column(by), *(_column(chart.head or chart.title, chart.unit) for chart in charts)]
    cells = [
        (quoted(label), *(_with_interval(found, chart.unit) for chart, (_, found) in zip(charts, line, strict=True)))
        for label, line in zip(labels, zip(*(chart.rows for chart in charts), strict=True), strict=True)
    ]
    panels = [_panel(chart) for chart in charts]
    return _figure(name, finding, subtitle, panels, table(finding, columns, cells))


def distribution(
    name: str,
    finding: Cell,
    subtitle: Cell,
    groups: Sequence[Observations],
    *,
    unit: Style,
    target: TargetLine | None = None,
    by: str = "Group",
    scale: Scale | None = None,
) -> Markup:
    """Return every observation as a dot, one row per group, or histograms where there are too many for that.

    The drawing marks the first summary of each group with a bar; the table holds every summary, and every dot. What
    lies outside a ``scale`` that is given is pinned to its end.
    """
    values = [[value for item in group.values if (value := finite(item)) is not None] for group in groups]
    middles = [next(iter(group.summary.values()), None) for group in groups]
    heads = list(dict.fromkeys(head for group in groups for head in group.summary))
    dots = are_dots(values)
    panel = Panel(
        observed_rows([group.label for group in groups], values, middles, unit),
        unit,
        *_line(target),
        scale=scale,
    )
    each = [Column("Each", _UNITS.get(unit, ""))] if dots else []
    cells = [
        (
            quoted(group.label),
            *(_with_interval(group.summary[head], unit) if head in group.summary else "–" for head in heads),
            *(Markup(", ").join(number(item, unit, bare=True) for item in group.values) for _ in each),
        )
        for group in groups
    ]
    columns = [Column(by), *(_column(head, unit) for head in heads), *each]
    return _figure(name, finding, subtitle, [panel], table(finding, columns, cells))


def spans(
    name: str,
    finding: Cell,
    subtitle: Cell,
    rows: Sequence[tuple[str, Cited, Cited]],
    *,
    unit: Style,
    target: TargetLine | None = None,
    data: Markup,
) -> Markup:
    """Return a bar from one end to the other for each row (a tornado, when the widest are first).

    ``data`` is the table of the same numbers, which has more to say of each end than its value.
    """
    panel = Panel([span_row(label, low, high, unit) for label, low, high in rows], unit, *_line(target))
    return _figure(name, finding, subtitle, [panel], data)


def states(
    name: str,
    finding: Cell,
    subtitle: Cell,
    rows: Sequence[tuple[str, Cell, Sequence[Segment]]],
    *,
    unit: Style,
    data: Markup,
) -> Markup:
    """Return states over time: for each row its label, how it ended in words, and what it was before.

    ``data`` is the table of the same changes.
    """
    panel = Panel([states_row(*row) for row in rows], unit)
    return _figure(name, finding, subtitle, [panel], data)


def tallies(name: str, finding: Cell, subtitle: Cell, rows: Sequence[tuple[str, Sequence[str], Cell]]) -> Markup:
    """Return a cell for each verdict, row by row: a label, the verdicts, and what they come to in words."""
    lines = [
        Markup('<div class="row"><span class="name quoted">{}</span>{}<span class="val">{}</span></div>').format(
            label, tally(verdicts), words
        )
        for label, verdicts, words in rows
    ]
    drawn = [Markup('<div class="rows">{}</div>').format(Markup().join(lines))] if lines else []
    return drawn_figure(name, finding, subtitle, drawn)


def curves(name: str, finding: Cell, subtitle: Cell, plot: Plot, *, data: Markup) -> Markup:
    """Return lines over time or over a rate; ``data`` is the table of the same numbers."""
    what = f"A chart of {len(plot.shown())} series"
    drawn = wide_and_narrow(name, finding, what, partial(line_chart.draw, plot=plot), partial(line_chart.size, plot))
    return drawn_figure(
        name, finding, subtitle, drawn if plot.shown() else [], below=collapsible("The figure as a table", data)
    )


def drawn_figure(
    name: str, finding: Cell, subtitle: Cell, drawings: Sequence[Markup], style: str = "", below: Cell = ""
) -> Markup:
    """Return a figure around its drawings, of which SVGs are one for wide and one for narrow screens.

    ``style`` is its class.
    """
    return Markup(
        '<figure id="{}"{}>\n<figcaption><p class="finding">{}</p><p class="subtitle">{}</p></figcaption>\n'
        "{}\n{}</figure>\n"
    ).format(
        name,
        Markup(' class="{}"').format(style) if style else "",
        finding,
        subtitle,
        Markup("\n").join(drawings) or Markup('<p class="none">not measured</p>'),
        below,
    )


def wide_and_narrow(
    name: str,
    finding: Cell,
    what: str,
    draw: Callable[..., None],
    size: Callable[[bool], tuple[float, float]],
) -> list[Markup]:
    """Return a drawing twice, wide and narrow; ``what`` begins its text alternative."""
    return [
        to_svg(
            partial(draw, narrow=narrow),
            size(narrow),
            id=f"{name}-{style}",
            title=escape(finding).striptags(),
            description=f"{what}; its numbers are in the table below it.",
            style=style,
        )
        for style, narrow in (("wide", False), ("narrow", True))
    ]


def _figure(name: str, finding: Cell, subtitle: Cell, panels: Sequence[Panel], data: Markup) -> Markup:
    drawn = [rows_of(panels)] if any(panel.values() for panel in panels) else []
    return drawn_figure(name, finding, subtitle, drawn, below=collapsible("The figure as a table", data))


def _panel(chart: Chart) -> Panel:
    rows = [estimate_row(label, found, chart.unit) for label, found in chart.rows]
    return Panel(rows, chart.unit, *_line(chart.target), chart.title)


def _line(target: TargetLine | None) -> tuple[Cited | None, str]:
    return (None, "") if target is None else (target.value, target.label)


def _with_interval(found: Cited, unit: Style) -> Markup:
    if not is_estimate(found):
        return number(found, unit, bare=True)
    aside = Markup('<span class="aside">{}</span>').format(interval(found, unit, bare=True))
    return actual(found, unit, bare=True) + aside


def _column(header: str, unit: Style) -> Column:
    return Column(header, unit=_UNITS.get(unit, ""), numeric=True)
