"""What the measures of page 02 would have noticed: the table of planted errors; what the checks find, or a judge."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.report.components.numbers import NOT_MEASURED, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.report.views.common import PLANTED_KINDS
from helpers.report.views.judge import judge
from helpers.report.views.sample_eval import METRICS
from helpers.runs.results.cited import Cited
from helpers.scorers.faithfulness import CHECK_LABELS, FaithfulnessCheck
from helpers.scorers.planted import PlantedKind
from helpers.scorers.sensitivity import ALL_CHECKS, OUTPUT_CHECKS

MEASURES = {
    **{name: label for name, (label, _) in METRICS.items()},
    OUTPUT_CHECKS: "Output checks",
    ALL_CHECKS: "Faithfulness checks together",
    **{check.value: label for check, label in CHECK_LABELS.items()},
}
#: Of the four kinds of ROUGE the tables show the one that is judged, and of the faithfulness checks all together.
NOT_SHOWN = ("rouge1", "rouge2", "rougeLsum", *(check.value for check in FaithfulnessCheck))


def noticed(result: Cited) -> Markup:
    """Return which share of planted errors each measure notices, beside its false alarms, and what metrics rank."""
    if result.reason or not result.sensitivity:
        return Markup()
    found = result.sensitivity
    kinds = [kind for kind in PlantedKind if kind.value not in found.not_measured.raw]
    rows = [row for row in found.rows if row.name.raw not in NOT_SHOWN]
    detection = table(
        "Share of planted errors that each measure notices",
        [
            Column("Measure"),
            Column("False alarms", numeric=True),
            *(Column(PLANTED_KINDS[kind], numeric=True) for kind in kinds),
        ],
        [[_name(row), _cell(row.false_alarms), *(_cell(row.detection[kind]) for kind in kinds)] for row in rows],
        id="noticed",
        note=_note(found),
    )
    metrics = [row for row in rows if row.sort.raw == "metric"]
    ranked = table(
        "How often a metric ranks the false summary below the true one; by chance, half of the time",
        [Column("Metric"), *(Column(PLANTED_KINDS[kind], numeric=True) for kind in kinds)],
        [[_name(row), *(_cell(row.ranked[kind]) for kind in kinds)] for row in metrics],
        id="ranked",
    )
    return detection + ranked


def objections(result: Cited) -> Markup:
    """Return in how many summaries each faithfulness check finds something, and which may judge; then the judge."""
    if result.reason or not result.checks:
        return Markup()
    alarms = {row.name.raw: row.false_alarms for row in result.sensitivity.rows} if result.sensitivity else {}
    rows = [
        [
            CHECK_LABELS[FaithfulnessCheck(one.check.raw)],
            number(one.found, "count"),
            number(one.rate.value, "rate"),
            interval(one.rate, "rate"),
            _cell(alarms[one.check.raw]) if one.check.raw in alarms else NOT_MEASURED,
            "judged" if one.judged.raw else "shown beside",
        ]
        for one in result.checks
    ]
    columns = [
        Column("Check"),
        Column("Summaries", numeric=True),
        Column("Share", numeric=True),
        Column("95 % interval", numeric=True),
        Column("False alarms on references", numeric=True),
        Column("Standing"),
    ]
    note = (
        "A check is judged where its false alarms on references that it was not fitted on are shown to be at most one "
        "in twenty. It can show a summary to be wrong, never to be right: it misses most errors."
    )
    checks = table("Faithfulness checks: who, what, when and how much", columns, rows, id="checks", note=note)
    return checks + judge(result)


def _name(row: Cited) -> Cell:
    return MEASURES[row.name.raw]


def _cell(estimate: Cited) -> Markup:
    return Markup('{}<span class="aside">{}</span>').format(number(estimate.value, "rate"), interval(estimate, "rate"))


def _note(found: Cited) -> Markup:
    text = sentence(
        "True summaries are {source}, {n} of them; the errors are planted by rule, one a summary. The 95 % interval is "
        "below each share. A metric is given the threshold below which at most one in twenty true summaries lies.",
        source=quoted(found.source),
        n=number(found.dialogues, "count"),
    )
    if any(row.name.raw in NOT_SHOWN for row in found.rows):
        text += Markup(" Other kinds of ROUGE and single checks are in <code>results/02.json</code>.")
    for name, reason in _missing(found):
        text += sentence("<br>{name} is not measured: {reason}.", name=name, reason=quoted(reason))
    return text


def _missing(found: Cited) -> Sequence[tuple[str, str]]:
    names = {kind.value: label for kind, label in PLANTED_KINDS.items()} | MEASURES
    return [(names[name], reason) for name, reason in found.not_measured.raw.items()]
