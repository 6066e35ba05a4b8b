"""What other ways of running the deployment would do: the strategies of page 05, simulated or found elsewhere."""

from __future__ import annotations

from markupsafe import Markup

from helpers.cost.costs import strategy_costs
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.report.views.quantization import choice, recommended
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run

NONE = Markup("–")


def strategies(run: Run, result: Cited) -> Markup:
    """Return the strategies: cost, response time and cold starts, or why they were not measured."""
    if result.reason:
        return Markup()
    costs = Cited(strategy_costs(result.raw, run.params), "results/load_cost.json")
    columns = [
        Column("Strategy"),
        Column("Traffic"),
        Column("Per thousand requests", "USD", numeric=True),
        Column("Change", numeric=True),
        Column("p95", numeric=True),
        Column("Cold starts", numeric=True),
        Column("Taken away", numeric=True),
    ]
    elsewhere = {"quantization": _quantization(run), "batching": _batching(result.batching)}
    rows = [
        _strategy(row, cost, elsewhere.get(row.name.raw, ""))
        for row, cost in zip(result.strategies, costs, strict=bool(costs))
    ]
    told = result.assumed
    note = sentence(
        "Simulated from measured service times: at most {most} replicas, asleep after {idle} without a request, "
        "{repeats} of the requests answered from the cache, a spot replica lost every {spot} hours on average, a cold "
        "start of {cold}. Spot capacity is shown at the full price: its discount is not known here.",
        most=number(told.max_replicas, "count"),
        idle=number(told.idle_minutes, "minutes"),
        repeats=number(told.repeat_rate, "rate"),
        spot=number(told.spot_hours),
        cold=number(told.cold_start, "s"),
    )
    return table("Strategies on a simulated day", columns, rows, id="strategies", note=note)


def _quantization(run: Run) -> Markup | str:
    """Return what page 04 recommends, decided as it is there; nothing while that page has nothing to say."""
    found = Cited(run.results("05").quantization, "results/04.json")
    if not found.raw or found.reason.raw:
        return ""
    best = recommended(found, choice(run, found))
    if best is None:
        return ""
    if best.name.raw == found.variants[0].name.raw or not best.speedup.raw:
        return sentence("page 04: none is shown to save anything, {name} stays", name=quoted(best.name))
    speedup = number(best.speedup.value, "ratio")
    return sentence("page 04: {name}, {ratio} as fast as the reference", name=quoted(best.name), ratio=speedup)


def _batching(gain: Cited) -> Markup | str:
    return (
        sentence("measured, not simulated: {ratio} the throughput", ratio=number(gain.ratio, "ratio")) if gain else ""
    )


def _strategy(row: Cited, cost: Cited, elsewhere: Markup | str) -> list[Cell]:
    """Return the cells of a strategy; one that is no simulation says what was found ``elsewhere``."""
    blank: list[Cell] = [NONE] * 4
    if elsewhere:
        return [row.name.raw, NONE, elsewhere, *blank]
    if row.reason:
        return [row.name.raw, row.trace.raw or NONE, sentence("not measured: {why}", why=quoted(row.reason)), *blank]
    return [
        row.name.raw,
        row.trace.raw,
        number(cost.per_1000, "usd"),
        number(cost.change, "rate"),
        number(row.p95, "s"),
        number(row.cold_starts, "count"),
        number(row.interruptions, "count"),
    ]
