"""Page 05: how much traffic can it sustain? A short sweep where that is allowed, and models of what it cannot show.

The models rest on the service times of page 03. The round trip (an answer that needs no computing) keeps no server
busy: it is taken out of them, and added to what is predicted.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import numpy as np

from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import HelpersError, RequestError
from helpers.engines.served import bring_up
from helpers.experiments import planning
from helpers.experiments.load.answers import compared
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.logged import LoggedLoad
from helpers.experiments.load.queueing import fifo_responses, mg1_response, utilisation
from helpers.experiments.load.sending import MeasuredPart, Outcomes, send, sweep
from helpers.experiments.load.server_figures import figures_during, why_no_figures
from helpers.experiments.load.summary import capacity, intervals, point, streamed, summarise
from helpers.params import Batching, Load, Serving
from helpers.runs.budget import no_load
from helpers.runs.poller import Look, read_looks
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.results.load_capacity import BatchingGain, LoadCapacity, LoadPoint
from helpers.runs.run import Run, unreachable
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample
from helpers.stats.intervals import Estimate, FloatArray, mean

PAGE = "05"
#: Round trips asked for, and plays of one schedule through the model.
TRIPS, PLAYS = 9, 200

Services = Mapping[str, FloatArray]
#: Batching is measured by a closed loop over two servers, one that batches and one that does not, in turn.
CONCURRENCY, ROUNDS = 4, 2
#: Seconds that a round of one request at a time takes, about and at most.
ROUND, LONGEST = 8.0, 15.0
OFF, ON = "one at a time", "in batches"


def measure(run: Run) -> LoadCapacity:
    """Send the sweep if this run may, then predict, size and simulate from the measured service times."""
    began = time.monotonic()
    timed = run.results(PAGE).latency_cost
    if down := run.down():
        return LoadCapacity(page=PAGE, reason=down)
    if timed is None or not timed.dialogues:
        why = timed.reason if timed and timed.reason else "no service times: run page 03 first"
        if run.params.backend == "replay":
            why = "recorded predictions have no service times to predict from"
        return LoadCapacity(page=PAGE, reason=why)
    backend, no_sweep = _loadable(run)
    try:
        trip = _round_trip(backend) if backend else 0.0
    except RequestError as error:
        return LoadCapacity(page=PAGE, reason=unreachable(error.kind, datetime.now(UTC)))
    services = _services(timed, trip)
    single = np.concatenate(list(services.values()))
    sender = run.sender(PAGE) if backend else None
    heard: defaultdict[str, Counter[str]] = defaultdict(Counter)
    points, found = _sweep(run, sender, backend, services, trip, heard) if backend and sender else ((), {})
    gain, unbatched = measure_batching(run, services) if backend else (None, no_sweep)
    requests = sum(one.requests for one in points)
    return LoadCapacity(
        page=PAGE,
        requests=requests + (2 * gain.requests if gain else 0),
        seconds=time.monotonic() - began,
        stopped=sender.stopped if sender else "",
        no_sweep=no_sweep,
        service=_mean(services),
        services=single.size,
        scv=float(single.var() / single.mean() ** 2),
        trip=trip if backend else None,
        points=points,
        answers=compared(run, heard) if points else None,
        batching=gain,
        **found,
        **planning.predict(run, single, trip, unbatched),
    )


def predicted_again(run: Run, found: LoadCapacity) -> LoadCapacity:
    """Return a result with what is predicted under the parameters that the run has now; nothing is sent."""
    timed = run.results(PAGE).latency_cost
    if found.reason or timed is None:
        return found
    single, trip = np.concatenate(list(_services(timed, found.trip or 0.0).values())), found.trip or 0.0
    unbatched = next((one.reason for one in found.strategies if one.name == "batching"), "")
    return found.model_copy(update=planning.predict(run, single, trip, unbatched))


def _services(timed: LatencyCost, trip: float) -> dict[str, FloatArray]:
    return {row.id: np.maximum(np.array(row.times) - trip, 1e-6) for row in timed.dialogues}


def measure_batching(run: Run, services: Mapping[str, FloatArray]) -> tuple[BatchingGain | None, str]:
    """Return what batching gains, or why it was not measured; ``services`` are seconds, by dialogue."""
    if run.params.backend != "local" or not isinstance(run.backend, EndpointBackend):
        return None, "only a server that this run starts can be told to batch"
    if run.spent():
        return None, "the budget was spent before it"
    means = {sample: float(times.mean()) for sample, times in services.items()}
    quicker = sorted(means, key=lambda sample: means[sample])[: (len(means) + 1) // 2]
    service = sum(means[sample] for sample in quicker) / len(quicker)
    if CONCURRENCY * service > LONGEST:
        return None, f"{CONCURRENCY} requests, one at a time, take longer than the {LONGEST:.0f} s that a round may"
    samples = [sample for sample in run.samples if sample.id in quicker]
    serving = run.params.serving
    other = serving.model_copy(update={"batching": None if serving.batching else Batching()})
    count = CONCURRENCY * max(1, round(ROUND / service / CONCURRENCY))
    plan = Plan("closed", LONGEST, concurrency=CONCURRENCY, count=count, seed=run.params.load.seed)
    with ExitStack() as opened:
        try:
            second = _batching_server(run, other, samples[0], opened)
        except HelpersError as error:
            return None, f"a second server could not be brought up: {error}"
        servers = {OFF: run.backend, ON: second} if other.batching else {OFF: second, ON: run.backend}
        rounds = _batching_rounds(run, servers, samples, plan)
    return _gain(rounds, serving.batching or other.batching or Batching())


def _loadable(run: Run) -> tuple[EndpointBackend | None, str]:
    """Return the service that load may be sent to, or why there is none."""
    if why := no_load(run.params, run.server["url"]):
        return None, why
    if not isinstance(run.backend, EndpointBackend):
        return None, "only a service can be loaded"
    backend = run.asked_by(PAGE)
    assert isinstance(backend, EndpointBackend), "another view of the same"
    return backend, ""


def _round_trip(backend: EndpointBackend) -> float:
    """Return the median time, seconds, of an answer that needs no computing."""
    seconds = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        backend.get("/health")
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _sweep(
    run: Run,
    sender: RequestSender,
    backend: EndpointBackend,
    services: Services,
    trip: float,
    heard: defaultdict[str, Counter[str]],
) -> tuple[tuple[LoadPoint, ...], dict[str, object]]:
    """Send the sweep and return its points and the capacity it shows; ``heard`` takes in what was said."""
    load, samples = run.params.load, [sample for sample in run.samples if sample.id in services]
    single = np.concatenate(list(services.values()))
    rates = sorted(load.rates or [share / float(single.mean()) for share in load.fractions])
    plans = [Plan("poisson", load.seconds, rate, count=load.count, seed=load.seed) for rate in rates]
    dialogues, ids = [sample.dialogue for sample in samples], [sample.id for sample in samples]
    runs = sweep(
        backend,
        dialogues,
        run.params.generation,
        plans,
        load.repeats,
        lambda repeat: LoggedLoad(sender, ids, repeat, heard),
        sender.shared_tokens,
    )
    if any(one.interrupted for each in runs for one in each):
        raise KeyboardInterrupt
    # An arrival-poor run may hold no request at all; it says nothing and counts nowhere.
    by_rate = {rate: [one for one in each if one.measured().kinds.size] for rate, each in zip(rates, runs, strict=True)}
    single_times = [services[i] for i in ids]
    looks = [look for part in read_looks([sender.log.path]) for look in part]
    points = [
        _point(rate, each, single_times, trip, load, sender.told, looks) for rate, each in by_rate.items() if each
    ]
    no_figures: dict[str, object] = {
        "no_server_figures": "" if any(one.server for one in points) else why_no_figures(looks)
    }
    complete = min((len(each) for each in by_rate.values()), default=0)
    if not complete:
        return tuple(points), no_figures
    summaries = [point(rate, each[:complete], load.target_p95) for rate, each in by_rate.items()]
    held = capacity(summaries, load.target_p95)
    return tuple(points), {"highest_rate": held.highest_rate, "knee": held.knee, **no_figures}


def _point(
    rate: float,
    runs: Sequence[Outcomes],
    services: Sequence[FloatArray],
    trip: float,
    load: Load,
    told: Callable[[RequestError], str],
    looks: Sequence[Look],
) -> LoadPoint:
    pooled, between = summarise(runs, rate, load.target_p95, told), intervals(runs)
    single = np.concatenate(services)
    busy = utilisation(rate, single)
    return LoadPoint(
        rate=rate,
        utilisation=busy,
        requests=pooled.n,
        errors=pooled.errors,
        saturated=pooled.saturated,
        verdict=pooled.verdict,
        messages=pooled.messages,
        throughput=between["throughput"],
        goodput=pooled.goodput,
        response=between.get("mean"),
        p95=between.get("p95"),
        dispatch_p99=pooled.dispatch_delay.p99,
        predicted=mg1_response(rate, single) + trip if busy < 1 else None,
        predicted_here=_played(runs, services, load.seed) + trip,
        cached=pooled.cached,
        streaming=streamed(runs),
        server=figures_during(runs, looks),
    )


def _played(runs: Sequence[Outcomes], services: Sequence[FloatArray], seed: int) -> float:
    """Return the mean response time, over repeats, that one server would have for the very requests that were sent.

    Each request takes one of the times that its dialogue took on page 03, drawn again in every play.
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
    return mean(values, clusters, floor=0.0)


