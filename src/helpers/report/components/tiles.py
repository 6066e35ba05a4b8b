"""Tiles: a figure with its interval on a track, beside what is wanted of it and the verdict where it has a target."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted
from helpers.report.components.scales import finite, scale_for
from helpers.report.components.tables import Cell, actual, chip, counted, look, needed_place, wanted
from helpers.report.components.tracks import ends_axis, interval_track
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import EXACT

#: What a page says first; more of them would be a table.
MOST_TILES = 4


@dataclass(frozen=True)
class Tile:
    """One figure: what it is, its value, its interval in words, a drawing, a verdict, and what else is to be said."""

    label: Cell
    value: Markup
    interval: Cell = ""
    drawing: Cell = ""
    chip: Cell = ""
    foot: Cell = ""
    style: str = ""


def tiles(parts: Iterable[Tile], style: str = "tiles") -> Markup:
    """Return tiles side by side."""
    return Markup('<div class="{}">\n{}\n</div>').format(style, Markup("\n").join(_html(part) for part in parts))


def key_figures(*parts: Tile | None) -> Markup:
    """Return the few figures of an answer as tiles; those that are ``None`` were not measured and are left out.

    Raises `ValueError` for more than `MOST_TILES`.
    """
    known = [part for part in parts if part is not None]
    if len(known) > MOST_TILES:
        raise ValueError(f"{len(known)} tiles: give at most {MOST_TILES}, the rest belongs into a table")
    return tiles(known, "tiles key") if known else Markup()


def judged_tile(row: Cited, href: str = "") -> Tile:
    """Return the tile of a cited `helpers.verdicts.targets.Judged` row; ``href`` is where its evidence is shown."""
    estimate, style = row.estimate, row.style.raw
    bounded = estimate.method.raw == EXACT or not (estimate.low.raw is None and estimate.high.raw is None)
    return Tile(
        label=_label(row),
        value=actual(estimate, style, href=href),
        interval=interval(estimate, style) if bounded and estimate.value.raw is not None else "",
        drawing=_drawing(estimate, style, row),
        chip=chip(row.verdict.raw),
        foot=Markup().join([look(row), needed_place(row)]),
        style=row.verdict.raw.replace(" ", "-"),
    )


def estimate_tile(label: Cell, estimate: Cited, style: Style, foot: Cell = "") -> Tile | None:
    """Return the tile of a cited estimate that has no target, or ``None`` when it was not measured."""
    if not estimate or (estimate.value.raw is None and estimate.largest.raw is None):
        return None
    bounded = not (estimate.low.raw is None and estimate.high.raw is None)
    return Tile(
        label=label + Markup(" <small>{}</small>").format(counted(estimate)) if estimate.n.raw else label,
        value=actual(estimate, style),
        interval=interval(estimate, style) if bounded else "",
        drawing=_drawing(estimate, style),
        foot=foot,
    )


def number_tile(label: Cell, found: Cited, style: Style = "count", foot: Cell = "") -> Tile | None:
    """Return the tile of a bare cited number, or ``None`` when it was not measured."""
    return None if finite(found) is None else Tile(label, number(found, style), foot=foot)


def _html(tile: Tile) -> Markup:
    return Markup(
        '<div class="tile {}"><p class="head"><span>{}</span>{}</p><p class="v">{}<small>{}</small></p>{}{}</div>'
    ).format(
        tile.style,
        tile.label,
        tile.chip,
        tile.value,
        tile.interval,
        tile.drawing,
        Markup('<p class="foot">{}</p>').format(tile.foot) if tile.foot else "",
    )


def _label(row: Cited) -> Markup:
    if not row.estimate.n.raw or row.look.raw is None:
        return quoted(row.label)
    return quoted(row.label) + Markup(" <small>{}</small>").format(counted(row.estimate))


def _drawing(estimate: Cited, style: Style, row: Cited | None = None) -> Markup:
    """Return the interval and what is wanted on one line, with the ends of the scale; nothing without a value."""
    found, threshold = estimate.raw, None if row is None else row.threshold.raw
    if found.value is None or (threshold is None and found.low is None):
        return Markup()
    values = [v for v in (found.low, found.value, found.high, threshold) if v is not None and math.isfinite(v)]
    scale = scale_for(values, is_rate=style == "rate")
    return Markup("<div>{}{}</div>").format(
        interval_track(scale, found, threshold, "" if row is None else row.direction.raw),
        ends_axis(scale, style, threshold, "" if row is None else wanted(row)),
    )
