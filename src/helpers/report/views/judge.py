"""What a judge says of the summaries, and first whether it has qualified; nothing where none was named."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, actual, table
from helpers.report.views.common import PLANTED_KINDS
from helpers.report.views.readers import SHARES
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.results.cited import Cited
from helpers.runs.results.judge import MUST_SEE
from helpers.scorers.planted import PlantedKind

_AGAINST = {"baseline": "the recorded baseline", "untuned": "the untuned base"}


def judge(result: Cited) -> Markup:
    """Return the section on the judge: whether it has qualified, what it says, and what it was shown."""
    found = result.judge
    if result.reason or found.raw is None:
        return Markup()
    if found.reason:
        return sentence(
            "<h2>A judge that must qualify</h2><p>{model} was not asked: {why}.</p>",
            model=quoted(found.model),
            why=quoted(found.reason),
        )
    parts = [sentence("<h2>A judge that must qualify</h2><p>{standing}</p>", standing=_standing(found)), _shares(found)]
    return Markup("\n").join([*parts, _preference(found), _trials(found), _kinds(found)])


def _standing(found: Cited) -> Markup:
    model = quoted(found.model)
    if found.raw.qualified:
        return sentence(
            "<strong>Qualified:</strong> {model} sees the errors that it must see and objects to {alarms} of untouched "
            "references ({among}). It can show a target missed, never met.",
            model=model,
            alarms=number(found.references.objects.value, "rate"),
            among=between(found.references.objects, "rate"),
        )
    return sentence(
        "<strong>Not qualified:</strong> {why} (95 % intervals). What {model} says is shown and judges nothing.",
        why=Markup("; ").join(_reasons(found)),
        model=model,
    )


def _reasons(found: Cited) -> list[Markup]:
    """Return why a judge has not qualified, each with its figure."""
    reasons = [sentence("it was not asked everything, as {why}", why=quoted(found.stopped))] if found.stopped else []
    if found.raw.alarms_too_often:
        reasons.append(
            sentence(
                "it is not shown to object to one in twenty untouched references at most ({alarms})",
                alarms=interval(found.references.objects, "rate") if found.references else "not asked",
            )
        )
    for kind in found.raw.unseen:
        seen = interval(found.planted[kind].objects, "rate") if kind in found.planted.raw else "not asked"
        reasons.append(
            sentence("it is not shown to see enough of “{kind}” ({seen})", seen=seen, kind=PLANTED_KINDS[kind].lower())
        )
    for question in found.raw.unlike_readers:
        reasons.append(_unlike(found, question))
    return reasons


def _unlike(found: Cited, question: str) -> Markup:
    """Return why a judge that readers contradict has not qualified."""
    if question not in found.read.raw or not found.read[question].detection.n:
        return sentence("it got no summary that readers find not {question}", question=question)
    read = found.read[question]
    return sentence(
        "of what readers find not {question} it denies {seen}, and of the rest {alarms}",
        question=question,
        seen=interval(read.detection, "rate"),
        alarms=interval(read.alarms, "rate") if read.alarms.n else "none was read",
    )


def _shares(found: Cited) -> Markup:
    standing = "judged" if found.raw.qualified else "not qualified"
    rows = [
        [SHARES[question], actual(one, "rate"), interval(one, "rate"), number(one.n, "count"), standing]
        for question, one in found.shares.items()
    ]
    columns = [
        Column("Share"),
        Column("Actual", numeric=True, better="up"),
        Column("95 % interval", numeric=True),
        Column("Judged", numeric=True),
        Column("Standing"),
    ]
    note = sentence(
        "{requests} requests were sent to it, by one rubric (<code>{rubric}</code>) and logged apart from those to the "
        "deployment, in <code>judge.jsonl</code>. {malformed} answers were not the JSON asked for and are no verdict; "
        "{failed} requests failed.",
        requests=number(found.requests, "count"),
        rubric=found.rubric.raw[:12],
        malformed=number(found.malformed, "count"),
        failed=number(found.failed, "count"),
    )
    if found.stopped and found.raw.qualified:
        note += sentence(" Not everything was judged: {why}.", why=quoted(found.stopped))
    return table("What the judge says of these summaries", columns, rows, id="judge", note=note)


def _preference(found: Cited) -> Markup:
    pairs = found.preference
    if pairs.raw is None or not pairs.pairs:
        return Markup()
    wins = (
        sentence(
            "It prefers these summaries in {wins} of the pairs in which both orders agree ({among}); a half is no "
            "preference.",
            wins=number(pairs.wins.value, "rate"),
            among=between(pairs.wins, "rate"),
        )
        if pairs.wins.raw is not None
        else Markup("No preference held in both orders.")
    )
    return sentence(
        "<p>Beside {other}, {pairs} pairs were judged in both orders: {inconsistent} times the orders disagreed, "
        "{malformed} times an answer was malformed, and neither counts; {equal} further pairs are equal. {wins}</p>",
        other=_AGAINST[pairs.against.raw],
        pairs=number(pairs.pairs, "count"),
        inconsistent=number(pairs.inconsistent, "count"),
        malformed=number(pairs.malformed, "count"),
        equal=number(pairs.equal, "count"),
        wins=wins,
    )


def _trials(found: Cited) -> Markup:
    """Return what the judge says of summaries of known truth."""
    rows: list[list[Cell]] = []
    if found.references:
        rows.append(["Untouched references: false alarms", *_cells(found.references.objects), _alarms(found)])
    for kind in PlantedKind:
        if kind in found.planted.raw and found.planted[kind].objects.n:
            rows.append([PLANTED_KINDS[kind], *_cells(found.planted[kind].objects), _seen(found, kind)])
    for question, one in found.read.items():
        rows += [
            [f"Read, and found not {question}", *_cells(one.detection), _like(found, question)],
            [f"Read, and found {question}: false alarms", *_cells(one.alarms), "shown beside"],
        ]
    columns = [
        Column("Put before it, blind"),
        Column("Objects", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
        Column("Standing"),
    ]
    by = " and ".join("a language model" if one == "language model" else "people" for one in found.read_by.raw)
    note = sentence(
        "It qualifies where its false alarms are shown to be at most one in twenty, and where it is shown to see seven "
        "of ten of each kind that it must see and of what readers find. {by}Planted errors and references are of the "
        "bundled dialogues, which a language model wrote.",
        by=f"Those who read were {by}. " if by else "",
    )
    return table("What it was put before to qualify", columns, rows, id="judge-qualification", note=note)


def _cells(estimate: Cited) -> list[Cell]:
    return [actual(estimate, "rate"), interval(estimate, "rate"), number(estimate.n, "count")]


def _alarms(found: Cited) -> str:
    return "too many" if found.raw.alarms_too_often else "few"


def _seen(found: Cited, kind: PlantedKind) -> str:
    if kind not in MUST_SEE:
        return "shown beside"
    return "not shown to be seen" if kind in found.raw.unseen else "seen"


def _like(found: Cited, question: str) -> str:
    return "not as readers do" if question in found.raw.unlike_readers else "as readers do"


def _kinds(found: Cited) -> Markup:
    """Return the words that the judge finds wrong, summary by summary, as far as texts may be shown."""
    denied = [one for one in found.summaries if one.said.raw and one.said.raw.usable is False]
    if not denied:
        return Markup()
    rows = [
        [
            quoted(one.id),
            ERROR_LABELS[one.said.kind.raw] if one.said.kind.raw else "not said",
            quoted(one.said.words.raw),
        ]
        for one in denied[:MOST_DENIED]
    ]
    columns = [Column("Dialogue"), Column("Error"), Column("Words")]
    note = "results.json has the others." if len(denied) > MOST_DENIED else ""
    return table("Summaries that the judge would not use", columns, rows, id="judge-denied", note=note)


#: Denied summaries that a page lists.
MOST_DENIED = 8
