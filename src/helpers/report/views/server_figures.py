"""What the server said of itself at each rate of page 05, as it is shown."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.runs.results.cited import Cited

#: The columns: which figure, its header, its unit and its style.
_SHOWN: tuple[tuple[str, str, str, Style], ...] = (
    ("running", "Computed at a time", "mean", "plain"),
    ("most_running", "Computed at a time", "most", "count"),
    ("queue", "Waiting", "mean", "plain"),
    ("most_queue", "Waiting", "most", "count"),
    ("cache_use", "Cache in use", "most", "rate"),
    ("gpu_use", "GPU in use", "mean", "rate"),
    ("input_rate", "Tokens read", "per s", "plain"),
    ("output_rate", "Tokens written", "per s", "plain"),
)


def server_figures(result: Cited) -> Markup:
    """Return what the server's own figures were while each rate was sent, or why there are none."""
    points = [one for one in result.points if one.server.raw is not None]
    if not points:
        why = result.no_server_figures
        told = sentence("<p class='note'>What the server says of itself is not known: {why}.</p>", why=quoted(why.raw))
        return told if why.raw else Markup()
    shown = [column for column in _SHOWN if any(getattr(one.server, column[0]).raw is not None for one in points)]
    columns = [
        Column("Rate", "per hour", numeric=True),
        Column("Samples", numeric=True),
        *(Column(header, unit, numeric=True) for _, header, unit, _ in shown),
    ]
    rows: list[list[Cell]] = [
        [
            number(one.rate, "per_hour"),
            number(one.server.looks, "count"),
            *(_cell(getattr(one.server, name), style) for name, _, _, style in shown),
        ]
        for one in points
    ]
    note = (
        "From the server's own /metrics, looked at while the rate was sent: requests that it computed and that waited "
        "in it, and how fast its counts of tokens grew."
    )
    return table("Server metrics at each rate", columns, rows, id="server-figures", note=note)


def _cell(figure: Cited, style: Style) -> Cell:
    return number(figure, style) if figure.raw is not None else "–"
