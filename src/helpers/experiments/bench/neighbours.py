"""What a model keeps of its fair share beside busy neighbours: other models at work on the same cores."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from helpers.backends.endpoint import EndpointBackend
from helpers.core.environment import variables
from helpers.core.errors import Failure, RequestError, RunError
from helpers.core.paths import runs_folder
from helpers.engines.model_files import model_hashes
from helpers.engines.served import bring_up
from helpers.experiments.bench.assembly import label, median_of
from helpers.experiments.bench.bars import SOURCE, verdict
from helpers.experiments.bench.result import BesideOthers, Neighbours, Reached
from helpers.params import Params
from helpers.params.files import load_params
from helpers.runs.manifest import describe
from helpers.samples.dataset import load_samples
from helpers.stats.intervals import Estimate

ENGINES = (("transformers", "float32"), ("ctranslate2", "int8"), ("openvino", "float16"))
#: How many others are at work.
BUSY = (1, 2)
#: Requests of one figure at the least, and for how many seconds they go on at the least: a second alone does not tell
#: a rate to some per cent. How many tokens each may write: the figure is a rate, not an answer.
REQUESTS, SECONDS, WRITTEN = 3, 4.0, 24
#: The environment of a server whose waiting threads spin as long as the libraries have them by default.
SPINNING = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
#: Of its fair share beside others, and of its rate alone with threads that spin.
SHARE, COST = 0.4, 0.97
#: What was tried in vain and what limits it, of an engine that misses a bar.
TRIED = {
    "CTranslate2 int8": (
        "On two cores of a Xeon with AVX-512 its waiting threads sleep after 1,500 rounds, and two of them wait behind "
        "every matrix. After 2,500 rounds it lost 3 % alone, but kept 36 % of its share beside one busy neighbour; "
        "after 4,000 nothing, and 26 %. On two cores of an EPYC they sleep after 900; after 700 it kept 52 % and lost "
        "4 %."
    )
}


def measure(rounds: int, minutes: float, command: str, tell: Callable[[str], None]) -> Neighbours:
    """Ask a server of each engine alone, and beside one and two busy ones, in interleaved rounds.

    No round is begun after an engine's share of ``minutes``. Raises `RunError` when a request fails.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    folder = runs_folder() / f"bench-neighbours-{started:%Y%m%dT%H%M%S}"
    subjects = {(engine, dtype): _params(engine, dtype) for engine, dtype in ENGINES}
    first = next(iter(subjects.values()))
    manifest = describe(first, folder.name, command, started, **model_hashes(first))
    measured = []
    for (engine, dtype), params in subjects.items():
        deadline = time.monotonic() + minutes * 60 / len(subjects)
        measured.append(_measured(label(engine, dtype), params, rounds, deadline, folder / f"{engine}-{dtype}", tell))
    found = Neighbours(
        manifest=manifest.model_copy(update={"finished_at": datetime.now(UTC)}),
        rounds_asked=rounds,
        requests=REQUESTS,
        least_seconds=SECONDS,
        tokens=WRITTEN,
        seconds=time.monotonic() - began,
        engines=tuple(measured),
    )
    return found.model_copy(update={"bars": judge(found)})


def judge(found: Neighbours) -> tuple[Reached, ...]:
    """Return what each engine must keep beside others and alone, and what it keeps."""
    bars = []
    for one in found.engines:
        for name, share in one.shares.items():
            about = f"{one.name}: share kept beside {name} busy"
            bars.append(_reached(about, SHARE, share, one.name, "rate"))
        about = f"{one.name}: speed alone, relative to threads that spin"
        bars.append(_reached(about, COST, one.cost, one.name, "ratio"))
    return tuple(bars)


def _reached(label: str, at_least: float, found: Estimate, engine: str, unit: str) -> Reached:
    tried = TRIED.get(engine, "")
    fields = {"label": label, "unit": unit, "at_least": at_least, "source": SOURCE, "tried": tried}
    if found.value is None:
        return Reached(**fields, verdict="not measured")
    ends = {"reached": found.value, "low": found.low, "high": found.high}
    return Reached(**fields, **ends, engine=engine, verdict=verdict([found], at_least, is_most=True))


def _params(engine: str, dtype: str) -> Params:
    return load_params(
        "demo", [f"model.engine={engine}", f"model.dtype={dtype}", f"generation.max_new_tokens={WRITTEN}"]
    )


def _measured(
    name: str, params: Params, rounds: int, deadline: float, folder: Path, tell: Callable[[str], None]
) -> BesideOthers:
    """Return the rates of one engine, round by round; the first round is always made."""
    dialogue = min((sample.dialogue for sample in load_samples(params.samples)), key=len)
    alone, spinning = [], []
    beside: dict[int, list[float]] = {n: [] for n in BUSY}
    with ExitStack() as opened:
        tell(f"{name}: starting {max(BUSY) + 2} servers")
        subject, *others = (bring_up(params, folder / str(n), opened)[1] for n in range(max(BUSY) + 1))
        with variables(SPINNING):
            spinner = bring_up(params, folder / "spinning", opened)[1]
        for backend in (subject, spinner, *others):
            _rate(backend, params, dialogue, name)
        for number in range(rounds):
            if number and time.monotonic() > deadline:
                break
            tell(f"{name}: round {number + 1} of {rounds}")
            alone.append(_rate(subject, params, dialogue, name))
            spinning.append(_rate(spinner, params, dialogue, name))
            for n in BUSY:
                with _at_work(others[:n], params, dialogue):
                    beside[n].append(_rate(subject, params, dialogue, name))
    return BesideOthers(
        name=name,
        alone=tuple(alone),
        spinning=tuple(spinning),
        beside={str(n): tuple(rates) for n, rates in beside.items()},
        shares={str(n): median_of(_ratios(rates, alone, n + 1)) for n, rates in beside.items()},
        cost=median_of(_ratios(alone, spinning)),
    )


def _ratios(rates: Sequence[float], reference: Sequence[float], times: int = 1) -> list[float]:
    return [times * one / other for one, other in zip(rates, reference, strict=True)]


def _rate(backend: EndpointBackend, params: Params, dialogue: str, name: str) -> float:
    """Return the requests per second with one sent after the other; raises `RunError` when one fails."""
    began, done = time.perf_counter(), 0
    while done < REQUESTS or time.perf_counter() - began < SECONDS:
        try:
            backend.summarise([dialogue], params.generation)
        except RequestError as error:
            raise RunError(f"{name}: a request failed ({error}); see its server.log") from None
        done += 1
    return done / (time.perf_counter() - began)


@contextmanager
def _at_work(backends: Sequence[EndpointBackend], params: Params, dialogue: str) -> Iterator[None]:
    """Keep servers busy with one request after the other; raises `RunError` when one of them has gone idle."""
    ended, begun = threading.Event(), threading.Barrier(len(backends) + 1)
    failed: list[RequestError] = []

    def ask(backend: EndpointBackend) -> None:
        begun.wait()
        while not ended.is_set():
            try:
                backend.summarise([dialogue], params.generation)
            except RequestError as error:
                if error.kind is not Failure.TIMEOUT:  # then its server is at work all the same
                    failed.append(error)
                    return

    threads = [threading.Thread(target=ask, args=(backend,), name="neighbour", daemon=True) for backend in backends]
    for thread in threads:
        thread.start()
    begun.wait()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if failed:
        raise RunError(f"a neighbour was not at work: its request failed ({failed[0]}); see its server.log")
