"""index.html: the decision on top, every target's verdict, a card per page, and the summaries as a file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from helpers import theme
from helpers.cite import Cited, number, say
from helpers.csv_cells import harmless
from helpers.request_log import final_attempts
from helpers.results import PAGES
from helpers.run import Run
from helpers.tables import verdict_table
from helpers.theme import Frame, Link
from helpers.views import (
    deploy_check,
    latency_cost,
    load_capacity,
    monitoring,
    publication_audit,
    quantization,
    sample_eval,
)
from helpers.views.common import evidence_link, provenance

#: The columns of the published summaries; ``service_time`` is in seconds, of the request that brought the summary.
SUMMARIES = (
    "id",
    "summary",
    "rouge_l",
    "key_fact_recall",
    "input_tokens",
    "output_tokens",
    "lost_tokens",
    "service_time",
    "model",
    "revision",
    "date",
)


def page(run: Run, frame: Frame, cards: Sequence[tuple[str, Link]]) -> str:
    """Return the index of a run's pages."""
    judged = Cited(run.judged(), "results/judged.json")
    body = Markup("\n").join(
        [
            _decision(run, judged),
            Markup("<h2>Targets and verdicts</h2>"),
            verdict_table(
                "Every target of the publication, judged by its interval",
                list(judged.rows),
                evidence={row.name.raw: evidence_link(row, "index") for row in judged.rows},
                id="verdicts",
            ),
            Markup("<h2>Pages</h2>"),
            Markup("\n").join(_card(run, number_, link) for number_, link in cards),
            Markup("<h2>How to make this again</h2>"),
            provenance(run),
        ]
    )
    return theme.page(frame, title=run.params.title, body=body)


def _decision(run: Run, judged: Cited) -> Markup:
    """Return SHIP or HOLD, with what stands in the way."""
    rows = list(judged.rows)
    missed = [row.label.raw for row in rows if row.verdict.raw == "missed"]
    open_ = [row for row in rows if row.verdict.raw == "undecided"]
    absent = [row.label.raw for row in rows if row.verdict.raw == "not measured"]
    down = run.down()
    if down:
        return say(
            "<p class='decision hold'><strong>HOLD</strong> <span class='quoted'>{down}</span>.</p>",
            down=down,
        )
    if judged.raw.ship:
        return Markup("<p class='decision ship'><strong>SHIP</strong> Every target is shown to be met.</p>")
    why = []
    if missed:
        why.append(say("Missed: <span class='quoted'>{names}</span>", names=", ".join(missed)))
    if open_:
        why.append(
            say(
                "Undecided at this n: <span class='quoted'>{names}</span>",
                names=", ".join(row.label.raw for row in open_),
            )
        )
    if absent:
        why.append(say("Not measured: <span class='quoted'>{names}</span>", names=", ".join(absent)))
    return Markup("<p class='decision hold'><strong>HOLD</strong> {}.{}</p>").format(
        Markup(". ").join(why), _price(open_)
    )


def _price(rows: Sequence[Cited]) -> Markup:
    """Return what deciding the open rows costs: the dearest of them, because one run decides them all."""
    priced = [row.price_of_knowing for row in rows if row.price_of_knowing.raw is not None]
    timed = [price for price in priced if price.minutes.raw is not None]
    if not timed:
        return Markup()
    dearest = max(timed, key=lambda price: price.minutes.raw)
    dollars = say(", {usd}", usd=number(dearest.dollars, "usd")) if dearest.dollars.raw is not None else ""
    return say(
        " Deciding the open rows takes about {minutes}{dollars}.",
        minutes=number(dearest.minutes, "minutes"),
        dollars=dollars,
    )


def _card(run: Run, page_number: str, link: Link) -> Markup:
    finding = Markup()
    results = run.results()
    found = getattr(results, PAGES[page_number][0]) if page_number in PAGES else None
    if found is not None:
        cited = Cited(found, f"results/{page_number}.json")
        answers = {
            "01": lambda: deploy_check.answer(cited),
            "02": lambda: sample_eval.answer(cited),
            "03": lambda: latency_cost.answer(run, cited),
            "04": lambda: quantization.answer(run, cited),
            "06": lambda: monitoring.answer(run, cited),
            "05": lambda: load_capacity.answer(cited),
            "07": lambda: publication_audit.answer(cited, link.href),
        }
        finding = answers[page_number]()
    return Markup("<section class='card'><h3><a href='{}'>{}</a></h3>{}</section>").format(
        link.href, link.label, finding
    )


def write_summaries(run: Run, path: Path) -> None:
    """Write the summaries as CSV, one row per dialogue; what a spreadsheet would run gets an apostrophe in front."""
    result, manifest = run.results().sample_eval, run.manifest
    times = {record.request: record.service_time for record in final_attempts(run.log.read())}
    made_by = [manifest.model, manifest.revision, f"{manifest.started_at:%Y-%m-%d}"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SUMMARIES)
        for row in result.samples if result else ():
            scores = [row.scores.get(name, "") for name in ("rougeL", "key_fact_recall")]
            counts = [row.input_tokens, row.output_tokens, row.lost_tokens]
            cells = [row.id, row.summary or "", *scores, *counts, times.get(row.request or ""), *made_by]
            writer.writerow([harmless(cell) for cell in cells])
