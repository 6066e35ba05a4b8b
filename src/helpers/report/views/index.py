"""index.html, the front page: the decision on top, every verdict, a card per page, what was deployed, its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from helpers.core.text import Style
from helpers.cost.costs import BY_USE
from helpers.params import Params
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.page import Frame, Link, headline, render_page
from helpers.report.components.tables import Cell, Column, chip, collapsible, facts, table, verdict_table
from helpers.report.components.tiles import judged_tile, tiles
from helpers.report.views import (
    architecture,
    cost,
    decision,
    deploy_check,
    history,
    latency_cost,
    load_capacity,
    looks,
    monitoring,
    publication_audit,
    quantization,
    sample_eval,
    summaries,
    variant_speed,
)
from helpers.report.views.common import HIDDEN, answered_by, engine, evidence_link, provenance
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import PAGES
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison
from helpers.verdicts.compute import judgement

#: How the properties that are compared are called; other scores keep their own name.
NAMES = {"rougeL": "ROUGE-L", "key_fact_recall": "key facts", "service_time": "service time"}
#: The properties that a reader compares first; the others are in the list of the run's data.
FOREMOST = tuple(NAMES)
ABSENT = "not measured"
LIMITS = (
    "Verdicts are for the traffic, prices and targets of this run's parameters; others can be judged without "
    "another request.",
    "The dialogues are a sample: every interval is about dialogues like them, and about no others.",
)
FROM_ONE_PLACE = "Requests were sent from one place; what the network adds elsewhere is not in the service times."
RECORDED = "Recorded predictions tell nothing of latency, cost or load."
QUESTION = "Is this summariser fit to ship?"
#: Summaries that the front page shows.
READ_FIRST = 3


@dataclass(frozen=True)
class Card:
    """One page as the front page shows it: its number, where it is, and its first drawing (if it has one)."""

    page: str
    link: Link
    drawing: Markup


def page(run: Run, frame: Frame, cards: Sequence[Card], found: Comparison | None) -> str:
    """Return the front page: the decision, what was deployed, every verdict, and a card per page.

    ``found`` is what changed since the last published report.
    """
    judged = Cited(judgement(run), "results/judged.json")
    rows = list(judged.rows)
    evidence = {row.name.raw: evidence_link(row, "index") for row in rows}
    # What is informative decides nothing: it is in the table below.
    judging = [row for row in rows if row.verdict.raw != "informative"]
    first = Markup('<div class="first">{}{}</div>').format(
        tiles(judged_tile(row, evidence[row.name.raw]) for row in judging), _plane(run)
    )
    caption = "Every target, judged by its interval"
    every = verdict_table(caption, rows, evidence=evidence, id="verdicts")
    parts = [
        decision.banner(run, judged),
        first,
        collapsible("Every target with its reason, and what deciding it takes", every),
        looks.history(run),
        _section("Findings by page", _grid("cards", [_card(run, card) for card in cards])),
        trade(run),
        _section("Summaries to read first", to_read(run)),
        _two(("What was deployed", deployed(run)), ("Request path", architecture.picture(run))),
        reasons(run.params),
        _two(
            ("Scope and limits", limits(run)),
            ("Changed since the last published report", changed(found) + history.POINTER),
        ),
        _two(("Reproduce and decide", again(run) + to_decide(rows)), ("Data, licence and citation", words(run))),
        provenance(run),
    ]
    return render_page(frame, title=QUESTION, subtitle=_subtitle(run), body=Markup("\n").join(parts), wide=True)


def _section(title: str, *body: Markup) -> Markup:
    return Markup("<section>\n<h2>{}</h2>\n{}\n</section>").format(title, Markup("\n").join(body))


def _two(*sides: tuple[str, Markup]) -> Markup:
    return _grid("two", [_section(title, body) for title, body in sides])


def _grid(name: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<div class="{}">\n{}\n</div>').format(name, Markup("\n").join(parts))


def _subtitle(run: Run) -> Markup:
    """Return what is judged: the report's own title, the engine, and what it is priced as."""
    params, instance = run.params, run.params.instance
    priced = BY_USE if params.provider else f"judged as on {instance.vendor} {instance.type} {instance.size}"
    parts = [params.title, engine(run), *([] if params.backend == "replay" else [priced])]
    return Markup(" · ").join(quoted(part) for part in parts)


def _plane(run: Run) -> Markup:
    """Return cost, quality and speed of the variants as a drawing, where they were compared."""
    found = run.results().quantization
    if found is None or found.reason:
        return Markup()
    result = Cited(found, "results/04.json")
    drawn = quantization.trade(run, result) or variant_speed.latencies(run, result)
    return Markup('<div class="panel">{}</div>').format(drawn) if drawn else Markup()


