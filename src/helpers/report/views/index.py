"""index.html, the publication: the decision on top, every verdict, a card per page, what was deployed, its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from helpers.core.text import Style
from helpers.cost.costs import BY_USE
from helpers.params import Params
from helpers.report.components.numbers import excerpt, interval, number, quoted, sentence
from helpers.report.components.page import Frame, Link, render_page
from helpers.report.components.tables import Cell, Column, chip, collapsible, facts, table, verdict_table
from helpers.report.views import (
    architecture,
    cost,
    deploy_check,
    latency_cost,
    load_capacity,
    looks,
    monitoring,
    publication_audit,
    quantization,
    readers,
    sample_eval,
)
from helpers.report.views.common import EMPTY, HIDDEN, answered_by, engine, evidence_link, provenance
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import PAGES
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison
from helpers.verdicts.compute import judgement

#: How the properties that are compared are called; other scores keep their own name.
NAMES = {"rougeL": "ROUGE-L", "key_fact_recall": "key facts", "service_time": "service time"}
#: The properties that a reader compares first; the others stand in the list of the run's data.
FOREMOST = tuple(NAMES)
ABSENT = "not measured"
LIMITS = (
    "Verdicts hold for the traffic, prices and targets of this run's parameters; other ones can be judged without "
    "asking anything again.",
    "The dialogues are a sample: every interval is about dialogues like them, and about no others.",
    "Requests were sent from one place; what the network adds elsewhere is not in the service times.",
)
#: More dialogues than this are left to the file.
MOST_SUMMARIES = 20


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
        ("Targets and verdicts", [verdicts, looks.history(run)]),
        ("What each page found", [_card(run, card) for card in cards]),
        ("What was deployed, and why", [deployed(run), reasons(run.params)]),
        ("The way of a request", [architecture.picture(run)]),
        ("What changed since the last published report", [changed(found)]),
        ("Cost, quality and speed", [trade(run)]),
        ("The summaries", [summaries(run)]),
        ("What this report does not say", [limits(run)]),
        ("How to make this again", [again(run), provenance(run)]),
    ]
    parts = [part for title, body in sections for part in (Markup("<h2>{}</h2>").format(title), *body)]
    lead = Markup("\n").join([_decision(run, judged), readers.answer(run), _remedies(run, judged)])
    return render_page(frame, title=run.params.title, lead=lead, body=Markup("\n").join(parts))


def deployed(run: Run) -> Markup:
    """Return what answered, on what, and the traffic that it is judged for."""
    params, instance = run.params, run.params.instance
    description = " ".join(params.model.description.split())
    declared = f"{instance.vendor} {instance.type} {instance.size}; replicas: {params.replicas}"
    pairs: list[tuple[Cell, Cell]] = [
        ("Model", quoted(": ".join(filter(None, [run.manifest.model, description])))),
        ("Answered by", answered_by(params)),
        ("Engine and numbers", quoted(engine(run))),
        ("Decoding", quoted(_decoded(params))),
        ("Billed", quoted(BY_USE)) if params.provider else ("Judged as on", quoted(declared)),
    ]
    timed = Cited(run.results().latency_cost, "results/03.json")
    if timed and params.provider is None:
        costs = cost.projected(run).declared
        pairs.append(("Expected traffic", sentence("{n} requests an hour", n=number(costs.requests_per_hour, "count"))))
        if costs.utilisation.n.raw:
            pairs.append(("Busy share at that traffic", number(costs.utilisation.value, "rate")))
    if timed and timed.tokens_per_request:
        pairs.append(("Tokens a request", number(timed.tokens_per_request.value, "count")))
    return facts(pairs)


def reasons(params: Params) -> Markup:
    """Return why this model and platform, as the parameters say it."""
    rows = [[quoted(r.question), quoted(r.choice), quoted(r.because), quoted(r.source or "–")]
            for r in params.publication.reasons]  # fmt: skip
    if not rows:
        return Markup()
    columns = [Column("Question"), Column("Choice"), Column("Because"), Column("Source")]
    return table("Why this model and platform", columns, rows, id="reasons")


def changed(found: Comparison | None) -> Markup:
    """Return what differs from the last published report, with intervals."""
    if found is None:
        return Markup("<p>There is no earlier published report to compare with.</p>")
    cited = Cited(found, "results/changes.json")
    columns = [
        Column("Measured on the same dialogues"),
        Column("Change", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
        Column("Shown"),
    ]
    rows = [_change(NAMES[name], pair, "s" if name == "service_time" else "difference")
            for name, pair in cited.paired.items() if name in FOREMOST]  # fmt: skip
    parts = [table("Changes since the last published report", columns, rows, id="changes")] if rows else []
    verdicts = [
        sentence("{name} was {a}, is now {b}", name=quoted(c.name), a=chip(c.a or ABSENT), b=chip(c.b or ABSENT))
        for c in found.verdicts
    ]
    if verdicts:
        parts.append(Markup("<p>{}.</p>").format(Markup("; ").join(verdicts)))
    else:
        parts.append(Markup("<p>No verdict has changed.</p>"))
    makings = [(quoted(c.name), quoted(f"{c.a or 'none'} → {c.b or 'none'}")) for c in found.changed]
    if makings:
        parts.append(collapsible("What the two runs were made of, where it differs", facts(makings)))
    return Markup().join(parts)


def trade(run: Run) -> Markup:
    """Return cost, quality and speed of every engine that was compared, and the decision."""
    found = run.results().quantization
    if found is None or found.reason:
        return Markup("<p>Not measured: no engine was compared in this run.</p>")
    result = Cited(found, "results/04.json")
    made = quantization.choice(run)
    columns = [
        Column("Variant"),
        Column("Latency as compared", numeric=True, better="down"),
        Column("ROUGE-L, difference", numeric=True, better="up"),
        Column("A thousand requests", numeric=True, better="down"),
        Column("As good"),
        Column("Latency target"),
    ]
    rows = [
        [
            quoted(variant.name),
            number(variant.latency.value, "s") if variant.latency else "–",
            number(variant.quality.difference, "difference") if variant.quality else "–",
            number(fit.per_1000_requests, "usd") if fit.per_1000_requests.raw is not None else "–",
            "the reference" if place == 0 else chip(fit.quality.raw),
            chip(fit.latency.raw),
        ]
        for place, (variant, fit) in enumerate(zip(result.variants, made.fits, strict=True))
    ]
    return quantization.answer(run, result) + table(
        "Cost, quality and speed of what could be deployed", columns, rows, id="trade"
    )


def summaries(run: Run) -> Markup:
    """Return every dialogue of a small run with its summary; the dialogue opens on demand."""
    found = run.results().sample_eval
    rows = list(Cited(found, "results/02.json").samples) if found else []
    if not rows or len(rows) > MOST_SUMMARIES:
        return Markup("<p>The summaries are in <a href='demo_summaries.csv'>demo_summaries.csv</a>.</p>")
    if all(row.summary.raw is None for row in rows):
        return HIDDEN
    return Markup().join(
        sentence(
            "<section class='case'><h3>{id}</h3><p class='quoted'>{summary}</p>{dialogue}</section>",
            id=quoted(row.id),
            summary=excerpt(row.summary.raw or EMPTY),
            dialogue=collapsible(
                "The dialogue", Markup("<pre class='quoted'>{}</pre>").format(excerpt(row.dialogue.raw))
            ),
        )
        for row in rows
    )


def limits(run: Run) -> Markup:
    """Return what this report does not say."""
    own = [quoted(text) for text in run.params.publication.limits]
    return Markup("<ul>{}</ul>").format(Markup().join(Markup("<li>{}</li>").format(text) for text in [*LIMITS, *own]))


def again(run: Run) -> Markup:
    """Return the command that makes this report again, and how to cite it."""
    words, manifest = run.params.publication, run.manifest
    commit = manifest.commit or "not a checkout"
    lines = [Markup("<pre><code>{}</code></pre>").format(f"git checkout {commit}\n{manifest.command}")]
    if manifest.dirty:
        lines.append(Markup("<p>The run was made with local changes that this commit does not hold.</p>"))
    if words.citation:
        lines.append(sentence("<p>To cite: {words}</p>", words=quoted(words.citation)))
    if words.licence:
        lines.append(sentence("<p>Licence: {words}</p>", words=quoted(words.licence)))
    lines.append(
        Markup(
            "<p>The data behind every figure: <a href='results.json'>results.json</a>, described by "
            "<a href='results.schema.json'>results.schema.json</a>.</p>"
        )
    )
    return Markup("\n").join(lines)


def _decision(run: Run, judged: Cited) -> Markup:
    """Return SHIP or HOLD, with what stands in the way."""
    rows = list(judged.rows)
    missed = [row.label.raw for row in rows if row.verdict.raw == "missed"]
    undecided = [row for row in rows if row.verdict.raw == "undecided"]
    open_, elsewhere = [row for row in undecided if row.open], [row for row in undecided if row.needs_run_on]
    others = [row for row in undecided if not row.open and not row.needs_run_on]
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
                "Needs more dialogues: <span class='quoted'>{names}</span>",
                names=", ".join(row.label.raw for row in open_),
            )
        )
    if others:
        why.append(
            sentence("Undecided: <span class='quoted'>{names}</span>", names=", ".join(row.label.raw for row in others))
        )
    if elsewhere:
        why.append(
            sentence(
                "Needs a run on {place}: <span class='quoted'>{names}</span>",
                place=quoted(elsewhere[0].needs_run_on),
                names=", ".join(row.label.raw for row in elsewhere),
            )
        )
    if absent:
        why.append(sentence("Not measured: <span class='quoted'>{names}</span>", names=", ".join(absent)))
    return Markup("<p class='decision hold'><strong>HOLD</strong> {}.{}</p>").format(
        Markup(". ").join(why), _price(open_)
    )


def _price(rows: Sequence[Cited]) -> Markup:
    """Return what deciding the open rows costs: the dearest of them, because one run looks at them all."""
    priced = [row.price_of_knowing for row in rows if row.price_of_knowing.raw is not None]
    timed = [price for price in priced if price.minutes.raw is not None]
    if not timed:
        return Markup()
    dearest = max(timed, key=lambda price: price.minutes.raw)
    dollars = sentence(", {usd}", usd=number(dearest.dollars, "usd")) if dearest.dollars.raw is not None else ""
    return sentence(
        " Deciding each open row with a chance of {chance} takes {n} dialogues, about {minutes}{dollars}.",
        chance=number(dearest.chance, "rate"),
        n=number(dearest.n, "count"),
        minutes=number(dearest.minutes, "minutes"),
        dollars=dollars,
    )


def _remedies(run: Run, judged: Cited) -> Markup:
    """Return what would meet the targets that are open, by what was measured, and at what cost in quality."""
    found = run.results().quantization
    if found is None or found.reason or run.down():
        return Markup()
    open_ = {row.name.raw for row in judged.rows if row.verdict.raw in ("missed", "undecided")}
    advice = quantization.advice(run, Cited(found, "results/04.json"))
    parts = [sentence("<p>Engine: {advice}</p>", advice=advice)] if "average_latency" in open_ else []
    parts += [_cheaper(run)] if "cost_per_1000_requests" in open_ else []
    return Markup("\n").join(parts)


def _cheaper(run: Run) -> Markup:
    """Return at what traffic the declared instance meets its target, and the cheapest that sustains the traffic."""
    costs, parts = cost.projected(run), []
    if even := cost.break_even_traffic(run):
        parts.append(sentence("met above {traffic}", traffic=even))
    if costs.choices.chosen.raw is not None:
        row = costs.choices.candidates[costs.choices.chosen.raw]
        parts.append(
            sentence(
                "{cost} on {instance}, the cheapest that fits and sustains the traffic at the speed measured here",
                cost=number(row.per_1000_requests, "usd"),
                instance=quoted(row.instance),
            )
        )
    return (
        sentence("<p>Cost of a thousand requests: {parts}.</p>", parts=Markup("; ").join(parts)) if parts else Markup()
    )


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
            "05": lambda: load_capacity.answer(run, cited),
            "07": lambda: publication_audit.answer(cited, card.link.href),
        }
        finding = answers[card.page]()
    return Markup("<section class='card'><div><h3><a href='{}'>{}</a></h3>{}</div>{}</section>").format(
        card.link.href,
        card.link.label,
        finding,
        Markup("<figure>{}</figure>").format(card.drawing) if card.drawing else "",
    )


def _decoded(params: Params) -> str:
    if params.backend == "replay":
        return "as recorded"
    return params.generation.in_words(params.model.rerank and params.backend == "local", params.protocol)


def _change(name: str, pair: Cited, style: Style) -> list[Cell]:
    low, high = pair.low.raw, pair.high.raw
    surely = low is not None and high is not None and (low > 0 or high < 0)
    word = "changed" if surely else "no change shown"
    return [name, number(pair.difference, style), interval(pair, style), number(pair.n, "count"), word]
