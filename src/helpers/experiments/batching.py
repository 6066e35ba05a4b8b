"""Page 05: what batching buys, measured on two servers of the run's model, one that batches and one that does not.

Both are asked for the same dialogues by a closed loop, in turn, round after round. The quicker half of the dialogues
is used, because four requests must fit into a round of one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from helpers.arrivals import Plan
from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import HelpersError
from helpers.engines.served import bring_up
from helpers.experiments.load_records import write
from helpers.params import Batching, Serving
from helpers.runs.results.load_capacity import BatchingGain
from helpers.runs.run import Run
from helpers.samples.dataset import Sample
from helpers.sending import Measured, send
from helpers.stats.intervals import FloatArray

CONCURRENCY, ROUNDS = 4, 2
#: Seconds that a round of one request at a time takes, about and at most.
ROUND, LONGEST = 8.0, 15.0
OFF, ON = "one at a time", "in batches"


def measure(run: Run, services: Mapping[str, FloatArray]) -> tuple[BatchingGain | None, str]:
    """Return what batching gains, or why it was not measured; ``services`` are seconds, by dialogue."""
    if run.params.backend != "local" or not isinstance(run.backend, EndpointBackend):
        return None, "only a server that this run starts can be told to batch"
    means = {sample: float(times.mean()) for sample, times in services.items()}
    quicker = sorted(means, key=lambda sample: means[sample])[: (len(means) + 1) // 2]
    service = sum(means[sample] for sample in quicker) / len(quicker)
    if CONCURRENCY * service > LONGEST:
        return None, f"{CONCURRENCY} requests, one at a time, take longer than the {LONGEST:.0f} s that a round may"
    samples = [sample for sample in run.samples if sample.id in quicker]
    told = run.params.serving
    other = told.model_copy(update={"batching": None if told.batching else Batching()})
    count = CONCURRENCY * max(1, round(ROUND / service / CONCURRENCY))
    plan = Plan("closed", LONGEST, concurrency=CONCURRENCY, count=count, seed=run.params.load.seed)
    with ExitStack() as opened:
        try:
            second = _bring_up(run, other, samples[0], opened)
        except HelpersError as error:
            return None, f"a second server could not be brought up: {error}"
        servers = {OFF: run.backend, ON: second} if other.batching else {OFF: second, ON: run.backend}
        rounds = _rounds(run, servers, samples, plan)
    return _gain(rounds, told.batching or other.batching or Batching())


def _bring_up(run: Run, serving: Serving, first: Sample, opened: ExitStack) -> EndpointBackend:
    """Return a warm server of the run's model that differs from the run's own in nothing but ``serving``.

    Raises `HelpersError` with the reason when it does not come up.
    """
    params = run.params.model_copy(update={"serving": serving})
    _, backend = bring_up(params, run.directory / "variants" / "batching", opened)
    run.asker("05", "batching", backend=backend).ask(first.id, first.dialogue, phase="warmup")
    return backend


def _rounds(
    run: Run, servers: Mapping[str, EndpointBackend], samples: Sequence[Sample], plan: Plan
) -> list[dict[str, Measured]]:
    """Return what each server answered in each round that was not cut short by the budget."""
    dialogues, ids = [sample.dialogue for sample in samples], [sample.id for sample in samples]
    may_send = run.asker("05").may_send
    found: list[dict[str, Measured]] = []
    for number in range(ROUNDS):
        one, seeded = {}, plan.repeated(number, 0)
        for name, backend in servers.items():
            if may_send():
                return found
            before, began = datetime.now(UTC), time.perf_counter()
            outcomes = send(backend, dialogues, run.params.generation, seeded)
            write(run, outcomes, ids, number, before + timedelta(seconds=outcomes.zero - began), name)
            one[name] = outcomes.measured()
        found.append(one)
    return found


def _gain(rounds: Sequence[Mapping[str, Measured]], batching: Batching) -> tuple[BatchingGain | None, str]:
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


def _throughput(parts: Sequence[Measured]) -> float:
    """Return the successes a second of some rounds."""
    return sum(int(part.good.sum()) for part in parts) / sum(part.seconds for part in parts)
