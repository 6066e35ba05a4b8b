"""Page 05 as it is shown: what was measured, what the models predict, and what other ways of running would do."""

from __future__ import annotations

from markupsafe import Markup

from helpers.cost.costs import BY_USE, strategy_costs
from helpers.report.components import tiles
from helpers.report.components.figures import TargetLine, points
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.row_chart import FEW
from helpers.report.components.scales import Scale
from helpers.report.components.tables import Cell, Column, chip, facts, table
from helpers.report.views import load_curve
from helpers.report.views.common import ended_early, not_measured
from helpers.report.views.cost import projected
from helpers.report.views.quantization import choice, has_ratio, recommended
from helpers.report.views.server_figures import server_figures
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.targets import sustained

NONE = Markup("–")
#: Of fewer rates that are kept up with none is the one from which on waiting grows faster.
KNEE = 3


def answer(run: Run, result: Cited) -> Markup:
    """Return how much traffic the replicas sustain: measured where it was sent, else predicted."""
    if result.reason:
        return not_measured(result.reason.raw)
    if run.params.provider:
        said = [sentence("A provider shows no replicas, so what it sustains is not predicted.")]
        return _paragraph([*said, *_without_load(result)], result)
    parts = [_able(run)]
    if result.predicted_highest:
        best = result.predicted_highest
        template = (
            "It is predicted to sustain {rate} an hour ({busy} utilisation) with p95 response time within {target}."
        )
        target = number(result.assumed.target_p95, "s")
        parts.append(
            sentence(template, rate=number(best.rate, "per_hour"), busy=number(best.utilisation, "rate"), target=target)
        )
    else:
        target = number(result.assumed.target_p95, "s")
        parts.append(
            sentence(
                "No rate is predicted to keep p95 response time within {target}, given the dialogues that were timed.",
                target=target,
            )
        )
    steady = result.assumptions[0]
    parts.append(
        sentence(
            "Whether the published steady traffic stays below that utilisation: {chip}.", chip=_sustained(run, steady)
        )
    )
    return _paragraph([*parts, *_without_load(result)], result)


def key_figures(run: Run, result: Cited) -> Markup:
    """Return what the replicas sustain, and how the published steady traffic loads them."""
    if result.reason or run.params.provider:
        return Markup()
    able, steady = projected(run).throughput, result.assumptions[0]
    highest = result.predicted_highest
    return tiles.key_figures(
        tiles.number_tile("Sustained", able.sustained_per_hour, "count", "requests an hour, predicted"),
        tiles.estimate_tile("Utilisation", steady.utilisation, "rate", quoted(steady.name)),
        tiles.number_tile("Mean response, predicted", steady.response, "s", quoted(steady.name)),
        tiles.number_tile("Highest rate within p95", highest.rate, "per_hour", "requests an hour, predicted")
        if highest
        else None,
    )


def _without_load(result: Cited) -> list[Markup]:
    return [sentence("Load was not measured: {why}.", why=quoted(result.no_sweep))] if result.no_sweep else []


def _paragraph(parts: list[Markup], result: Cited) -> Markup:
    return Markup("<p class='answer'>{}</p>{}").format(Markup(" ").join(parts), ended_early(result))


def _able(run: Run) -> Markup:
    """Return what the configured replicas can complete, and what they sustain."""
    costs = projected(run)
    able = costs.throughput
    return sentence(
        "At the mean speed measured here a request takes {service}, so the configured replicas complete at most {most} "
        "an hour, and are predicted to sustain {sustained} at a utilisation of {limit}.",
        service=number(costs.basis.service_time.value, "s"),
        most=number(able.most_per_hour, "count"),
        sustained=number(able.sustained_per_hour, "count"),
        limit=number(able.utilisation_limit, "rate"),
    )


def sweep(run: Run, result: Cited) -> Markup:
    """Return what was measured at each rate beside what was predicted for it."""
    if result.reason or not result.points:
        return Markup()
    columns = [
        Column("Rate", "per hour", numeric=True),
        Column("Utilisation", numeric=True),
        Column("Requests", numeric=True),
        Column("Failed", numeric=True),
        Column("Answered", "per hour", numeric=True),
        Column("Mean response", numeric=True),
        Column("95 % interval", numeric=True),
        Column("Predicted: this run", numeric=True),
        Column("Predicted: steady state", numeric=True),
        Column("State"),
    ]
    note = (
        "Intervals are across independent repeats, from five on; rates are over the seconds that were planned. The "
        "first prediction plays the very requests that were sent through one server, the second is the mean after a "
        "long time "
        "(Pollaczek and Khinchine)."
    )
    rows = [_point_row(one) for one in result.points]
    by_rate = table("Response time by rate, measured and predicted", columns, rows, id="sweep", note=note)
    return load_curve.throughput_latency(run, result) + by_rate + server_figures(result)


