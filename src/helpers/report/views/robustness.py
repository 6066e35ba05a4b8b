"""Part of page 02: what harmless changes of the dialogues do to the answers."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from helpers.params.samples import Change
from helpers.report.components.numbers import NOT_MEASURED, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.report.views.common import with_interval
from helpers.runs.results.cited import Cited
from helpers.stats.comparison import ALPHA

LABELS: dict[Change, str] = {"renamed": "Speakers renamed", "typos": "Typos", "filler": "Filler added"}
#: The scores of which differences are shown, by their fields.
SCORES = {"rouge_l": "ROUGE-L", "key_fact_recall": "key-fact recall"}
DONE: dict[Change, str] = {
    "renamed": "its speakers get other names, which are mapped back in the answer",
    "typos": "a few words are misspelled",
    "filler": "turns begin with a greeting or filler",
}
NOTE = (
    "Each dialogue is sent once more with each change: {done}. A difference is that of the changed from the unchanged "
    "answer to the same dialogue; the 95 % interval is below each figure. An answer has a new flag where a judged "
    "faithfulness check finds what it does not find in the unchanged one."
)


def under_changes(result: Cited) -> Markup:
    """Return what changes that must not matter do to the answers; nothing where nobody asked for it."""
    found = result.robustness
    if not found:
        return Markup()
    if found.reason:
        told = "<p>What harmless changes of the dialogues do to the answers is not measured: {reason}.</p>"
        return sentence(told, reason=quoted(found.reason))
    columns = [
        Column("Change"),
        Column("Answers", numeric=True),
        Column("ROUGE-L difference", numeric=True),
        Column("Key-fact difference", numeric=True),
        Column("Equal answers", numeric=True),
        Column("New flags", numeric=True),
    ]
    rows = [
        [
            LABELS[one.change.raw],
            number(one.answered, "count"),
            *(_difference(getattr(one, name)) for name in SCORES),
            with_interval(one.equal, "rate"),
            with_interval(one.new_flags, "rate"),
        ]
        for one in found.changes
    ]
    told = sentence(NOTE, done="; ".join(DONE[one.change.raw] for one in found.changes))
    note = Markup("<br>").join([told, *_left_out(found)])
    said = sentence("<p>{finding}</p>", finding=_finding(found))
    return said + table("The same dialogues, harmlessly changed", columns, rows, id="robustness", note=note)


def _finding(found: Cited) -> Markup:
    """Return what the differences show over all changes: no more than their intervals, and p-values as one family."""
    told = [(score, one, getattr(one, name)) for name, score in SCORES.items() for one in found.changes]
    known = [(score, one, diff) for score, one, diff in told if diff and diff.raw.low is not None]
    if not known:
        return sentence("Whether harmless changes cost quality is not shown: {why}.", why=_why_not_shown(found))
    shown = [row for row in known if _is_shown(row[2])]
    if shown:
        parts = [
            sentence(
                "{score} {difference} ({between}) under “{change}”",
                score=score,
                difference=number(diff.difference, "difference"),
                between=interval(diff, "difference"),
                change=LABELS[one.change.raw],
            )
            for score, one, diff in shown
        ]
        return sentence("Changes that must not matter change the scores: {parts}.", parts=Markup("; ").join(parts))
    score, one, worst = min(known, key=lambda row: row[2].raw.low)
    nothing = Markup("No harmless change is shown to change the scores")
    if worst.raw.low >= 0:
        return Markup("{}.").format(nothing)
    return sentence(
        "{nothing}; a difference of {low} in {score} under “{change}” is still possible.",
        nothing=nothing,
        low=number(worst.low, "difference"),
        score=score,
        change=LABELS[one.change.raw],
    )


def _why_not_shown(found: Cited) -> str:
    if not any(one.answered for one in found.changes):
        return "no changed dialogue was answered"
    few = any(getattr(one, name) for name in SCORES for one in found.changes)
    return "there are too few answers for an interval" if few else "without references there are no scores"


def _is_shown(diff: Cited) -> bool:
    low, high, p = diff.raw.low, diff.raw.high, diff.raw.adjusted_p
    return (low > 0 or high < 0) and p is not None and p <= ALPHA


def _difference(found: Cited) -> Cell:
    if not found:
        return NOT_MEASURED
    return number(found.difference, "difference") + Markup('<span class="aside">{}</span>').format(
        interval(found, "difference")
    )


def _left_out(found: Cited) -> Iterator[Markup]:
    """Yield what a change does not apply to, and which requests had no answer."""
    for one in found.changes:
        for reason, count in one.not_applied.items():
            yield sentence(
                "{change}: not for {n} of the dialogues, because {reason}.",
                change=LABELS[one.change.raw],
                n=number(count, "count"),
                reason=reason,
            )
        if one.failed:
            yield sentence(
                "{change}: {n} requests had no answer.", change=LABELS[one.change.raw], n=number(one.failed, "count")
            )
