"""The release gate: an exit code and a Markdown summary that a CI job can act on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from helpers.core.console import public, say
from helpers.core.text import inert, spell, width_of
from helpers.runs.run import Run
from helpers.stats.intervals import EXACT
from helpers.verdicts.compute import judgement
from helpers.verdicts.targets import Judged, Judgement

CLOSED = 3
#: Characters of one cell; the pages have all.
LONGEST_CELL = 300
SIGNS = {"max": "≤", "min": "≥", "below": "<", "above": ">", "margin": ">", "none": ""}


Gate = Literal["missed", "undecided"]


def exit_code(run: Run, gate: Gate | None) -> int:
    """Return 3 when the gate closes: ``missed`` on a missed target, ``undecided`` on anything but met.

    With a gate, one line tells what closes it, and a Markdown summary goes to ``RUN/summary.md`` and to the file that
    ``GITHUB_STEP_SUMMARY`` names.
    """
    if gate is None:
        return 0
    judged = judgement(run)
    text = public(summary(judged, gate))
    (run.directory / "summary.md").write_text(text, encoding="utf-8")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(text)
    rows = closing(judged, gate)
    names = ", ".join(f"{row.label} {row.verdict}" for row in rows)
    say(f"gate {gate}: closed: {names}" if rows else f"gate {gate}: open")
    return CLOSED if rows else 0


def closing(judged: Judgement, gate: Gate) -> list[Judged]:
    """Return the rows that close a gate; none where it is open."""
    return judged.with_verdict(*(("missed",) if gate == "missed" else ("missed", "undecided", "not measured")))


def summary(judged: Judgement, gate: Gate) -> str:
    """Return the verdict table as Markdown, led by what the gate says."""
    return "\n".join([gate_line(judged, gate), "", *verdict_lines(judged)]) + "\n"


def gate_line(judged: Judgement, gate: Gate) -> str:
    """Return in Markdown whether a gate is open, and what closes it."""
    rows = closing(judged, gate)
    names = ", ".join(f"{inert(row.label)} {row.verdict}" for row in rows)
    return f"**Gate `{gate}`: {'closed' if rows else 'open'}**" + (f" — {names}" if rows else "")


def verdict_lines(
    judged: Judgement, *, before: Mapping[str, str] | None = None, evidence: Mapping[str, str] | None = None
) -> list[str]:
    """Return the verdict table as lines of Markdown.

    ``before`` are the verdicts of another run by target, which get a column; ``evidence`` the addresses of what a
    target rests on.
    """
    heads = ["metric", "target", "actual", "interval over all looks", "n", "verdict"]
    rows = [_cells(row) for row in judged.rows]
    for row, cells in zip(judged.rows, rows, strict=True):
        if evidence and row.name in evidence:
            cells[0] = f"[{cells[0]}]({evidence[row.name]})"
        if before is not None:
            cells.append(before.get(row.name, "not judged"))
    if before is not None:
        heads.append("before")
    return [_line(heads), "|" + "---|" * len(heads), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


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
    cells = [row.label, target, value or "not measured", between, str(row.estimate.n), f"{row.verdict}{look}{why}"]
    return [inert(_cut(cell)) for cell in cells]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