def held(result: Cited) -> Markup:
    """Return the capacity and the knee, measured and predicted."""
    if result.reason:
        return Markup()
    measured = result.highest_rate
    if not measured:
        highest: Cell = "not measured"
    elif measured.value.raw == 0:
        lowest = min(result.points, key=lambda one: one.rate.raw).rate
        highest = sentence("below the lowest rate that was sent, {rate} an hour", rate=number(lowest, "per_hour"))
    elif measured.value.raw is None:
        highest = sentence("not measured: {note}", note=quoted(measured.note))
        if measured.needs:
            highest += sentence(" (needs {n})", n=number(measured.needs, "count"))
    else:
        highest = sentence(
            "{rate} an hour{between}",
            rate=number(measured.value, "per_hour"),
            between=sentence(" ({between})", between=interval(measured, "per_hour")) if measured.n.raw >= FEW else "",
        )
    predicted, bend = result.predicted_highest, result.predicted_knee
    without = "none" if result.assumptions else "not predicted"  # where no replicas were planned with
    pairs: list[tuple[Cell, Cell]] = [
        ("Highest rate within the p95 target and with few failures, measured", highest),
        ("The same, predicted", _rate(predicted) or without),
        ("Knee of the measured rates", _knee(result)),
        ("Knee, predicted: past it waiting grows faster than throughput", _rate(bend) or without),
        ("Round trip without any computing", number(result.trip, "s")),
        ("Squared coefficient of variation of the service times", number(result.scv)),
    ]
    return facts(pairs)


def _knee(result: Cited) -> Cell:
    """Return where waiting begins to grow faster than throughput, unless too little was sent to tell."""
    if all(one.saturated.raw is None for one in result.points):
        return "not measured: too few requests"
    if sum(one.saturated.raw is False for one in result.points) < KNEE:
        return "not measured: too few rates that it keeps up with"
    return _per_hour(result.knee)


def assumptions(run: Run, result: Cited) -> Markup:
    """Return the published rates, judged by the share of the replicas' time that they take."""
    if result.reason or run.params.provider:
        return Markup()
    columns = [
        Column("Published rate"),
        Column("Per hour", numeric=True),
        Column("Replicas", numeric=True),
        Column("Utilisation", numeric=True, better="down"),
        Column("95 % interval", numeric=True),
        Column("Mean response, predicted", numeric=True),
        Column("Sustained"),
    ]
    rows: list[list[Cell]] = [
        [
            one.name.raw,
            number(one.per_hour, "count"),
            number(one.replicas, "count"),
            number(one.utilisation.value, "rate"),
            interval(one.utilisation, "rate"),
            number(one.response, "s") if one.response.raw is not None else "grows without bound",
            _sustained(run, one),
        ]
        for one in result.assumptions
    ]
    beyond = [one for one in result.assumptions if _is_sustained(run, one) == "missed"]
    finding = "Not sustained: {names}" if beyond else "No published rate is shown to be beyond the configured replicas"
    return points(
        "assumptions",
        sentence(finding, names=quoted("; ".join(one.name.raw for one in beyond))),
        "utilisation of the configured replicas at the published rates, with its 95 % interval; off-scale values are "
        "at the edge",
        [(one.name.raw, one.utilisation) for one in result.assumptions],
        unit="rate",
        target=TargetLine(projected(run).throughput.utilisation_limit, "limit"),
        scale=Scale(0.0, 1.2),
        data=table("Published rates on the configured replicas", columns, rows, id="published-rates"),
    )


def sizing(result: Cited) -> Markup:
    """Return the replicas that each rate needs."""
    if result.reason or not result.sizing:
        return Markup()
    columns = [
        Column("Requests per hour"),
        Column("Replicas", numeric=True),
        Column("Utilisation", numeric=True),
        Column("Mean response", numeric=True),
        Column("p95", numeric=True),
    ]
    rows: list[list[Cell]] = [
        [
            number(one.per_hour, "count"),
            number(one.replicas, "count"),
            number(one.utilisation, "rate"),
            number(one.response, "s"),
            number(one.p95, "s"),
        ]
        for one in result.sizing
        if one.replicas.raw is not None
    ]
    never = [number(one.per_hour, "count") for one in result.sizing if one.replicas.raw is None]
    target = number(result.assumed.target_p95, "s")
    note = sentence("Fewest replicas with p95 within {target}, simulated.", target=target)
    if never:
        words = "No number of replicas keeps p95 within {target} at {rates} requests an hour."
        note = sentence(words, target=target, rates=Markup(", ").join(never))
    return table("Replicas needed by rate", columns, rows, id="sizing", note=note)


def batching(result: Cited) -> Markup:
    """Return what batching was measured to buy, and what that rests on."""
    gain = result.batching
    if result.reason or not gain:
        return Markup()
    template = "{ratio} ({lowest} to {highest} in single rounds)"
    edges = {name: number(getattr(gain, name), "ratio") for name in ("ratio", "lowest", "highest")}
    rests = (
        "the quicker half of the dialogues: {n} requests each way, {at_once} in flight at a time, in {rounds} rounds "
        "that took turns; {failed} failed"
    )
    counts = {"n": gain.requests, "at_once": gain.concurrency, "rounds": gain.rounds, "failed": gain.failed}
    most, wait = number(gain.max_batch, "count"), number(gain.max_wait, "s")
    batches = sentence("In batches of {most} at most, gathered for {wait} at most", most=most, wait=wait)
    pairs: list[tuple[Cell, Cell]] = [
        ("One request at a time", _per_hour(gain.one_at_a_time)),
        (batches, _per_hour(gain.in_batches)),
        ("Throughput of batching over that of one at a time", sentence(template, **edges)),
        ("It rests on", sentence(rests, **{name: number(count, "count") for name, count in counts.items()})),
    ]
    return facts(pairs)


