"""Every look at the questions of a run, those of earlier reports included: when, at which n, with what result."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted
from helpers.report.components.tables import Column, chip, collapsible, table
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.compute import all_looks, judgement
from helpers.verdicts.looks import LEDGER

#: What a look is, up to where the rest is given.
BY_INTERVAL = (
    "A look has what its interval shows. What else a target rests on, such as where it was measured, is given with its "
    "verdict"
)
NOTE = f"{BY_INTERVAL} above."


def history(run: Run) -> Markup:
    """Return the ledger of a run's targets; nothing where each was looked at once, as the verdicts show it."""
    looks = all_looks(run)
    if max(Counter(look.target for look in looks).values(), default=0) < 2:
        return Markup()
    judged = {row.name: row for row in judgement(run).rows}
    columns = [
        Column("Target"),
        Column("Report"),
        Column("Look", numeric=True),
        Column("n", numeric=True),
        Column("Threshold", numeric=True),
        Column("Actual", numeric=True),
        Column("Interval", numeric=True),
        Column("By its interval"),
    ]
    rows = []
    for look in Cited(looks, LEDGER):
        row = judged[look.target.raw]
        style: Style = "difference" if row.direction == "margin" else row.unit
        rows.append(
            [
                quoted(row.label),
                quoted(look.run),
                number(look.look, "count"),
                number(look.n, "count"),
                number(look.threshold, style),
                number(look.value, style),
                interval(look, style),
                chip(look.verdict.raw),
            ]
        )
    body = table("Every look at these targets, the oldest first", columns, rows, id="looks", note=NOTE)
    return collapsible("Every look at these targets", body)
