"""The decision of a report: SHIP or HOLD, what prevents shipping, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from helpers.params import STREAMED
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import chip, tally, wanted
from helpers.report.views import cost, quantization, readers
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run

RULE = (
    "SHIP requires that the whole interval of every target meets it. The intervals of targets are wider than one 95 % "
    "interval, because they allow for repeated looks."
)


def banner(run: Run, judged: Cited) -> Markup:
    """Return the decision over all targets, the verdicts behind it, and the next steps."""
    ships, down = judged.raw.ship, run.down()
    if down:
        why = sentence("<p><span class='quoted'>{down}</span>.</p>", down=down)
        return _framed("HOLD", why, [])
    why = _met(judged) if ships else _in_the_way(judged)
    marks = tally(row.verdict.raw for row in judged.rows)
    body = readers.answer(run) + why + marks + Markup('<p class="rule">{}</p>').format(RULE)
    return _framed("SHIP" if ships else "HOLD", body, next_steps(run, judged))


def _framed(word: str, body: Markup, steps: Sequence[Markup]) -> Markup:
    then = Markup()
    if steps:
        items = Markup().join(Markup("<li>{}</li>").format(step) for step in steps)
        then = Markup('<ul class="next" aria-label="Next steps">{}</ul>').format(items)
    return Markup(
        '<div class="decision {}" role="region" aria-label="Decision"><p class="word"><small>Recommendation</small>'
        '<strong>{}</strong></p><div class="reason">{}</div>{}</div>'
    ).format(word.lower(), word, body, then)


#: What a decision is about beside quality, by the targets that judge it.
_ASPECTS = {
    "latency": ("average_latency", *STREAMED),
    "reliability": ("success_rate", "error_rate"),
    "cost": ("cost_per_1000_requests", "cost_per_1000_tokens"),
}


def _met(judged: Cited) -> Markup:
    """Return what is met, and what no target judges."""
    names = {row.name.raw for row in judged.rows if row.verdict.raw == "met"}
    labels = quoted(", ".join(row.label.raw for row in judged.rows if row.verdict.raw == "met"))
    open_ = [aspect for aspect, targets in _ASPECTS.items() if not names & set(targets)]
    listed = " or ".join(filter(None, [", ".join(open_[:-1]), *open_[-1:]]))
    without = f" No target covers {listed}." if open_ else ""
    return sentence("<p>Every target is shown to be met: {labels}.{without}</p>", labels=labels, without=without)


def _in_the_way(judged: Cited) -> Markup:
    """Return the targets that keep a deployment from being shipped, by what each waits for."""
    rows = list(judged.rows)
    undecided = [row for row in rows if row.verdict.raw == "undecided"]
    elsewhere = [row for row in undecided if row.needs_run_on and not row.open]
    groups: list[tuple[Markup, list[Cited]]] = [
        (chip("missed"), [row for row in rows if row.verdict.raw == "missed"]),
        (_waits("needs more dialogues"), [row for row in undecided if row.open]),
        (chip("undecided"), [row for row in undecided if not row.open and not row.needs_run_on]),
        (chip("not measured"), [row for row in rows if row.verdict.raw == "not measured"]),
    ]
    if elsewhere:
        groups.insert(2, (_waits(sentence("needs a run on {at}", at=quoted(elsewhere[0].needs_run_on))), elsewhere))
    items = [
        Markup("<li>{} {}</li>").format(what, Markup(", ").join(_named(row) for row in found))
        for what, found in groups
        if found
    ]
    return Markup('<ul class="ways">{}</ul>').format(Markup().join(items))


def _named(row: Cited) -> Markup:
    """Return a target, and for one that is missed its value beside what is wanted."""
    if row.verdict.raw != "missed" or row.estimate.value.raw is None:
        return quoted(row.label)
    value = number(row.estimate.value, row.style.raw)
    return sentence("{label} <b>{value}</b> ({wanted})", label=quoted(row.label), value=value, wanted=wanted(row))


def _waits(words: str | Markup) -> Markup:
    return Markup("{} <span class='unit'>{}:</span>").format(chip("undecided"), words)


def next_steps(run: Run, judged: Cited) -> list[Markup]:
    """Return what would decide or meet the open targets, by what was measured."""
    missed = any(row.verdict.raw == "missed" for row in judged.rows)
    steps = [Markup("More dialogues alone cannot lift HOLD: what is missed has to become better.")] if missed else []
    steps += [price] if (price := _price([row for row in judged.rows if row.open])) else []
    open_ = {row.name.raw for row in judged.rows if row.verdict.raw in ("missed", "undecided")}
    found = run.results().quantization
    if found is None or found.reason:
        return steps
    if "average_latency" in open_:
        steps.append(
            sentence("Engine: {advice}", advice=quantization.advice(run, Cited(found, "results/04.json"), short=True))
        )
    if "cost_per_1000_requests" in open_ and (cheaper := _cheaper(run)):
        steps.append(cheaper)
    return steps


def _price(rows: Sequence[Cited]) -> Markup:
    """Return what deciding the open rows costs: the dearest of them, because one run looks at them all."""
    priced = [row.price_of_knowing for row in rows if row.price_of_knowing.raw is not None]
    timed = [price for price in priced if price.minutes.raw is not None]
    if not timed:
        return Markup()
    dearest = max(timed, key=lambda price: price.minutes.raw)
    dollars = sentence(", {usd}", usd=number(dearest.dollars, "usd")) if dearest.dollars.raw is not None else ""
    return sentence(
        "Deciding each target that needs more dialogues, with a chance of {chance}, takes {n} of them, about "
        "<b>{minutes}</b> for their summaries alone{dollars} (<a href='#reproduce-and-decide'>commands</a>).",
        chance=number(dearest.chance, "rate"),
        n=number(dearest.n, "count"),
        minutes=number(dearest.minutes, "minutes"),
        dollars=dollars,
    )


def _cheaper(run: Run) -> Markup:
    """Return at what traffic the configured instance meets its target, and the cheapest that sustains the traffic."""
    costs, parts = cost.projected(run), []
    if even := cost.break_even_traffic(run):
        parts.append(sentence("met above {traffic}", traffic=even))
    if costs.choices.chosen.raw is not None:
        row = costs.choices.candidates[costs.choices.chosen.raw]
        parts.append(
            sentence(
                "{cost} on {instance}, the cheapest predicted to fit and to sustain the traffic, with {time} a request",
                cost=number(row.per_1000_requests, "usd"),
                instance=quoted(row.instance),
                time=number(row.service_time, "s"),
            )
        )
    return sentence("Cost per 1,000 requests is {parts}.", parts=Markup("; ").join(parts)) if parts else Markup()