def _batching_server(run: Run, serving: Serving, first: Sample, opened: ExitStack) -> EndpointBackend:
    """Return a warm server of the run's model that differs from the run's own in nothing but ``serving``.

    Raises `HelpersError` with the reason when it does not come up.
    """
    params = run.params.model_copy(update={"serving": serving})
    _, backend = bring_up(params, run.directory / "variants" / "batching", opened)
    run.sender(PAGE, "batching", backend=backend).ask(first.id, first.dialogue, phase="warmup")
    return backend


def _batching_rounds(
    run: Run, servers: Mapping[str, EndpointBackend], samples: Sequence[Sample], plan: Plan
) -> list[dict[str, MeasuredPart]]:
    """Return what each server answered in each round that was not cut short by the budget."""
    dialogues, ids = [sample.dialogue for sample in samples], [sample.id for sample in samples]
    senders = {name: run.sender(PAGE, name, backend=backend) for name, backend in servers.items()}
    found: list[dict[str, MeasuredPart]] = []
    for number in range(ROUNDS):
        one, seeded = {}, plan.repeated(number, 0)
        for name, backend in servers.items():
            with LoggedLoad(senders[name], ids, number) as log:
                outcomes = send(backend, dialogues, run.params.generation, seeded, observer=log)
            if outcomes.interrupted:
                raise KeyboardInterrupt
            if outcomes.stopped:
                return found
            one[name] = outcomes.measured()
        found.append(one)
    return found