def strategies(run: Run, result: Cited) -> Markup:
    """Return the strategies: cost, response time and cold starts, or why they were not measured."""
    if result.reason:
        return Markup()
    if run.params.provider:
        return sentence("<p class='note'>Strategies of replicas are not simulated: {why}.</p>", why=BY_USE)
    costs = Cited(strategy_costs(result.raw, run.params), "results/load_cost.json")
    columns = [
        Column("Strategy"),
        Column("Traffic"),
        Column("Per 1,000 requests", "USD", numeric=True),
        Column("Change", numeric=True),
        Column("p95", numeric=True),
        Column("Cold starts", numeric=True),
        Column("Interruptions", numeric=True),
    ]
    elsewhere = {"quantization": _quantization(run), "batching": _batching(result.batching)}
    pairs = list(zip(result.strategies, costs, strict=bool(costs)))
    rows = [_strategy(row, cost) for row, cost in pairs if not elsewhere.get(row.name.raw) and not row.reason]
    others = [
        sentence(
            "{name}: {why}.", name=row.name.raw.capitalize(), why=elsewhere.get(row.name.raw) or quoted(row.reason)
        )
        for row, _ in pairs
        if elsewhere.get(row.name.raw) or row.reason
    ]
    assumed = result.assumed
    note = sentence(
        "Simulated from measured service times: at most {most} replicas, asleep after {idle} without a request, "
        "{repeats} of the requests answered from the cache, a spot replica lost every {spot} hours on average, a cold "
        "start of {cold}. Spot capacity is shown at the full price: its discount is not known here.",
        most=number(assumed.max_replicas, "count"),
        idle=number(assumed.idle_minutes, "minutes"),
        repeats=number(assumed.repeat_rate, "rate"),
        spot=number(assumed.spot_hours),
        cold=number(assumed.cold_start, "s"),
    )
    told = Markup("<br>").join([note, *others])
    return table("Strategies on a simulated day", columns, rows, id="strategies", note=told)


def _sustained(run: Run, assumed: Cited) -> Markup:
    return chip(_is_sustained(run, assumed))


def _is_sustained(run: Run, assumed: Cited) -> str:
    return sustained(assumed.utilisation.raw, run.params.cost.utilisation_limit)


def _point_row(one: Cited) -> list[Cell]:
    failed = Markup(", ").join(_failure(one, kind, count) for kind, count in one.errors.items())
    return [
        number(one.rate, "per_hour"),
        number(one.utilisation, "rate"),
        number(one.requests, "count"),
        failed or "none",
        number(one.throughput.value, "per_hour"),
        number(one.response.value, "s") if one.response else NONE,
        interval(one.response, "s") if one.response and one.response.n.raw >= FEW else NONE,
        number(one.predicted_here, "s"),
        number(one.predicted, "s") if one.predicted.raw is not None else "grows without bound",
        one.verdict.raw,
    ]


def _failure(one: Cited, kind: str, count: Cited) -> Markup:
    """Return how often requests failed in one way, and what was said of it the first time."""
    said = one.messages.raw.get(kind, "")
    words = sentence(" ({said})", said=quoted(said)) if said else Markup()
    return sentence("{kind} {n}{words}", kind=quoted(kind), n=number(count, "count"), words=words)


def _rate(one: Cited) -> Cell:
    return _per_hour(one.rate) if one else ""


def _per_hour(rate: Cited) -> Cell:
    return sentence("{rate} an hour", rate=number(rate, "per_hour")) if rate.raw is not None else "not measured"


def _quantization(run: Run) -> Markup | str:
    """Return what page 04 recommends, decided as it is there; nothing while that page has nothing to say."""
    found = Cited(run.results("05").quantization, "results/04.json")
    if not found.raw or found.reason.raw:
        return ""
    best = recommended(found, choice(run))
    if best is None:
        return ""
    if best.name.raw == found.variants[0].name.raw or not has_ratio(best):
        return sentence("page 04: none is shown to save anything, {name} stays", name=quoted(best.name))
    speedup = number(best.speedup.value, "ratio")
    return sentence("page 04: {name}, {ratio} as fast as the reference", name=quoted(best.name), ratio=speedup)


def _batching(gain: Cited) -> Markup | str:
    return (
        sentence("measured, not simulated: {ratio} the throughput", ratio=number(gain.ratio, "ratio")) if gain else ""
    )


def _strategy(row: Cited, cost: Cited) -> list[Cell]:
    return [
        row.name.raw,
        row.trace.raw,
        number(cost.per_1000, "usd"),
        number(cost.change, "rate"),
        number(row.p95, "s"),
        number(row.cold_starts, "count"),
        number(row.interruptions, "count"),
    ]
