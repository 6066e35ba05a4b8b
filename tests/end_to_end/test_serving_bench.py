"""What batching and workers buy, on the demonstration model and on BART-large: on demand (make bench), machine idle.

Nothing is asserted of the figures: they are of one machine. Every server is a process of its own, asked for the same
requests in interleaved rounds; medians of the rounds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from helpers.arrivals import Plan
from helpers.backends.served import bring_up
from helpers.bench.model import Architecture, seeded, texts
from helpers.params import Params
from helpers.params_files import load_params
from helpers.params_serving import Batching, Serving
from helpers.samples import load_samples
from helpers.sending import send

ENGINE = ["model.engine=ctranslate2", "model.dtype=int8"]
#: BART-large reads these many tokens, and writes always as many as these.
READ, WRITTEN = (60, 120, 200), 60
SERVERS = {
    "one at a time": Serving(),
    "batching": Serving(batching=Batching()),
    "two workers": Serving(workers=2),
    "both": Serving(workers=2, batching=Batching(max_batch=4)),
}
#: Rounds at most, and the seconds after which no further one is begun.
ROUNDS, LIMIT = 5, 420.0
#: Requests under way → requests of a round, and who is asked.
LOADS = {8: (16, list(SERVERS)), 1: (4, ["one at a time", "batching"])}
#: The shortest dialogues: one as long as the context would take longer than all others together.
SHORTEST = 5


def demo() -> tuple[Params, list[str]]:
    params = load_params("demo", ENGINE)
    return params, sorted((sample.dialogue for sample in load_samples(params.samples)), key=len)[:SHORTEST]


def bart_large() -> tuple[Params, list[str]]:
    shape = Architecture()
    folder = seeded(shape)
    length = f"generation={{num_beams: 4, min_new_tokens: {WRITTEN}, max_new_tokens: {WRITTEN}}}"
    params = load_params("local", [*ENGINE, f"model.id={folder}", f"model.context_tokens={shape.positions}", length])
    return params, texts(folder, READ, shape, is_seeded=True)


@pytest.mark.bench
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("model", [demo, bart_large])
def test_throughput_of_batching_and_workers(model: Callable[[], tuple[Params, list[str]]], tmp_path: Path) -> None:
    params, dialogues = model()
    rates: dict[tuple[int, str], list[float]] = {}
    with ExitStack() as opened:
        servers = {
            name: bring_up(params.model_copy(update={"serving": serving}), tmp_path / name, opened, calm=True)[1]
            for name, serving in SERVERS.items()
        }
        for backend in servers.values():
            send(backend, dialogues, params.generation, Plan("closed", 60, concurrency=2, count=2))
        deadline = time.monotonic() + LIMIT
        for number in range(ROUNDS):
            if number and time.monotonic() > deadline:
                break
            for concurrency, (count, names) in LOADS.items():
                plan = Plan("closed", 120, concurrency=concurrency, count=count, seed=number)
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
            asked = f"{Path(params.model.id).name}, concurrency {concurrency}, {name}"
            print(f"{asked}: {median:.3f} a second, {told}, {len(ratios)} rounds")
