"""Page 05: how much traffic does it hold? A short sweep where that is allowed, and models of what it cannot show.

The models rest on the service times of page 03. The round trip (an answer that needs no computing) keeps no server
busy: it is taken out of them, and added to what is predicted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from helpers.arrivals import Plan
from helpers.backends.endpoint import EndpointBackend, is_loopback
from helpers.capacity import capacity, point
from helpers.experiments import batching, planning
from helpers.experiments.load_records import write
from helpers.load_summary import intervals, summarise
from helpers.params import Load
from helpers.queueing import fifo_responses, mg1_response, utilisation
from helpers.runs.results.load_capacity import LoadCapacity, LoadPoint
from helpers.runs.run import Run
from helpers.sending import Outcomes
from helpers.stats.intervals import Estimate, FloatArray, mean
from helpers.sweep import measure as sweep

PAGE = "05"
#: Round trips asked for, and plays of one schedule through the model.
TRIPS, PLAYS = 9, 200

Services = Mapping[str, FloatArray]


def measure(run: Run) -> LoadCapacity:
    """Send the sweep if this run may, then predict, size and simulate from the measured service times."""
    began = time.monotonic()
    timed = run.results(PAGE).latency_cost
    if down := run.down():
        return LoadCapacity(page=PAGE, reason=down)
    if timed is None or not timed.dialogues:
        why = timed.reason if timed and timed.reason else "no service times: run page 03 first"
        return LoadCapacity(page=PAGE, reason=why)
    backend, no_sweep = _loadable(run)
    trip = _round_trip(backend) if backend else 0.0
    services = {row.id: np.maximum(np.array(row.times) - trip, 1e-6) for row in timed.dialogues}
    single = np.concatenate(list(services.values()))
    points, found = _sweep(run, backend, services, trip) if backend else ((), {})
    gain, unbatched = batching.measure(run, services) if backend else (None, no_sweep)
    requests = sum(one.requests for one in points)
    return LoadCapacity(
        page=PAGE,
        requests=requests + (2 * gain.requests if gain else 0),
        seconds=time.monotonic() - began,
        stopped="" if not backend or requests else "the budget was spent before the sweep",
        no_sweep=no_sweep,
        service=_mean(services),
        services=single.size,
        scv=float(single.var() / single.mean() ** 2),
        trip=trip if backend else None,
        capacity=1 / float(single.mean()),
        points=points,
        batching=gain,
        **found,
        **planning.predict(run, single, trip, _mean(services), unbatched),
    )


def _loadable(run: Run) -> tuple[EndpointBackend | None, str]:
    """Return whom load may be sent to, or why nobody."""
    if run.params.backend == "replay":
        return None, "recorded answers cannot be loaded; what is predicted rests on their recorded times"
    if not is_loopback(run.server["url"]) and not run.params.load.allow_remote:
        return None, "load is sent to other machines only with load.allow_remote=true"
    if not isinstance(run.backend, EndpointBackend):
        return None, "only a service can be loaded"
    return run.backend, ""


def _round_trip(backend: EndpointBackend) -> float:
    """Return the median time, seconds, of an answer that needs no computing."""
    seconds = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        backend.get("/health")
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _sweep(
    run: Run, backend: EndpointBackend, services: Services, trip: float
) -> tuple[tuple[LoadPoint, ...], dict[str, object]]:
    """Send the sweep, log every request of it, and return its points and the capacity it shows."""
    told, samples = run.params.load, [sample for sample in run.samples if sample.id in services]
    single = np.concatenate(list(services.values()))
    rates = sorted(told.rates or [share / float(single.mean()) for share in told.fractions])
    plans = [Plan("poisson", told.seconds, rate, count=told.count, seed=told.seed) for rate in rates]
    before, began = datetime.now(UTC), time.perf_counter()
    dialogues = [sample.dialogue for sample in samples]
    allowed = run.asker(PAGE).may_send
    runs = sweep(backend, dialogues, run.params.generation, plans, told.repeats, allowed)
    # An arrival-poor run may hold no request at all; it says nothing and counts nowhere.
    by_rate = {rate: [one for one in each if one.measured().kinds.size] for rate, each in zip(rates, runs, strict=True)}
    ids = [sample.id for sample in samples]
    for each in by_rate.values():
        for repeat, outcomes in enumerate(each):
            write(run, outcomes, ids, repeat, before + timedelta(seconds=outcomes.zero - began))
    points = [_point(rate, each, [services[i] for i in ids], trip, told) for rate, each in by_rate.items() if each]
    complete = min((len(each) for each in by_rate.values()), default=0)
    if not complete:
        return tuple(points), {}
    summaries = [point(rate, each[:complete], told.target_p95) for rate, each in by_rate.items()]
    held = capacity(summaries, told.target_p95)
    return tuple(points), {"highest_rate": held.highest_rate, "knee": held.knee}


def _point(rate: float, runs: Sequence[Outcomes], services: Sequence[FloatArray], trip: float, told: Load) -> LoadPoint:
    pooled, between = summarise(runs, rate, told.target_p95), intervals(runs)
    single = np.concatenate(services)
    busy = utilisation(rate, single)
    return LoadPoint(
        rate=rate,
        utilisation=busy,
        requests=pooled.n,
        errors=pooled.errors,
        saturated=pooled.saturated,
        throughput=between["throughput"],
        goodput=pooled.goodput,
        response=between.get("mean"),
        p95=between.get("p95"),
        dispatch_p99=pooled.dispatch_delay.p99,
        predicted=mg1_response(rate, single) + trip if busy < 1 else None,
        predicted_here=_played(runs, services, told.seed) + trip,
    )


def _played(runs: Sequence[Outcomes], services: Sequence[FloatArray], seed: int) -> float:
    """Return the mean over repeats of what one server would make of the very requests that were sent.

    Each request takes one of the times that its dialogue took on page 03, drawn anew in every play.
    """
    draws = np.random.default_rng((seed, 7))
    means = []
    for one in runs:
        part = one.measured()
        for _ in range(PLAYS):
            drawn = np.array([draws.choice(services[sample]) for sample in part.samples])
            means.append(fifo_responses(part.intended, drawn).mean())
    return float(np.mean(means))


def _mean(services: Services) -> Estimate:
    values = np.concatenate(list(services.values()))
    clusters = np.concatenate([np.full(times.size, name) for name, times in services.items()])
    return mean(values, clusters)
