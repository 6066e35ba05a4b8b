"""The release gate: an exit code and a Markdown summary that a CI job can act on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from helpers.core.console import public
from helpers.core.text import spell, width_of
from helpers.runs.run import Run
from helpers.stats.intervals import EXACT
from helpers.verdicts.compute import judgement
from helpers.verdicts.targets import Judged, Judgement

CLOSED = 3
SIGNS = {"max": "≤", "min": "≥", "below": "<", "above": ">", "margin": "≥", "none": ""}


def exit_code(run: Run, gate: Literal["missed", "undecided"] | None) -> int:
    """Return 3 when the gate closes: ``missed`` on a missed target, ``undecided`` on anything but met.

    With a gate, a Markdown summary goes to ``RUN/summary.md`` and to the file that ``GITHUB_STEP_SUMMARY`` names.
    """
    if gate is None:
        return 0
    judged = judgement(run)
    closing = judged.with_verdict(*(("missed",) if gate == "missed" else ("missed", "undecided", "not measured")))
    text = public(summary(judged, gate, closing))
    (run.directory / "summary.md").write_text(text, encoding="utf-8")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(text)
    return CLOSED if closing else 0


def summary(judged: Judgement, gate: str, closing: list[Judged]) -> str:
    """Return the verdict table as Markdown, led by what the gate says."""
    head = f"**Gate `{gate}`: {'closed' if closing else 'open'}**"
    if closing:
        head += " — " + ", ".join(f"{row.label} {row.verdict}" for row in closing)
    return "\n".join([head, "", *verdict_lines(judged)]) + "\n"


def verdict_lines(judged: Judgement) -> list[str]:
    """Return the verdict table as lines of Markdown."""
    head = ["| metric | target | actual | interval over all looks | n | verdict |", "|---|---|---|---|---|---|"]
    return head + [f"| {' | '.join(_cells(row))} |" for row in judged.rows]


def _cells(row: Judged) -> list[str]:
    style, estimate = row.style, row.estimate
    target = "–" if row.threshold is None else f"{SIGNS[row.direction]} {spell(row.threshold, style)}"
    low, value, high = (
        None if v is None else spell(v, style, width=width_of(estimate.low, estimate.high))
        for v in (estimate.low, estimate.value, estimate.high)
    )
    between = f"{low} to {high}" if low and high else (f"≤ {high}" if high else (f"≥ {low}" if low else "–"))
    between = EXACT if estimate.method == EXACT else between
    why = f" ({row.reason})" if row.reason else ""
    look = "" if row.look is None else f", look {row.look} of {row.looks}"
    return [
        row.label,
        target,
        value or "not measured",
        between,
        str(row.estimate.n),
        f"{row.verdict}{look}{why}".replace("|", "/"),
    ]