def _gain(rounds: Sequence[Mapping[str, MeasuredPart]], batching: Batching) -> tuple[BatchingGain | None, str]:
    """Return the ratio of the two throughputs, over all rounds and of single ones."""
    if not rounds:
        return None, "the budget was spent before it"
    if not all(part.good.any() for one in rounds for part in one.values()):
        return None, "a server answered no request of a round"
    parts = {name: [one[name] for one in rounds] for name in (OFF, ON)}
    pooled = {name: _throughput(each) for name, each in parts.items()}
    single = [_throughput([one[ON]]) / _throughput([one[OFF]]) for one in rounds]
    return BatchingGain(
        concurrency=CONCURRENCY,
        rounds=len(rounds),
        requests=sum(part.kinds.size for part in parts[ON]),
        failed=sum(int((~part.good).sum()) for name in (OFF, ON) for part in parts[name]),
        max_batch=batching.max_batch,
        max_wait=batching.max_wait,
        one_at_a_time=pooled[OFF],
        in_batches=pooled[ON],
        ratio=pooled[ON] / pooled[OFF],
        lowest=min(single),
        highest=max(single),
    ), ""


def _throughput(parts: Sequence[MeasuredPart]) -> float:
    """Return the successes a second of some rounds."""
    return sum(int(part.good.sum()) for part in parts) / sum(part.seconds for part in parts)
