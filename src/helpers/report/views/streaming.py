"""Answers that came in events, as they are shown: how their clocks are defined, and what load does to them."""

from __future__ import annotations

from markupsafe import Markup

from helpers.report.components.numbers import interval, number, sentence
from helpers.report.components.tables import Cell, Column, actual, table
from helpers.runs.prompt_cache import HANDLED, SEEN
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run

#: What is shown of an answer that came in events, by its name in the result.
LABELS = {"first_token": "time to first token", "inter_token": "time between tokens"}
DEFINITION = (
    "The time to the first token ends with the first event that has content; one that only names a role does not "
    "count. The time between tokens is that from the first generated text to the last, over the tokens that the server "
    "counts, less one: an event may hold several."
)
NOTE = f"{DEFINITION} Alone, intervals are over dialogues; under load across independent runs, over all answers."


def by_rate(run: Run, result: Cited) -> Markup:
    """Return the clocks of answers that came in events at each rate, beside those of page 03, which asks one at a time.

    Nothing where none did; that repeated prompts were kept from a cache is said in any case.
    """
    if result.reason or not result.points:
        return Markup()
    alone = Cited(run.results("05").latency_cost, "results/03.json")
    points = [one for one in result.points if one.streaming.raw]
    known = [name for name in LABELS if any(getattr(one.streaming, name) for one in points)]
    parts = [_table(name, alone, points, "" if name != known[0] else NOTE) for name in known]
    return Markup().join([*parts, _prompts(alone, result)])


def _table(name: str, alone: Cited, points: list[Cited], note: str) -> Markup:
    columns = [Column("Rate", "per hour", numeric=True), Column("Answers", numeric=True), Column("n", numeric=True)]
    for figure in ("Mean", "p50", "p95"):
        columns += [Column(figure, numeric=True, better="down"), Column("95 % interval", numeric=True)]
    rows: list[list[Cell]] = []
    if alone.raw and alone.streaming.raw and getattr(alone.streaming, name):
        rows.append(["alone, as on page 03", *_cells(alone.streaming, name, "dialogues")])
    rows += [
        [number(one.rate, "per_hour"), *_cells(one.streaming, name, "runs")]
        for one in points
        if getattr(one.streaming, name)
    ]
    return table(f"Streaming under load: {LABELS[name]} by rate", columns, rows, id=f"load-{name}", note=note)


def _cells(found: Cited, name: str, unit: str) -> list[Cell]:
    """Return the answers, n, and mean, median and p95 with their intervals."""
    mean, percentiles = getattr(found, name), found.percentiles[name]
    told = sentence("{n} {unit}", n=number(mean.n, "count"), unit=unit)
    figures = [mean, percentiles["p50"], percentiles["p95"]]
    return [
        number(found.requests, "count"),
        told,
        *(cell for one in figures for cell in (actual(one, "s"), interval(one, "s"))),
    ]


def _prompts(alone: Cited, result: Cited) -> Markup:
    """Return how repeated prompts were kept from the server's cache, and how many answers came from it all the same."""
    seen = alone.cached if alone.raw else None
    lines = []
    if seen and seen.found.raw in ("reused", "not told"):
        told = sentence("{seen} {handled}", seen=SEEN[seen.found.raw], handled=HANDLED[seen.handled.raw])
        lines.append(sentence("<p>The sweep asks for the same dialogues again and again. {told}</p>", told=told))
    words = (
        "<p>At {rate} requests an hour, {n} answers came from the cache: they are among the response times, which new "
        "prompts would make longer, and in no time of tokens.</p>"
    )
    lines += [
        sentence(words, rate=number(one.rate, "per_hour"), n=number(one.cached, "count"))
        for one in result.points
        if one.cached.raw
    ]
    return Markup().join(lines)
