"""What measured service times say about traffic that was not sent: capacity, replicas, and the five strategies."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from helpers.core.errors import SamplesError
from helpers.core.text import json_lines
from helpers.cost import costs
from helpers.experiments.load.arrivals import bursty, diurnal
from helpers.experiments.load.queueing import (
    ggc_response,
    knee,
    mg1_response,
    replicas_for,
    simulated_responses,
    utilisation,
)
from helpers.experiments.load.simulation import Fleet, Simulated, cached, simulate
from helpers.params import Load
from helpers.runs.results.load_capacity import Assumed, Assumption, Predicted, Sizing, Strategy
from helpers.runs.run import Run
from helpers.stats.intervals import FloatArray

#: Utilisations at which the curve is computed.
GRID = tuple(place / 40 for place in range(1, 39))
HOUR, DAY = 3600.0, 86_400.0
#: Published rates, requests per second: the steady traffic, the spreadsheet's throughput, the alert's lower bound.
PUBLISHED = {
    "the steady traffic of the cost estimate": 200 / HOUR,
    "the throughput of the cost spreadsheet": 800 / HOUR,
    "the throughput below which an alert fires": 2.0,
}
#: Rates that replicas are counted for, requests per second.
RATES = (200 / HOUR, 800 / HOUR, 1.0, 2.0, 5.0, 10.0)
#: A simulated day may hold this many requests.
MOST_REQUESTS = 200_000


def predict(run: Run, services: FloatArray, trip: float, unbatched: str) -> dict[str, Any]:
    """Return everything that page 05 predicts, as fields of its result; ``services`` are without the round trip.

    ``unbatched`` says why batching was not measured, if it was not. A provider shows no replicas to plan with.
    """
    load = run.params.load
    curve = [_predicted(busy / float(services.mean()), services, trip, load.seed) for busy in GRID]
    best = knee([one.rate for one in curve], [one.response for one in curve])
    cold = load.cold_start or _cold_start(run)
    found = {
        "curve": tuple(curve),
        "assumed": Assumed(
            target_p95=load.target_p95,
            cold_start=cold,
            repeat_rate=load.repeat_rate,
            max_replicas=load.max_replicas,
            idle_minutes=load.idle_minutes,
            spot_hours=load.spot_hours,
        ),
    }
    if run.params.provider:
        return found
    return found | {
        "predicted_highest": next((one for one in reversed(curve) if one.p95 <= load.target_p95), None),
        "predicted_knee": next((one for one in curve if one.rate == best), None),
        "assumptions": tuple(_assumption(run, name, rate, services, trip) for name, rate in PUBLISHED.items()),
        "sizing": tuple(_sizing(rate, services, trip, load) for rate in RATES),
        "strategies": tuple(_strategies(run, services, trip, cold, unbatched)),
    }


def read_trace(path: Path) -> FloatArray:
    """Return the arrivals of a recorded trace, seconds from its first one.

    A request log counts the first attempt of each request; any other file holds one time in seconds a line. Raises
    `SamplesError` naming the line.
    """
    times = []
    try:
        lines = json_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SamplesError(f"load.trace {path.name}: cannot be read: {error}") from None
    for number, line in enumerate(filter(str.strip, lines), 1):
        try:
            row = json.loads(line)
            if isinstance(row, dict) and row["attempt"] == 1:
                times.append(datetime.fromisoformat(row["started_at"]).timestamp())
            elif not isinstance(row, dict):
                times.append(float(row))
        except (ValueError, KeyError, TypeError):
            expected = "expected a time in seconds, or a line of a request log"
            raise SamplesError(f"load.trace {path.name} line {number}: {expected}") from None
    if not times or not np.isfinite(times).all():
        raise SamplesError(f"load.trace {path.name}: no arrivals in it, or one that is not finite")
    return np.sort(times) - min(times)


def _predicted(rate: float, services: FloatArray, trip: float, seed: int) -> Predicted:
    p95 = float(np.percentile(simulated_responses(rate, services, 1, seed), 95))
    response = mg1_response(rate, services) + trip
    return Predicted(rate=rate, utilisation=utilisation(rate, services), response=response, p95=p95 + trip)


def _assumption(run: Run, name: str, rate: float, services: FloatArray, trip: float) -> Assumption:
    """Return a published rate with the utilisation of the configured replicas at it, as costs have it."""
    replicas = run.params.replicas
    return Assumption(
        name=name,
        rate=rate,
        per_hour=rate * HOUR,
        replicas=replicas,
        utilisation=costs.utilisation(run.params, costs.basis(run.params, run.results("05").latency_cost), rate * HOUR),
        response=_finite(ggc_response(rate, services, replicas), trip),
    )


def _sizing(rate: float, services: FloatArray, trip: float, load: Load) -> Sizing:
    row: dict[str, Any] = {"rate": rate, "per_hour": rate * HOUR}
    count = replicas_for(rate, services, load.target_p95 - trip, load.seed)
    if count is None:
        return Sizing(**row, replicas=None, utilisation=None, response=None, p95=None)
    p95 = float(np.percentile(simulated_responses(rate, services, count, load.seed), 95)) + trip
    response = _finite(ggc_response(rate, services, count), trip)
    busy = utilisation(rate, services, count)
    return Sizing(**row, replicas=count, utilisation=busy, response=response, p95=p95)


def _strategies(run: Run, services: FloatArray, trip: float, cold: float | None, unbatched: str) -> list[Strategy]:
    """Return the published strategies, each simulated on every trace, after one replica that is always on."""
    load, traffic = run.params.load, run.params.traffic.requests_per_hour
    compared = getattr(run.results("05"), "quantization", None)
    quantized = "measured on page 04" if compared and not compared.reason else "run page 04 first"
    rows = [Strategy(name="quantization", reason=quantized), Strategy(name="batching", reason=unbatched)]
    if traffic * 24 > MOST_REQUESTS:
        return [*rows, Strategy(name="always on", reason="the configured traffic is too much to simulate a day of it")]
    traces: dict[str, tuple[FloatArray, float]] = {
        "diurnal": (diurnal(traffic / HOUR, DAY, load.seed), DAY),
        "bursty": (bursty(traffic / HOUR, DAY, load.seed), DAY),
    }
    if load.trace:
        recorded = read_trace(Path(load.trace))
        traces["recorded"] = recorded, max(float(recorded[-1]), 1.0)
    for name, (arrivals, seconds) in traces.items():
        drawn = np.random.default_rng((load.seed, 8)).choice(services, arrivals.size)
        rows += _on_trace(name, arrivals, drawn, seconds, trip, cold, load)
    return rows


def _on_trace(
    trace: str, arrivals: FloatArray, services: FloatArray, seconds: float, trip: float, cold: float | None, load: Load
) -> list[Strategy]:
    def row(name: Any, fleet: Fleet, times: FloatArray = services) -> Strategy:
        return _row(name, trace, simulate(arrivals, times, fleet, seconds, load.seed), seconds, trip)

    hits = cached(services, load.repeat_rate, load.seed)
    rows = [row("always on", Fleet()), row("caching", Fleet(), hits)]
    if cold is None:
        why = "no cold start is known: run page 01, or set load.cold_start"
        return [*rows, *(Strategy(name=n, trace=trace, reason=why) for n in ("autoscaling", "scale to zero", "spot"))]
    most, idle = load.max_replicas, load.idle_minutes * 60
    return [
        *rows,
        row("autoscaling", Fleet(1, most, cold)),
        row("scale to zero", Fleet(0, most, cold, idle)),
        row("spot", Fleet(1, 1, cold, None, load.spot_hours * HOUR)),
    ]


def _row(name: Any, trace: str, found: Simulated, seconds: float, trip: float) -> Strategy:
    return Strategy(
        name=name,
        trace=trace,
        requests=found.responses.size,
        hours=seconds / HOUR,
        billed_hours=found.billed / HOUR,
        mean=float(found.responses.mean()) + trip,
        p95=float(np.percentile(found.responses, 95)) + trip,
        cold_starts=found.cold_starts,
        interruptions=found.interruptions,
        most_replicas=found.most_replicas,
    )


def _cold_start(run: Run) -> float | None:
    checked = run.results("05").deploy_check
    return checked.cold_start if checked else None


def _finite(response: float, trip: float) -> float | None:
    return response + trip if math.isfinite(response) else None
