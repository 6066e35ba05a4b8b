"""What batching and workers buy on the demonstration model: on demand (make bench), on an idle machine.

Nothing is asserted of the figures: they are of one machine. Every server is a process of its own, asked for the same
requests in interleaved rounds; medians of the rounds.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from helpers.arrivals import Plan
from helpers.backends.served import bring_up
from helpers.params_files import load_params
from helpers.samples import load_samples
from helpers.sending import send

MODEL = ["model.engine=ctranslate2", "model.dtype=int8"]
SERVERS = {
    "one at a time": [],
    "batching": ["serving.batching={}"],
    "two workers": ["serving.workers=2"],
    "both": ["serving.workers=2", "serving.batching={max_batch: 4}"],
}
#: Rounds at most, and the seconds after which no further one is begun.
ROUNDS, LIMIT = 5, 240.0
#: Requests under way → requests of a round, and who is asked.
LOADS = {8: (16, list(SERVERS)), 1: (4, ["one at a time", "batching"])}
#: The shortest dialogues: one as long as the context would take longer than all others together.
SHORTEST = 5


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_throughput_of_batching_and_workers(tmp_path: Path) -> None:
    params = load_params("demo", MODEL)
    dialogues = sorted((sample.dialogue for sample in load_samples(params.samples)), key=len)[:SHORTEST]
    rates: dict[tuple[int, str], list[float]] = {}
    with ExitStack() as opened:
        servers = {
            name: bring_up(load_params("demo", [*MODEL, *told]), tmp_path / name, opened, calm=True)[1]
            for name, told in SERVERS.items()
        }
        for backend in servers.values():
            send(backend, dialogues, params.generation, Plan("closed", 60, concurrency=2, count=2))
        deadline = time.monotonic() + LIMIT
        for number in range(ROUNDS):
            if number and time.monotonic() > deadline:
                break
            for concurrency, (count, names) in LOADS.items():
                plan = Plan("closed", 60, concurrency=concurrency, count=count, seed=number)
                for name in names:
                    found = send(servers[name], dialogues, params.generation, plan).measured()
                    assert found.good.all(), f"{name}: a request failed"
                    rates.setdefault((concurrency, name), []).append(count / found.seconds)
    for concurrency, (_, names) in LOADS.items():
        alone = rates[concurrency, "one at a time"]
        for name in names:
            ratios = [one / before for one, before in zip(rates[concurrency, name], alone, strict=True)]
            median = statistics.median(rates[concurrency, name])
            told = f"{statistics.median(ratios):.2f} times one at a time ({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"concurrency {concurrency}, {name}: {median:.3f} a second, {told}, {len(ratios)} rounds")
