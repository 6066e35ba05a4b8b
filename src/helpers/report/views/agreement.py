"""What a further reference would score in the place of the summaries, as page 02 shows it."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.numbers import interval, number, sentence
from helpers.report.components.tables import Column, actual, table
from helpers.report.views.sample_eval import METRICS
from helpers.runs.results.cited import Cited


def agreement(found: Cited, id: str, title: str = "What another reference would score") -> Markup:
    """Return the scores of the summaries beside those of another reference; nothing where dialogues have one each."""
    if not found:
        return Markup()
    rows = [
        [
            METRICS[name][0],
            actual(one.summaries, "score"),
            actual(one.references, "score"),
            number(one.difference.difference, "difference"),
            interval(one.difference, "difference"),
            number(one.difference.n, "count"),
        ]
        for name, one in found.items()
    ]
    columns = [
        Column("Metric"),
        Column("Summaries", numeric=True),
        Column("Another reference", numeric=True),
        Column("Difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    note = Markup("{} {}").format(
        _reading(found["rougeL"].difference),
        "Each reference is left out in turn and, like the summary, held against the others.",
    )
    return table(title, columns, rows, id=id, note=note)


def _reading(difference: Cited) -> Markup:
    low, high = difference.low.raw, difference.high.raw
    if low is None or high is None:
        return sentence("One dialogue does not show whether another reference would score higher.")
    if low > 0:
        return sentence(
            "The summaries share more with a reference than references share with one another: beyond this, a higher "
            "ROUGE-L shows no better summary. Facts and failures must tell."
        )
    if high < 0:
        return sentence("Another reference would score higher: there is room for a better ROUGE-L.")
    return sentence(
        "At this n, ROUGE-L does not tell the summaries from another reference: what is wrong with them, facts and "
        "failures must tell."
    )
