"""A file of predictions as a notebook shows it: scores, failed checks, and another system on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.report.components.figures import Chart, small_multiples
from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, Column, actual, table
from helpers.report.views.sample_eval import CHARTED, METRICS
from helpers.report.views.summaries import lowest as lowest_of
from helpers.runs.results.cited import Cited
from helpers.scorers.failures import OUTPUT_LABELS

#: Measures with their names and the style of their figures.
MEASURES = METRICS | {"novel_unigrams": ("New words", "rate")}
#: Rows that are shown in full.
MOST_SHOWN = 5


def answer(result: Cited) -> Markup:
    """Return in a few sentences what the predictions are worth, and whether they beat the other system."""
    metrics = result.metrics
    parts = [
        sentence(
            "ROUGE-L of {name} is {value} on average ({between}), over {n} rows.",
            name=quoted(result.systems[0]),
            value=number(metrics["rougeL"].value, "score"),
            between=between(metrics["rougeL"], "score"),
            n=number(result.n, "count"),
        ),
        sentence("Summaries that fail at least one output check: {failed}.", failed=number(result.failed, "count")),
    ]
    if "rougeL" in result.paired.raw:
        parts.append(_verdict(result))
    if result.input.aside.raw:
        aside, read = number(result.input.aside, "count"), number(result.input.rows, "count")
        parts.append(sentence("{aside} of {read} rows could not be used.", aside=aside, read=read))
    return Markup("<p class='answer'>{}</p>").format(Markup(" ").join(parts))


def scores(result: Cited) -> Markup:
    """Return every measure with its interval, for each system."""
    systems = [metrics for _, metrics in _systems(result)]
    columns = [Column("Measure")]
    for name in result.systems.raw:
        columns += [Column(str(name), numeric=True), Column("95 % interval", numeric=True)]
    rows: list[list[Cell]] = []
    for name in result.metrics.raw:
        header, style = MEASURES[name]
        cells = [
            (actual(one[name], style), interval(one[name], style)) if name in one.raw else ("–", "–") for one in systems
        ]
        rows.append([header, *(cell for pair in cells for cell in pair)])
    note = sentence("Signature: <code>{signature}</code>", signature=result.signature.raw)
    for name, reason in result.not_measured.raw.items():
        note += sentence("<br>{name} is not measured: {reason}.", name=name.replace("_", " "), reason=reason)
    return table("Scores, averaged over rows", columns, rows, note=note)


def chart(result: Cited) -> Markup:
    """Return the usual measures as one chart by system, and as one by group where there are some."""
    groups = [(name, group.metrics) for name, group in result.groups.items()]
    return Markup("\n").join(_chart(rows, by) for rows, by in ((_systems(result), "System"), (groups, "Group")) if rows)


def _systems(result: Cited) -> list[tuple[str, Cited]]:
    """Return the measures of each system, by the name of its column."""
    found = [result.metrics, *([result.baseline.metrics] if result.baseline else [])]
    return [(str(name), metrics) for name, metrics in zip(result.systems, found, strict=True)]


def _chart(rows: Sequence[tuple[str, Cited]], by: str) -> Markup:
    first = rows[0][1].raw
    charts = [
        Chart(METRICS[name][0], [(label, one[name]) for label, one in rows if name in one.raw], METRICS[name][1])
        for name in CHARTED
        if name in first
    ]
    subtitle = "mean and 95 % interval over rows; of fewer than five rows there is none"
    return small_multiples(f"by-{by.lower()}", f"Scores by {by.lower()}", subtitle, charts, by=by)


def comparison(result: Cited) -> Markup:
    """Return the differences between the two systems on the same rows; nothing for one system alone."""
    if not result.paired:
        return Markup()
    rows = [
        [
            METRICS[name][0],
            number(one.difference, "difference"),
            interval(one, "difference"),
            number(one.p_value, "p"),
            number(one.n, "count"),
        ]
        for name, one in result.paired.items()
    ]
    columns = [Column("Measure"), *(Column(name, numeric=True) for name in ("Difference", "95 % interval", "p", "n"))]
    title = sentence("{mine} less {other}, row by row", mine=quoted(result.systems[0]), other=quoted(result.systems[1]))
    return table(title, columns, rows, note="p: approximate randomisation; of each measure alone.")


def failures(result: Cited) -> Markup:
    """Return how many summaries of each system fail each output check."""
    systems = [result, *([result.baseline] if result.baseline else [])]
    kinds = [kind for kind in result.failures.raw if any(one.failures.raw.get(kind) for one in systems)]
    columns = [Column("Check"), *(Column(str(name), numeric=True) for name in result.systems)]
    rows = [[OUTPUT_LABELS[kind], *(number(one.failures[kind], "count") for one in systems)] for kind in kinds]
    return table("Failed output checks", columns, rows)


def lowest(result: Cited) -> Markup:
    """Return the summaries of the lowest ROUGE-L beside their references."""
    rows: Sequence[Cited] = list(result.rows)
    return Markup("\n").join([Markup("<h3>Lowest ROUGE-L first</h3>"), *lowest_of(rows, MOST_SHOWN)])


def _verdict(result: Cited) -> Markup:
    found = result.paired["rougeL"]
    low, high = found.low.raw, found.high.raw
    clear = low is not None and high is not None and (low > 0 or high < 0)
    verdict = ("it scores higher" if low > 0 else "it scores lower") if clear else "no difference is shown at this n"
    return sentence(
        "ROUGE-L less that of {other}, row by row, is {gain} ({between}): {verdict}.",
        other=quoted(result.systems[1]),
        gain=number(found.difference, "difference"),
        between=between(found, "difference"),
        verdict=verdict,
    )