def to_decide(rows: Sequence[Cited]) -> Markup:
    """Return the commands that decide what is open, each once, with the targets that it decides."""
    targets: dict[str, list[str]] = {}
    for row in rows:
        if row.price_of_knowing.raw is not None:
            targets.setdefault(row.price_of_knowing.command.raw, []).append(row.label.raw)
    return Markup().join(
        Markup("<p>To decide {}:</p><pre><code>{}</code></pre>").format(quoted(", ".join(names)), command)
        for command, names in targets.items()
    )


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
    ]
    if params.backend != "replay":
        pairs.append(("Billed", quoted(BY_USE)) if params.provider else ("Judged as on", quoted(declared)))
    timed = Cited(run.results().latency_cost, "results/03.json")
    if timed and params.provider is None:
        costs = cost.projected(run).declared
        pairs.append(("Expected traffic", sentence("{n} requests an hour", n=number(costs.requests_per_hour, "count"))))
        if costs.utilisation.n.raw:
            pairs.append(("Utilisation at that traffic", number(costs.utilisation.value, "rate")))
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
    title = "Why this model and platform"
    return collapsible(title, table(title, columns, rows, id="reasons"))


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
    parts = [table("Changes, dialogue by dialogue", columns, rows, id="changes")] if rows else []
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
    """Return cost, quality and speed of every engine that was compared, or nothing where none was."""
    found = run.results().quantization
    if found is None or found.reason:
        return Markup()
    result = Cited(found, "results/04.json")
    made = quantization.choice(run)
    columns = [
        Column("Variant"),
        Column("Latency as compared", numeric=True, better="down"),
        Column("ROUGE-L, difference", numeric=True, better="up"),
        Column("Compute per 1,000 requests", numeric=True, better="down"),
        Column("Quality kept"),
        Column("Latency target"),
    ]
    rows = [
        [
            quoted(variant.name),
            number(variant.latency.value, "s"),
            number(variant.quality.difference, "difference") if variant.quality else "–",
            number(fit.per_1000_requests, "usd") if fit.per_1000_requests.raw is not None else "–",
            "the reference" if place == 0 else chip(fit.quality.raw),
            chip(fit.latency.raw),
        ]
        for place, (variant, fit) in enumerate(zip(result.variants, made.fits, strict=True))
        if variant.latency.raw
    ]
    untimed = Markup(", ").join(quoted(variant.name) for variant in result.variants if not variant.latency.raw)
    left_out = sentence("Not timed in this run: {names}; page 04 has their quality.", names=untimed) if untimed else ""
    note = Markup(" ").join(filter(None, [variant_speed.cut_answers(result), left_out]))
    caption = "Cost, quality and speed of what could be deployed"
    return _section("Options: engine and precision", table(caption, columns, rows, id="options", note=note))


def to_read(run: Run) -> Markup:
    """Return the few summaries to read first, and where all of them are."""
    found = run.results().sample_eval
    table_of_all = Markup("<a href='demo_summaries.csv'>a table</a>")
    if found is None or not found.samples:
        return sentence("<p>The summaries as {table}.</p>", table=table_of_all)
    if not summaries.has_texts(found):
        return HIDDEN
    foremost = summaries.foremost(Cited(found, "results/02.json"), READ_FIRST)
    words = "<p>All summaries <a href='{explorer}'>beside their dialogues</a>, and as {table}.</p>"
    return _grid("three", foremost) + sentence(words, explorer=summaries.EXPLORER, table=table_of_all)


def limits(run: Run) -> Markup:
    """Return what this report does not say."""
    own = [quoted(text) for text in run.params.publication.limits]
    all_of_them = [*LIMITS, RECORDED if run.params.backend == "replay" else FROM_ONE_PLACE, *own]
    return Markup("<ul>{}</ul>").format(Markup().join(Markup("<li>{}</li>").format(text) for text in all_of_them))


def again(run: Run) -> Markup:
    """Return the command that makes this report again."""
    manifest = run.manifest
    commit = manifest.commit or "not a checkout"
    lines = [Markup("<pre><code>{}</code></pre>").format(f"git checkout {commit}\n{manifest.command}")]
    if manifest.dirty:
        lines.append(Markup("<p>The run was made with local changes that this commit does not hold.</p>"))
    return Markup("\n").join(lines)


def words(run: Run) -> Markup:
    """Return where the data are, and what the published report says of its licence and of how to cite it."""
    told = run.params.publication
    lines = [
        Markup(
            "<p>The data behind every figure: <a href='results.json'>results.json</a>, described by "
            "<a href='results.schema.json'>results.schema.json</a>.</p>"
        )
    ]
    if told.licence:
        lines.append(sentence("<p>Licence: {words}</p>", words=quoted(told.licence)))
    if told.citation:
        lines.append(sentence("<p>To cite: {words}</p>", words=quoted(told.citation)))
    return Markup("\n").join(lines)


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
        finding = headline(answers[card.page]())
    drawing = Markup("<figure>{}</figure>").format(card.drawing) if card.drawing else ""
    return sentence(
        "<div class='card'><p class='head'>{page}</p><h3><a href='{href}'>{label}</a></h3>"
        "<p class='finding-line'>{finding}</p>{drawing}</div>",
        page=card.page,
        href=card.link.href,
        label=card.link.label,
        finding=finding,
        drawing=drawing,
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
