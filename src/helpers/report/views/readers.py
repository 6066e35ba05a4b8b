"""What readers say of the summaries: the share that is usable first, then errors, groups and agreement."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import NOT_MEASURED, between, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, actual, table
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.results.cited import Cited
from helpers.runs.review_summary import read_summaries
from helpers.runs.run import Run

SHARES = {"usable": "Usable as it stands", "faithful": "No false statement", "complete": "The outcome is in it"}
RATE: Style = "rate"


def answer(run: Run) -> Markup:
    """Return which share of the summaries readers would use, or what finding out takes."""
    read = read_summaries(run)
    if read is None:
        return sentence(
            "<p class='answer'>Nobody has read these summaries: whether they are true and usable is not measured. "
            "<code>python -m helpers review runs/{run}</code> writes the file for it.</p>",
            run=run.manifest.run,
        )
    found = Cited(read.summary, "results/reviews.json")
    of = "recorded summaries of this model" if read.recorded else "of these summaries"
    return sentence(
        "<p class='answer'><strong>{usable} of the summaries can be used as they stand</strong> ({between}): {n} {of} "
        "were read by {by}. {faithful} have no false statement.</p>",
        usable=number(found.shares["usable"].value, RATE),
        between=between(found.shares["usable"], RATE),
        n=number(found.dialogues, "count"),
        of=of,
        by=" and ".join("a language model" if one == "language model" else "people" for one in read.summary.made_by),
        faithful=number(found.shares["faithful"].value, RATE),
    )


def readings(run: Run) -> Markup:
    """Return what readers found as tables: shares, kinds of error, by length and domain, and reader by reader."""
    read = read_summaries(run)
    if read is None:
        return Markup()
    found = Cited(read.summary, "results/reviews.json")
    shares = [Column("Share"), Column("Read", numeric=True), *_COLUMNS]
    parts = [
        table(
            "What readers say",
            shares,
            [[SHARES[name], number(one.n, "count"), *_rate(one)] for name, one in found.shares.items()],
            id="readings",
            note=_agreement(found),
        )
    ]
    if found.kinds:
        rows = [[ERROR_LABELS[kind], number(count, "count")] for kind, count in found.kinds.items()]
        parts.append(table("What is wrong", [Column("Error"), Column("Summaries", numeric=True)], rows, id="errors"))
    if found.groups:
        parts.append(_groups(found))
    if len(read.summary.readers) > 1:
        columns = [
            Column("Reader"),
            Column("Read", numeric=True),
            *(Column(name, numeric=True) for name in SHARES.values()),
        ]
        rows = [
            [one.reader.raw, number(one.n, "count"), *(_share(one, name) for name in SHARES)] for one in found.readers
        ]
        parts.append(table("Reader by reader", columns, rows, id="by-reader"))
    if found.wins.raw is not None:
        parts.append(
            sentence(
                "<p>Readers prefer these summaries to those of {other} in {wins} of the dialogues ({between}); a half "
                "is no preference.</p>",
                other=quoted(found.against),
                wins=number(found.wins.value, RATE),
                between=between(found.wins, RATE),
            )
        )
    return Markup("\n").join(parts)


_COLUMNS = (Column("Actual", numeric=True, better="up"), Column("95 % interval", numeric=True))


def _rate(estimate: Cited) -> list[Cell]:
    return [actual(estimate, RATE), interval(estimate, RATE)]


def _share(holder: Cited, name: str) -> Cell:
    return number(holder.shares[name].value, RATE) if name in holder.shares.raw else NOT_MEASURED


def _groups(found: Cited) -> Markup:
    columns = [Column("Dialogues"), Column("Read", numeric=True), Column("Faithful", numeric=True, better="up"),
               Column("95 % interval", numeric=True), Column("Usable", numeric=True, better="up")]  # fmt: skip
    rows = [
        [
            Markup("{} ({})").format(quoted(one.label), one.by.raw),
            number(one.n, "count"),
            *_rate(one.shares["faithful"]),
            _share(one, "usable"),
        ]
        for one in found.groups
    ]
    return table("Faithful by length and domain, as read", columns, rows, id="faithful-groups")


def _agreement(found: Cited) -> Cell:
    parts = [
        sentence(
            "{name}: readers agree on {same} of {n} dialogues{alpha}.",
            name=SHARES[name],
            same=number(one.same.value, RATE),
            n=number(one.n, "count"),
            alpha=Markup(", Krippendorff's alpha {}").format(number(one.alpha, "score"))
            if one.alpha.raw is not None
            else "",
        )
        for name, one in found.agreement.items()
    ]
    return Markup(" ").join(parts) if parts else "One reader: how far readers agree is not known."
