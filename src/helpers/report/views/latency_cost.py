"""Page 03 as it is shown."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.cost.costs import BY_USE
from helpers.report.components import tiles
from helpers.report.components.figures import Observations, TargetLine, distribution, points
from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.scales import Scale, scale_for
from helpers.report.components.tables import Column, actual, chip, table
from helpers.report.views.common import by_value, ended_early, groups_finding, not_measured
from helpers.report.views.cost import break_even_traffic, projected
from helpers.report.views.streaming import DEFINITION, LABELS
from helpers.runs.prompt_cache import HANDLED, SEEN
from helpers.runs.results.cited import Cited
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.run import Run
from helpers.verdicts.compute import judgement


def answer(run: Run, result: Cited) -> Markup:
    """Return how fast and at what price, judged, in two sentences."""
    if result.reason:
        return not_measured(result.reason.raw)
    judged = Cited(judgement(run, "03"), "results/judged.json")
    rows = {row.name.raw: row for row in judged.rows}
    parts = []
    if result.mean:
        words = "A summary takes {value} on average ({between}): {chip}."
        parts.append(_judged(words, rows.get("average_latency"), result.mean, "s"))
    if result.success_rate:
        words = "{value} of requests succeeded ({between}): {chip}."
        parts.append(_judged(words, rows.get("success_rate"), result.success_rate, "rate"))
    if result.repeatability.different:
        alike = result.repeatability
        words = "Of {n} texts that were sent again as they were, {different} got another answer."
        parts.append(sentence(words, n=number(alike.texts, "count"), different=number(alike.different, "count")))
    if result.mean and run.params.provider:
        parts.append(sentence("What it costs is not stated: {why}.", why=BY_USE))
    elif result.mean:
        costs = projected(run).declared
        parts.append(
            sentence(
                "At {traffic} requests an hour, {count} cost {cost}{as_if}.",
                traffic=number(costs.requests_per_hour, "count"),
                count="1,000 requests",
                cost=number(costs.per_1000_requests.value, "usd"),
                as_if=Markup(" ({})").format(quoted(costs.as_if)) if costs.as_if else "",
            )
        )
    return Markup("<p class='answer'>{}</p>{}").format(Markup(" ").join(parts), ended_early(result))


def key_figures(run: Run, result: Cited) -> Markup:
    """Return the foremost targets of the page as tiles, those that somebody set a threshold for."""
    if result.reason:
        return Markup()
    judged = Cited(judgement(run, "03"), "results/judged.json").rows
    own = [
        row
        for row in judged
        if row.page.raw == "03" and row.threshold.raw is not None and row.estimate.value.raw is not None
    ]
    return tiles.key_figures(*(tiles.judged_tile(row, "#requests") for row in own[: tiles.MOST_TILES]))


def latency(run: Run, result: Cited) -> Markup:
    """Return every service time, one row per dialogue, with the target."""
    if not result.dialogues:
        return Markup()
    rows = sorted(result.dialogues, key=lambda row: row.mean.raw)
    target = latency_target(run, "target for the mean")
    if len(rows) > MOST_ROWS:
        groups = [
            Observations(
                "all dialogues",
                Cited([row.mean.raw for row in rows], result.dialogues.address),
                {"mean": result.mean},
            )
        ]
    else:
        groups = [Observations(row.id.raw, row.times, {"mean": row.mean}) for row in rows]
    slow, fast = rows[-1], rows[0]
    finding = sentence(
        "The slowest dialogue takes {slow}, the fastest {fast}",
        slow=number(slow.mean, "s"),
        fast=number(fast.mean, "s"),
    )
    return distribution(
        "latency",
        finding,
        "service time of each request, seconds; the mark is the mean of the dialogue",
        groups,
        unit="s",
        target=target,
        by="Dialogue",
        scale=time_scale(run, result.raw),
    )


#: More dialogues than this are shown as one distribution.
MOST_ROWS = 40


def percentiles(result: Cited) -> Markup:
    """Return mean and percentiles with what their n supports."""
    if not result.mean:
        return Markup()
    columns = [
        Column("Service time", better="down"),
        Column("Actual", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    rows = [
        ["mean", *_cells(result.mean)],
        *([name, *_cells(found)] for name, found in result.percentiles.items()),
    ]
    note = "A percentile that n cannot support is not stated: the largest value seen and the n it needs are given."
    return table("Service time over dialogues", columns, rows, id="percentiles", note=note)


def by_group(run: Run, result: Cited) -> Markup:
    """Return the mean service time of every group."""
    groups = by_value(result.groups, "mean")
    rows = [(f"{group.label} ({group.by})", group.estimates["mean"]) for group in groups]
    if not rows or not result.mean:
        return Markup()
    finding = groups_finding(groups, "mean", "dialogues take longer")
    return points(
        "latency-groups",
        finding,
        "mean service time by length and domain, seconds, with its 95 % interval, which takes five dialogues",
        [("all dialogues", result.mean), *rows],
        unit="s",
        scale=time_scale(run, result.raw),
    )


def streaming(result: Cited) -> Markup:
    """Return the time to the first token and that between tokens, where answers came in events."""
    if result.reason or not result.streaming:
        return Markup()
    found, columns = result.streaming, [
        Column("Streaming", better="down"),
        Column("Actual", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]  # fmt: skip
    rows = []
    for name, label in LABELS.items():
        if getattr(found, name):
            rows.append([f"{label}, mean", *_cells(getattr(found, name))])
            rows += [[f"{label}, {p}", *_cells(one)] for p, one in found.percentiles[name].items()]
    if found.longest_gap:
        rows.append(["longest gap between two events of an answer, mean", *_cells(found.longest_gap)])
    note = sentence(
        "{n} answers came in events. {definition} {rate}",
        n=number(found.requests, "count"),
        definition=DEFINITION,
        rate=sentence("That is {n} tokens a second.", n=number(found.tokens_per_second.value, "count"))
        if found.tokens_per_second
        else "The server does not count its tokens, so the time between them is not known.",
    )
    return table("Streaming: time to first token, time between tokens", columns, rows, id="streaming", note=note)


def repeats(result: Cited) -> Markup:
    """Return whether repeated requests were answered alike, and how they were kept from the cache of prompts."""
    if result.reason:
        return Markup()
    alike, cached = result.repeatability, result.cached
    verdict = "not measured" if alike.reason else "missed" if alike.different.raw else "met"
    words = "{n} requests repeat {texts} texts, with equal settings; {different} texts got different answers{which}."
    told = sentence(
        words,
        n=number(alike.requests, "count"),
        texts=number(alike.texts, "count"),
        different=number(alike.different, "count"),
        which=sentence(": {names}", names=quoted(", ".join(alike.differing.raw))) if alike.different.raw else "",
    )
    lines = [
        sentence(
            "<p>{chip} Repeated requests are answered alike: {told}</p>",
            chip=chip(verdict),
            told=sentence("{why}.", why=quoted(alike.reason)) if alike.reason else told,
        )
    ]
    if cached.found:
        apart = " Those of page 02, which judges what is said, have none." if cached.handled.raw == "distinct" else ""
        seen = f"{SEEN[cached.found.raw]} {HANDLED[cached.handled.raw]}".strip()
        lines.append(sentence("<p>{seen}{apart}</p>", seen=seen, apart=apart))
    if cached.requests and cached.found.raw == "not told":
        words = "<p>The {n} answers of page 02 may come from it, as of an earlier run: no figure of time has them.</p>"
        lines.append(sentence(words, n=number(cached.requests, "count")))
    elif cached.requests:
        lines.append(
            sentence(
                "<p>{n} answers came from the cache, {mean} on average with {tokens} tokens of the prompt taken from "
                "it; they are in no other figure of this page.</p>",
                n=number(cached.requests, "count"),
                mean=number(cached.mean.value, "s") if cached.mean.raw else "",
                tokens=number(cached.tokens, "count"),
            )
        )
    return Markup().join(lines)


def tokens(result: Cited) -> Markup:
    """Return tokens read, written and never read, or counted from the texts where the server does not tell."""
    if result.reason:
        return Markup()
    columns = [
        Column("Tokens per request"),
        Column("Mean", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    rows = []
    for label, name in (
        ("of the prompt" if result.cached.found else "of the dialogue", "input_tokens"),
        ("of the summary", "output_tokens"),
        ("both", "tokens_per_request"),
    ):
        found = getattr(result, name)
        if found.raw is not None:
            rows.append([label, number(found.value, "count"), interval(found, "count"), number(found.n, "count")])
    if not rows:
        return Markup("<p>Tokens: not measured, the model's tokenizer is not to be had here.</p>")
    if result.tokens_by.raw == "text":
        note: Markup | str = (
            "The server does not count tokens: these are counted from the texts with the model's tokenizer. They say "
            "nothing of what the server read, nor whether it kept to the limit of new tokens."
        )
        return table("Tokens, counted from the texts", columns, rows, id="tokens", note=note)
    note = "The server counts what it read and wrote; whether it left any of a dialogue unread it does not say."
    if result.lost_tokens.raw is not None:
        note = sentence(
            "Tokens of the dialogues that the model never read: {lost}.", lost=number(result.lost_tokens, "count")
        )
    return table("Tokens, counted by the server", columns, rows, id="tokens", note=note)


def cost(run: Run) -> Markup:
    """Return the costs at the configured traffic beside the busy-time floor."""
    if run.results("03").latency_cost is None:
        return Markup()
    if run.params.provider:
        return not_measured(f"what a request costs; {BY_USE}")
    costs, even = projected(run).declared, break_even_traffic(run)
    columns = [
        Column("Cost"),
        Column("Actual", unit="USD", numeric=True),
        Column("95 % interval", numeric=True),
    ]
    rows = [
        [
            "per 1,000 requests at the configured traffic, idle time included",
            *_money(costs.per_1000_requests),
        ],
        ["per 1,000 tokens at the configured traffic", *_money(costs.per_1000_tokens)],
        [
            "per 1,000 requests at full utilisation (a lower bound)",
            *_money(costs.floor_per_1000_requests),
        ],
    ]
    about = sentence(
        "Configured: {traffic} requests an hour; replicas: {replicas}, {hourly} an hour{asleep}{as_if}. "
        "Utilisation: {busy}, at {time} a request ({origin}).{even}",
        traffic=number(costs.requests_per_hour, "count"),
        replicas=number(costs.replicas, "count"),
        hourly=number(costs.hourly, "usd"),
        asleep="" if costs.billed.raw == 1 else sentence(", billed {share} of it", share=number(costs.billed, "rate")),
        as_if=Markup(" ({})").format(quoted(costs.as_if)) if costs.as_if else "",
        busy=number(costs.utilisation.value, "rate"),
        time=number(projected(run).basis.service_time.value, "s"),
        origin=quoted(projected(run).basis.time_origin),
        even=sentence(" The cost per 1,000 requests is below its target above {even}.", even=even) if even else "",
    )
    return table("What it costs", columns, rows, id="cost", note=about)


def _cells(estimate: Cited) -> list[Markup]:
    return [actual(estimate, "s"), interval(estimate, "s"), number(estimate.n, "count")]


def _money(estimate: Cited) -> list[Markup]:
    return [number(estimate.value, "usd"), interval(estimate, "usd")]


def _judged(words: str, row: Cited | None, measured: Cited, style: Style) -> Markup:
    """Return a sentence on a figure as its target judges it; without a target, as it was measured."""
    found = row.estimate if row else measured
    return sentence(
        words,
        value=number(found.value, style),
        between=between(found, style, name=""),
        chip=chip(row.verdict.raw if row else "informative"),
    )


def time_scale(run: Run, timed: LatencyCost | None) -> Scale | None:
    """Return the scale of all drawings of service times: from zero to beyond the slowest request and the target."""
    times = [time for row in timed.dialogues for time in (row.mean, *row.times)] if timed else []
    row = _latency_row(run)
    goal = [] if row is None else [float(row.threshold.raw)]
    return scale_for([0.0, *times, *goal], is_rate=False) if times else None


def latency_target(run: Run, label: str) -> TargetLine | None:
    """Return the target of the mean latency as a line of a drawing, if there is one."""
    row = _latency_row(run)
    return None if row is None else TargetLine(row.threshold, label)


def _latency_row(run: Run) -> Cited | None:
    """Return the judged row of the mean latency, if it has a threshold."""
    judged = Cited(judgement(run, "03"), "results/judged.json")
    rows = (row for row in judged.rows if row.name.raw == "average_latency" and row.threshold.raw is not None)
    return next(rows, None)
