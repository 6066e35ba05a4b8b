"""What batching and workers of a server gain: requests per second under load, beside one request at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import RunError
from helpers.core.paths import runs_folder
from helpers.engines.model_files import model_hashes
from helpers.engines.served import bring_up
from helpers.experiments.bench import roofline
from helpers.experiments.bench.assembly import label, median_of, shape_results
from helpers.experiments.bench.bars import SOURCE, verdict
from helpers.experiments.bench.model import Architecture, seeded, texts
from helpers.experiments.bench.result import Machine, Reached, ServedModel, ServerLoad, Servers, ServingStrategy
from helpers.experiments.bench.roofline import Shape
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.sending import send
from helpers.params import Batching, Params, Serving
from helpers.params.files import load_params
from helpers.runs.manifest import describe
from helpers.samples.dataset import load_samples

ENGINE, DTYPE = "openvino", "int8"
#: BART-large reads texts of these many tokens in turn, and always writes as many as these.
READ, WRITTEN, BEAMS = (60, 120, 200), 60, 4
#: The shortest demonstration dialogues: one as long as the context would take longer than all others together.
SHORTEST = 5
ALONE, BATCHING = "one at a time", "batching"
STRATEGIES: Mapping[str, Serving] = {
    ALONE: Serving(),
    BATCHING: Serving(batching=Batching()),
    "two workers": Serving(workers=2),
    "both": Serving(workers=2, batching=Batching(max_batch=4)),
}
#: Concurrent requests → requests of a round, and the strategies that are tried.
LOADS: Mapping[int, tuple[int, tuple[str, ...]]] = {
    8: (16, tuple(STRATEGIES)), 2: (8, (ALONE, BATCHING)), 1: (4, (ALONE, BATCHING))
}  # fmt: skip
#: One round of one strategy may take this long, seconds.
ROUND = 300.0


@dataclass(frozen=True)
class ModelUnderTest:
    """A model and its requests; ``possible`` is how many requests per second the machine's own limit allows."""

    name: str
    params: Params
    dialogues: Sequence[str]
    possible: float | None = None


@dataclass(frozen=True)
class ServerBar:
    """What the best of some strategies must reach, in times one at a time, of a model under a load.

    ``tried`` is what was tried in vain and what limits it, where it has been missed.
    """

    label: str
    model: str
    concurrency: int
    at_least: float
    tried: str = ""


BARS = (
    ServerBar("BART-large, eight at a time: the best strategy", "bart-large", 8, 1.2),
    ServerBar("BART-large, two at a time: batching", "bart-large", 2, 1.5),
    ServerBar("BART-large, one at a time: batching costs at most 5 %", "bart-large", 1, 0.95),
    ServerBar(
        "Demonstration model, eight at a time: the best strategy",
        "demo",
        8,
        2.0,
        tried=(
            "Batching, two workers and both were tried, as below. One request at a time already keeps both cores busy."
        ),
    ),
    ServerBar("Demonstration model, one at a time: batching costs at most 5 %", "demo", 1, 0.95),
)


def demo(limits: Machine) -> ModelUnderTest:
    """Return the demonstration model with its shortest dialogues."""
    params = load_params("demo", [f"model.engine={ENGINE}", f"model.dtype={DTYPE}"])
    return ModelUnderTest(
        "demo", params, sorted((s.dialogue for s in load_samples(params.samples)), key=len)[:SHORTEST]
    )


def bart_large(limits: Machine) -> ModelUnderTest:
    """Return BART-large's architecture with seeded weights, writing a fixed number of tokens."""
    architecture = Architecture()
    folder = seeded(architecture)
    fields = {"engine": ENGINE, "dtype": DTYPE, "id": str(folder), "context_tokens": architecture.positions}
    length = {"num_beams": BEAMS, "min_new_tokens": WRITTEN, "max_new_tokens": WRITTEN}
    overrides = [f"model.{key}={value}" for key, value in fields.items()]
    overrides += [f"generation.{key}={value}" for key, value in length.items()]
    most = max(LOADS)
    batch = Shape(tuple(READ[place % len(READ)] for place in range(most)), WRITTEN)
    seconds = shape_results(architecture, [batch], BEAMS, limits)[batch.name].limit
    dialogues = texts(folder, READ, architecture, is_seeded=True)
    return ModelUnderTest("bart-large", load_params("local", overrides), dialogues, most / seconds)


