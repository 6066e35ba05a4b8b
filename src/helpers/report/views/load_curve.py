"""The drawing of page 05: response times as they were measured at each rate, beside what queueing predicts."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from helpers.report.components.figures import curves
from helpers.report.components.line_chart import Curve, LevelLine, Look, Plot, VerticalLine
from helpers.report.components.numbers import number, sentence
from helpers.report.components.row_chart import FEW
from helpers.report.components.tables import Cell, Column, table
from helpers.report.views.cost import projected
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run


def throughput_latency(run: Run, result: Cited) -> Markup:
    """Return the response times that were measured at each rate, beside what queueing predicts, with the target.

    Sideways are requests per hour, with the configured traffic and what the replicas can complete.
    """
    sent, curve = result.points.raw, result.curve.raw
    rates, expected = [_an_hour(one.rate) for one in sent], [_an_hour(one.rate) for one in curve]
    sure = [one for one in sent if one.saturated]
    drawn = [
        Curve("mean, predicted", expected, [one.response for one in curve], "expected", leaves=True),
        Curve("p95, predicted", expected, [one.p95 for one in curve], "expected high", leaves=True),
        _measured("p95, measured", rates, [one.p95 for one in sent], "open dots"),
        _measured("mean, measured", rates, [one.response for one in sent], "dots"),
        Curve("saturated", [_an_hour(one.rate) for one in sure], [_value(one.response) for one in sure], "ring"),
    ]
    target = LevelLine("target of p95", result.assumed.target_p95.raw)
    verticals = [] if run.params.provider else _verticals(run)
    plot = Plot(drawn, [target], "s", "count", "requests an hour", verticals=verticals)
    subtitle = (
        "response time by offered load: dots are measured, with their 95 % interval from five repeats on; "
        "lines are the steady state that queueing predicts from the service times of page 03"
    )
    return curves("load-curve", _finding(result), subtitle, plot, data=_predictions(result))


def _verticals(run: Run) -> list[VerticalLine]:
    """Return the configured traffic and what the configured replicas can complete."""
    costs = projected(run).raw
    return [
        VerticalLine("configured", costs.declared.requests_per_hour),
        VerticalLine("capacity", costs.throughput.most_per_hour),
    ]


def _measured(label: str, rates: list[float], found: list[Any], look: Look) -> Curve:
    """Return measured values as dots; few repeats show where these lie, and nothing of others."""
    reach = [(None, None) if one is None or one.n < FEW else (one.low, one.high) for one in found]
    return Curve(label, rates, [_value(one) for one in found], look, reach)


def _an_hour(per_second: float) -> float:
    return per_second * 3600


def _finding(result: Cited) -> Cell:
    saturated = [one for one in result.points if one.saturated.raw]
    beyond = [one for one in saturated if one.predicted.raw is None]
    if saturated:
        # What queueing says is sustained in the long run can still leave a backlog behind in a short one.
        told = "It does not keep up" if beyond else "In this short run it did not keep up"
        first = (beyond or saturated)[0].rate
        return sentence("{told} with {rate} requests an hour", told=told, rate=number(first, "per_hour"))
    if all(one.saturated.raw is False for one in result.points):
        return "It keeps up with every rate that was sent"
    return "Too few requests to tell whether it keeps up"


def _predictions(result: Cited) -> Markup:
    columns = [
        Column("Rate", "per hour", numeric=True),
        Column("Utilisation", numeric=True),
        Column("Mean response", numeric=True),
        Column("p95", numeric=True),
    ]
    rows = [
        [
            number(one.rate, "per_hour"),
            number(one.utilisation, "rate"),
            number(one.response, "s"),
            number(one.p95, "s"),
        ]
        for one in result.curve
    ]
    note = "Steady state, predicted; the next table has what was measured, and predicted for this run."
    return table("Response time that queueing predicts by rate", columns, rows, id="predicted", note=note)


def _value(estimate: Any) -> float | None:
    return None if estimate is None else estimate.value
