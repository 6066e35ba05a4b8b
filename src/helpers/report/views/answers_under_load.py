"""Answers under load beside answers alone, as page 05 shows them."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.tables import Cell, facts
from helpers.runs.results.cited import Cited


def answers(result: Cited) -> Markup:
    """Return whether load changes what is said; nothing where no load was sent."""
    if result.reason or not result.answers:
        return Markup()
    found = result.answers
    if found.reason:
        return sentence("<p>Answers under load were not compared: {why}.</p>", why=quoted(found.reason))
    rests = "{n} answers to {dialogues} dialogues, of all rates, beside those of page 02, which asks one at a time"
    if found.marked.raw:
        rests += "; a mark at the beginning of each prompt, which keeps it from the cache, may change an answer too"
    counts = {name: number(getattr(found, name), "count") for name in ("answers", "dialogues")}
    pairs: list[tuple[Cell, Cell]] = [
        ("Answers under load that are the answer alone, word for word", _equal(found.equal)),
        ("ROUGE-L under load minus alone", _difference(found.rouge_l)),
        ("Facts told under load minus alone", _difference(found.facts)),
        ("It rests on", sentence(rests, n=counts["answers"], dialogues=counts["dialogues"])),
    ]
    return facts(pairs)


def _equal(found: Cited) -> Cell:
    if not found:
        return "not measured: no text is kept"
    return sentence("{share} ({between})", share=number(found.value, "rate"), between=between(found, "rate"))


def _difference(found: Cited) -> Cell:
    if not found:
        return "not measured: no references"
    if found.low.raw is None:
        return number(found.difference, "difference")
    return sentence(
        "{difference} ({interval}, p {p})",
        difference=number(found.difference, "difference"),
        interval=interval(found, "difference"),
        p=number(found.p_value, "p"),
    )