def measure(
    rounds: int,
    minutes: float,
    command: str,
    tell: Callable[[str], None],
    makers: Sequence[Callable[[Machine], ModelUnderTest]] = (bart_large, demo),
) -> Servers:
    """Bring up every strategy's server of each model and ask all in interleaved rounds.

    No round is begun after its model's share of ``minutes``. Raises `RunError` when a request fails.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    folder = runs_folder() / f"bench-servers-{started:%Y%m%dT%H%M%S}"
    tell("measuring memory and matrices")
    limits = roofline.measure_machine(roofline.threads())
    subjects = [maker(limits) for maker in makers]
    first = subjects[0].params
    manifest = describe(first, folder.name, command, started, **model_hashes(first))
    seconds = minutes * 60 / len(subjects)
    served = [_served(subject, rounds, seconds, folder / subject.name, tell) for subject in subjects]
    found = Servers(
        manifest=manifest.model_copy(update={"finished_at": datetime.now(UTC)}),
        engine=label(ENGINE, DTYPE),
        rounds_asked=rounds,
        seconds=time.monotonic() - began,
        machine=limits,
        models=tuple(served),
    )
    return found.model_copy(update={"bars": judge(found)})


def judge(found: Servers) -> tuple[Reached, ...]:
    """Return every bar with the nearest that was reached, and by which strategy."""
    return tuple(_reached(bar, found) for bar in BARS)


def _served(
    subject: ModelUnderTest, rounds: int, seconds: float, folder: Path, tell: Callable[[str], None]
) -> ServedModel:
    with ExitStack() as opened:
        servers = {}
        for name, serving in STRATEGIES.items():
            tell(f"{subject.name}: starting {name}")
            params = subject.params.model_copy(update={"serving": serving})
            servers[name] = bring_up(params, folder / name.replace(" ", "-"), opened)[1]
            _rate(servers[name], subject, Plan("closed", ROUND, concurrency=2, count=2), name)
        rates = _rounds(servers, subject, rounds, time.monotonic() + seconds, tell)
    loads = [
        ServerLoad(
            concurrency=concurrency,
            requests=requests,
            strategies=tuple(_strategy(name, rates[concurrency, name], rates[concurrency, ALONE]) for name in names),
        )
        for concurrency, (requests, names) in LOADS.items()
    ]
    return ServedModel(
        name=subject.name,
        possible=subject.possible,
        share=max(one.rate for one in loads[0].strategies) / subject.possible if subject.possible else None,
        loads=tuple(loads),
    )


def _rounds(
    servers: Mapping[str, EndpointBackend],
    subject: ModelUnderTest,
    rounds: int,
    deadline: float,
    tell: Callable[[str], None],
) -> dict[tuple[int, str], list[float]]:
    """Return the requests per second of every round, by load and strategy; the first round is always made."""
    rates: dict[tuple[int, str], list[float]] = {}
    for number in range(rounds):
        if number and time.monotonic() > deadline:
            break
        tell(f"{subject.name}: round {number + 1} of {rounds}")
        for concurrency, (requests, names) in LOADS.items():
            plan = Plan("closed", ROUND, concurrency=concurrency, count=requests, seed=number)
            for name in names:
                rates.setdefault((concurrency, name), []).append(_rate(servers[name], subject, plan, name))
    return rates


def _rate(backend: EndpointBackend, subject: ModelUnderTest, plan: Plan, name: str) -> float:
    """Return the requests per second of one run of load; raises `RunError` when a request of it fails."""
    outcomes = send(backend, subject.dialogues, subject.params.generation, plan)
    if outcomes.interrupted:
        raise KeyboardInterrupt
    found = outcomes.measured()
    answered = int(found.good.sum())
    if answered < (plan.count or 0):
        raise RunError(f"{subject.name}, {name}: {answered} of {plan.count} requests were answered; see its server.log")
    return answered / found.seconds


def _strategy(name: str, rates: Sequence[float], alone: Sequence[float]) -> ServingStrategy:
    ratios = [one / before for one, before in zip(rates, alone, strict=True)]
    return ServingStrategy(
        name=name, rates=tuple(rates), rate=median(rates), ratio=None if name == ALONE else median_of(ratios)
    )


def _reached(bar: ServerBar, found: Servers) -> Reached:
    fields = {"label": bar.label, "unit": "ratio", "at_least": bar.at_least, "source": SOURCE, "tried": bar.tried}
    loads = [load for one in found.models if one.name == bar.model for load in one.loads]
    strategies = [one for load in loads if load.concurrency == bar.concurrency for one in load.strategies]
    ratios = {one.name: one.ratio for one in strategies if one.ratio and one.ratio.value}
    if not ratios:
        return Reached(**fields, verdict="not measured")
    best, ratio = max(ratios.items(), key=lambda pair: pair[1].value or 0.0)
    ends = {"reached": ratio.value, "low": ratio.low, "high": ratio.high}
    return Reached(**fields, **ends, engine=best, verdict=verdict([ratio], bar.at_least, is_most=True))
