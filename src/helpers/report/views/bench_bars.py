"""The performance goals of a bench: the foremost as tiles, all of them as a table."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Column, chip, table
from helpers.report.components.tiles import MOST_TILES, Tile, key_figures
from helpers.runs.results.cited import Cited


def reached(result: Cited) -> Markup:
    """Return what was reached as tiles, a missed bar first."""
    found = [bar for bar in result.bars if bar.reached.raw is not None]
    ranked = sorted(found, key=lambda bar: bar.verdict.raw != "missed")
    return key_figures(*(_tile(bar) for bar in ranked[:MOST_TILES]))


def bars(result: Cited) -> Markup:
    """Return every bar with the nearest that was reached, and what an engine at the int8 limit would reach.

    The two columns that are of engines alone are left out where no bar has them.
    """
    of_engines = any(bar.beside.raw is not None or bar.possible.raw is not None for bar in result.bars)
    columns = [
        Column("Goal"),
        Column("Target", numeric=True),
        Column("Measured", numeric=True),
        Column("Engine"),
        *(
            (Column(head, numeric=True) for head in ("Over the fastest fp32", "At the int8 limit"))
            if of_engines
            else ()
        ),
        Column("Verdict"),
    ]
    rows = []
    for bar in result.bars:
        style: Style = bar.unit.raw
        rows.append(
            [
                quoted(bar.label),
                wanted(bar),
                "no such engine" if bar.reached.raw is None and bar.verdict.raw == "missed" else measured(bar),
                bar.engine.raw or "–",
                *(
                    (number(v, style) if v.raw is not None else "–" for v in (bar.beside, bar.possible))
                    if of_engines
                    else ()
                ),
                chip(bar.verdict.raw),
            ]
        )
    source = quoted(result.bars[0].source) if len(result.bars) else ""
    note = sentence(
        "The goals: {source}. They are judged by the interval of the median over rounds, from six on, a time to load "
        "as it is; the best of several engines is chosen first, which no interval allows for.",
        source=source,
    )
    if of_engines:
        note += Markup(
            " The last column of figures is the speed-up of an engine at the machine's limit for weights of eight "
            "bits: where even that is below the goal, only weights of four bits can reach it here."
        )
    short = [bar for bar in result.bars if bar.verdict.raw in ("missed", "undecided") and bar.tried.raw]
    tried = [sentence("Not met: {label}. {tried}", label=quoted(bar.label), tried=quoted(bar.tried)) for bar in short]
    return table(
        "Performance goals, and the best result of each",
        columns,
        rows,
        id="bars",
        note=Markup("<br>").join([note, *tried]),
    )


def measured(bar: Cited) -> Markup:
    """Return what was reached, with its interval where it has one."""
    style: Style = bar.unit.raw
    found = number(bar.reached, style)
    if bar.low.raw is not None and bar.high.raw is not None:
        ends = (number(bar.low, style), number(bar.high, style))
        found += Markup('<span class="aside">{} to {}</span>').format(*ends)
    return found


def _tile(bar: Cited) -> Tile:
    by = sentence(", by {engine}", engine=quoted(bar.engine)) if bar.engine.raw else Markup()
    return Tile(
        label=quoted(bar.label),
        value=number(bar.reached, bar.unit.raw),
        chip=chip(bar.verdict.raw),
        foot=sentence("wanted {wanted}{by}", wanted=wanted(bar), by=by),
        style=bar.verdict.raw.replace(" ", "-"),
    )


def wanted(bar: Cited) -> Markup:
    """Return what a goal asks for."""
    style: Style = bar.unit.raw
    if bar.at_least.raw is not None:
        return sentence("≥ {v}", v=number(bar.at_least, style))
    return sentence("≤ {v}", v=number(bar.at_most, style))
