"""The drawing of page 05: response time by rate, as it was measured and as the models predict it."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from helpers.report.components.figures import curves
from helpers.report.components.line_chart import Curve, Level, Plot
from helpers.report.components.numbers import number, sentence
from helpers.report.components.tables import Cell, Column, table
from helpers.runs.results.cited import Cited


def throughput_latency(result: Cited) -> Markup:
    """Return the response times that were measured at each rate, beside what queueing predicts, with the target."""
    points, curve = result.points.raw, result.curve.raw
    rates, sure = [one.rate for one in points], [one for one in points if one.saturated]
    measured = {name: [getattr(one, name) for one in points] for name in ("response", "p95")}
    expected = [one.rate for one in curve]
    drawn = [
        Curve("mean, predicted for ever", expected, [one.response for one in curve], "quiet", leaves=True),
        Curve("p95, predicted for ever", expected, [one.p95 for one in curve], "dotted", leaves=True),
        Curve("mean, predicted for this run", rates, [one.predicted_here for one in points], "dashed"),
        Curve("p95, measured", rates, [_value(one) for one in measured["p95"]], "open", _reach(measured["p95"])),
        Curve(
            "mean, measured",
            rates,
            [_value(one) for one in measured["response"]],
            "marked",
            _reach(measured["response"]),
        ),
        Curve("saturated", [one.rate for one in sure], [_value(one.response) for one in sure], "ring"),
    ]
    target = Level("target of p95", result.assumed.target_p95.raw)
    plot = Plot(drawn, [target], "s", "plain", "requests per second, as intended")
    subtitle = (
        "response time, seconds, by rate: measured with its 95 % interval across independent repeats, and predicted "
        "by queueing from the service times of page 03"
    )
    return curves("load-curve", _finding(result), subtitle, plot, data=_predictions(result))


def _finding(result: Cited) -> Cell:
    saturated = [one for one in result.points if one.saturated.raw]
    if saturated:
        return sentence("It does not keep up with {rate} requests a second", rate=number(saturated[0].rate))
    if all(one.saturated.raw is False for one in result.points):
        return "It keeps up with every rate that was sent"
    return "Too few requests to tell whether it keeps up"


def _predictions(result: Cited) -> Markup:
    columns = [
        Column("Rate", "per s", numeric=True),
        Column("Busy", numeric=True),
        Column("Mean response", numeric=True),
        Column("p95", numeric=True),
    ]
    rows = [
        [number(one.rate), number(one.utilisation, "rate"), number(one.response, "s"), number(one.p95, "s")]
        for one in result.curve
    ]
    note = "Predicted for ever; what was measured, and predicted for this run, stands in the next table."
    return table("Response time that queueing predicts by rate", columns, rows, id="predicted", note=note)


def _value(estimate: Any) -> float | None:
    return None if estimate is None else estimate.value


def _reach(estimates: list[Any]) -> list[tuple[float | None, float | None]]:
    return [(None, None) if one is None else (one.low, one.high) for one in estimates]
