"""What fine-tuning gained, as page 02 shows it: recordings of several systems on the same dialogues."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.figures import Chart, small_multiples
from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, table
from helpers.report.views.common import by_value, groups_finding
from helpers.report.views.sample_eval import METRICS, agreement
from helpers.runs.results.cited import Cited

#: What fine-tuning may gain in, and all estimates in reading order, with their headers and the style of their figures.
GAINS = ("rouge1", "rouge2", "rougeL", "key_fact_recall")
SHOWN: dict[str, tuple[str, Style]] = {
    **{name: METRICS[name] for name in GAINS},
    "other_failures": ("Failed output checks other than unsupported numbers", "rate"),
    "unspoken_numbers": ("Unsupported numbers", "rate"),
    "words": ("Words", "count"),
}
CHARTED = ("rougeL", "key_fact_recall")


def recordings(result: Cited) -> Markup:
    """Return what recorded predictions of several systems are worth on the same dialogues; nothing without them."""
    if not result.recordings:
        return Markup()
    yardstick = agreement(
        next(iter(result.recordings)).agreement,
        "recorded-agreement",
        "What another reference would score beside the recorded summaries",
    )
    return Markup("\n").join([_answer(result), _estimates(result), yardstick, _gains(result), _groups(result)])


def _answer(result: Cited) -> Markup:
    first, *others = result.recordings
    parts = [
        sentence(
            "On {n} dialogues held out from training, the {name} model has ROUGE-L {score} and {recall} of the facts.",
            n=number(first.n, "count"),
            name=quoted(first.name),
            score=number(first.estimates["rougeL"].value, "score"),
            recall=number(first.estimates["key_fact_recall"].value, "rate"),
        )
    ]
    parts += [
        sentence(
            "It gains {gain} in ROUGE-L over the {name} ({between}{fewer}).",
            gain=number(other.gains["rougeL"].difference, "difference"),
            name=quoted(other.name),
            between=between(other.gains["rougeL"], "difference"),
            fewer=_fewer(other.gains["rougeL"].n, first.n),
        )
        for other in others
    ]
    return Markup("<p>{}</p>").format(Markup(" ").join(parts))


def _estimates(result: Cited) -> Markup:
    systems = list(result.recordings)
    columns = [Column("Measure"), *(Column(str(system.name), numeric=True) for system in systems)]
    rows = [
        [
            header,
            *(
                sentence("{value} ({between})", value=actual(found, style), between=interval(found, style))
                for found in (system.estimates[name] for system in systems)
            ),
        ]
        for name, (header, style) in SHOWN.items()
        if all(name in system.estimates.raw for system in systems)
    ]
    rows.append(["Dialogues", *(number(system.n, "count") for system in systems)])
    rows.append(["Decoding", *(quoted(system.decoding or "not recorded") for system in systems)])
    return table("Recorded answers: mean or rate, 95 % interval", columns, rows, id="recordings")


def _fewer(both: Cited, all_of_them: Cited) -> Markup:
    """Return on how many of the dialogues two systems are compared, where that is not all."""
    if both.raw == all_of_them.raw:
        return Markup()
    return sentence(", on the {n} that were sent to both", n=number(both, "count"))


def _gains(result: Cited) -> Markup:
    rows = [
        [
            Markup("{}, {}").format(SHOWN[name][0], quoted(system.name)),
            number(gain.difference, "difference"),
            interval(gain, "difference"),
            number(gain.p_value, "p"),
            number(gain.n, "count"),
        ]
        for system in result.recordings
        for name, gain in system.gains.items()
        if name in GAINS
    ]
    columns = [
        Column("Gain in, over"),
        Column("Difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("p", numeric=True),
        Column("n", numeric=True),
    ]
    return table("What fine-tuning gained, dialogue by dialogue", columns, rows, id="gains")


def _groups(result: Cited) -> Markup:
    """Return the scores of the first system by domain, length, and whether it read the whole dialogue."""
    first = next(iter(result.recordings))
    rows = [
        ("all dialogues", first.estimates),
        *((f"{g.label} ({g.by})", g.estimates) for g in by_value(first.groups, CHARTED[0])),
    ]
    charts = [
        Chart(SHOWN[name][0], [(label, found[name]) for label, found in rows], SHOWN[name][1]) for name in CHARTED
    ]
    subtitle = "mean and 95 % interval; 'truncated' are dialogues whose end did not fit into the context"
    finding = groups_finding(list(first.groups), CHARTED[0], "dialogues score higher")
    return small_multiples("recording-groups", finding, subtitle, charts)
