"""What the comparisons of pages 03 and 04 show alike: recorded answers beside the reference's, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, chip, table
from helpers.runs.results.cited import Cited


def recorded_quality(id: str, by: str, ways: Sequence[Cited], verdicts: Sequence[str]) -> Markup:
    """Return what each way's recorded answers are worth beside those of the first; ``by`` heads their names."""
    columns = [
        Column(by),
        Column("ROUGE-L", numeric=True, better="up"),
        Column("Difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("Key facts", numeric=True),
        Column("Equal answers", numeric=True),
        Column("n", numeric=True),
        Column("As good"),
    ]
    rows = [_row(way, verdict, place == 0) for place, (way, verdict) in enumerate(zip(ways, verdicts, strict=True))]
    absent = [way for way in ways if way.quality_reason]
    note = Markup("<br>").join(
        sentence("{name}: {why}.", name=quoted(w.name), why=quoted(w.quality_reason)) for w in absent
    )
    return table("Recorded answers beside the reference's, dialogue by dialogue", columns, rows, id=id, note=note)


def unmeasured(ways: Sequence[Cited]) -> Markup:
    """Return why the speed of some was not measured."""
    absent = [way for way in ways if way.reason]
    return Markup(" ").join(
        sentence("{name}: not measured, {why}.", name=quoted(way.name), why=quoted(way.reason)) for way in absent
    )


def with_interval(found: Cited, style: Style) -> Markup | str:
    """Return an estimate with its interval below, or a dash."""
    if not found.raw:
        return "–"
    return actual(found, style) + _aside(interval(found, style))


def _aside(text: Markup) -> Markup:
    return Markup('<span class="aside">{}</span>').format(text)


def _row(way: Cited, verdict: str, is_reference: bool) -> list[Markup | str]:
    name: Markup | str = quoted(way.name)
    if not way.rouge_l.raw:
        return [name, *["–"] * 6, chip("not measured")]
    score = actual(way.rouge_l, "score")
    if is_reference or not way.quality.raw:
        told = "the reference" if is_reference else chip("not measured")
        return [name, score, "–", "–", "–", "–", number(way.rouge_l.n, "count"), told]
    paired, facts = way.quality, way.facts
    return [
        name,
        score,
        number(paired.difference, "difference"),
        interval(paired, "difference"),
        number(facts.difference, "difference") + _aside(interval(facts, "difference")),
        number(way.agreement.value, "rate"),
        number(paired.n, "count"),
        chip(verdict),
    ]
