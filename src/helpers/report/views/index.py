"""index.html, the publication: the decision on top, every verdict, a card per page; and the summaries as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.tables import chip, verdict_table
from helpers.report.views import (
    architecture,
    deploy_check,
    latency_cost,
    load_capacity,
    monitoring,
    publication,
    publication_audit,
    quantization,
    sample_eval,
)
from helpers.report.views.common import evidence_link, provenance
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import PAGES
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison
from helpers.verdicts.compute import judgement
from helpers.verdicts.recommendation import choose


@dataclass(frozen=True)
class Card:
    """One page as the front page shows it: its number, where it is, and its first drawing (if it has one)."""

    page: str
    link: Link
    drawing: Markup


def page(run: Run, frame: Frame, cards: Sequence[Card], found: Comparison | None) -> str:
    """Return the publication: the decision, what was deployed, every verdict, and a card per page.

    ``found`` is what changed since the last published report.
    """
    judged = Cited(judgement(run), "results/judged.json")
    verdicts = verdict_table(
        "Every target of the publication, judged by its interval",
        list(judged.rows),
        evidence={row.name.raw: evidence_link(row, "index") for row in judged.rows},
        id="verdicts",
    )
    sections = [
        ("Targets and verdicts", [verdicts]),
        ("What each page found", [_card(run, card) for card in cards]),
        ("What was deployed, and why", [publication.deployed(run), publication.reasons(run.params)]),
        ("The way of a request", [architecture.picture(run)]),
        ("What changed since the last published report", [publication.changed(found)]),
        ("Cost, quality and speed", [publication.trade(run)]),
        ("The summaries", [publication.summaries(run)]),
        ("What this report does not say", [publication.limits(run)]),
        ("How to make this again", [publication.again(run), provenance(run)]),
    ]
    parts = [part for title, body in sections for part in (Markup("<h2>{}</h2>").format(title), *body)]
    lead = Markup("\n").join([_decision(run, judged), _remedies(run, judged)])
    return render_page(frame, title=run.params.title, lead=lead, body=Markup("\n").join(parts))


def _decision(run: Run, judged: Cited) -> Markup:
    """Return SHIP or HOLD, with what stands in the way."""
    rows = list(judged.rows)
    missed = [row.label.raw for row in rows if row.verdict.raw == "missed"]
    open_ = [row for row in rows if row.verdict.raw == "undecided"]
    absent = [row.label.raw for row in rows if row.verdict.raw == "not measured"]
    down = run.down()
    if down:
        return sentence(
            "<p class='decision hold'><strong>HOLD</strong> <span class='quoted'>{down}</span>.</p>",
            down=down,
        )
    if judged.raw.ship:
        return Markup("<p class='decision ship'><strong>SHIP</strong> Every target is shown to be met.</p>")
    why = []
    if missed:
        why.append(sentence("Missed: <span class='quoted'>{names}</span>", names=", ".join(missed)))
    if open_:
        why.append(
            sentence(
                "Undecided at this n: <span class='quoted'>{names}</span>",
                names=", ".join(row.label.raw for row in open_),
            )
        )
    if absent:
        why.append(sentence("Not measured: <span class='quoted'>{names}</span>", names=", ".join(absent)))
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
    dollars = sentence(", {usd}", usd=number(dearest.dollars, "usd")) if dearest.dollars.raw is not None else ""
    return sentence(
        " Deciding the open rows takes about {minutes}{dollars}.",
        minutes=number(dearest.minutes, "minutes"),
        dollars=dollars,
    )


def _remedies(run: Run, judged: Cited) -> Markup:
    """Return what would meet the targets that are open, by what was measured, and at what cost in quality."""
    found = run.results().quantization
    if found is None or found.reason or run.down():
        return Markup()
    made = Cited(choose(found, run.params), "results/choice.json")
    open_ = {row.name.raw for row in judged.rows if row.verdict.raw in ("missed", "undecided")}
    told = [_faster(Cited(found, "results/04.json"), made)] if "average_latency" in open_ else []
    told += [_cheaper(judged, made)] if "cost_per_1000_requests" in open_ and judged.costs else []
    return Markup("\n").join(told)


def _faster(result: Cited, made: Cited) -> Markup:
    pairs = zip(result.variants, made.fits, strict=True)
    meets = [(variant, fit) for variant, fit in pairs if fit.latency.raw == "met"]
    if not meets:
        return Markup("<p>Latency: no engine that was compared on this machine is shown to meet the target.</p>")
    variant, fit = min(meets, key=lambda pair: (pair[1].quality.raw != "met", pair[0].latency.value.raw))
    price: Markup | str = "its answers are the reference's own"
    if variant.quality and variant.agreement.value.raw != 1.0:
        price = sentence("ROUGE-L changes by {n}", n=number(variant.quality.difference, "difference"))
    return sentence(
        "<p>Latency: <strong>{name}</strong> meets the target on this machine with {seconds} on average; {price}; "
        "as good: {chip}.</p>",
        name=quoted(variant.name),
        seconds=number(variant.latency.value, "s"),
        price=price,
        chip=chip(fit.quality.raw),
    )


def _cheaper(judged: Cited, made: Cited) -> Markup:
    """Return at what traffic the declared instance meets its target, and the smallest that holds the traffic."""
    fit = next(iter(made.fits))
    parts = [sentence("above {n} requests an hour", n=number(judged.costs.break_even_per_hour, "count"))]
    if fit.per_1000_requests.raw is not None:
        smaller = "at the declared traffic {cost} on {instance}, the smallest that holds it at the speed measured here"
        parts.append(sentence(smaller, cost=number(fit.per_1000_requests, "usd"), instance=quoted(fit.instance)))
    return sentence("<p>Cost of a thousand requests: met {parts}.</p>", parts=Markup("; ").join(parts))


def _card(run: Run, card: Card) -> Markup:
    results, finding = run.results(), Markup()
    found = getattr(results, PAGES[card.page][0]) if card.page in PAGES else None
    if found is not None:
        cited = Cited(found, f"results/{card.page}.json")
        answers = {
            "01": lambda: deploy_check.answer(cited),
            "02": lambda: sample_eval.answer(cited),
            "03": lambda: latency_cost.answer(run, cited),
            "04": lambda: quantization.answer(run, cited),
            "06": lambda: monitoring.answer(run, cited),
            "05": lambda: load_capacity.answer(cited),
            "07": lambda: publication_audit.answer(cited, card.link.href),
        }
        finding = answers[card.page]()
    return Markup("<section class='card'><div><h3><a href='{}'>{}</a></h3>{}</div>{}</section>").format(
        card.link.href,
        card.link.label,
        finding,
        Markup("<figure>{}</figure>").format(card.drawing) if card.drawing else "",
    )
