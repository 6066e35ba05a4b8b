"""Every engine on BART-large, in interleaved rounds, beside the machine's own limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.core.console import say
from helpers.core.errors import InputError
from helpers.core.paths import runs_folder
from helpers.engines import model_cache
from helpers.engines.variant_server import why_not
from helpers.experiments.bench import roofline
from helpers.experiments.bench.assembly import engine_results, shape_results
from helpers.experiments.bench.bars import judge
from helpers.experiments.bench.model import Architecture, read_architecture, seeded, texts
from helpers.experiments.bench.result import Bench
from helpers.experiments.bench.roofline import Shape
from helpers.experiments.bench.rounds import BenchRequests, ask_all, serve_all
from helpers.params import Endpoint, Generation, Model, Params, Variant
from helpers.params.files import load_params
from helpers.runs.manifest import describe, public_name
from helpers.runs.request_log import RequestLog

#: Every engine and type that the bench compares, the reference first.
OFFERED = (
    Variant(engine="transformers", dtype="float32"),
    Variant(engine="transformers", dtype="bfloat16"),
    Variant(engine="transformers", dtype="int8"),
    Variant(engine="ctranslate2", dtype="float32"),
    Variant(engine="ctranslate2", dtype="int8"),
    Variant(engine="openvino", dtype="int8"),
    Variant(engine="openvino", dtype="float16"),
    Variant(engine="openvino", dtype="float32"),
    Variant(engine="openvino", dtype="bfloat16"),
    Variant(engine="openvino", dtype="int4"),
)
INPUTS, OUTPUTS, BATCH, BEAMS = (60, 200, 800), (32, 60, 128), 8, 4
#: Six rounds bound a median from both sides.
ROUNDS, LIMIT = 6, 90.0
#: A batch at fp32 may take minutes on a slow machine.
PATIENCE = 3600.0


@dataclass(frozen=True)
class BenchPlan:
    """What is measured: a model folder (seeded weights without one), variants by name, kinds of requests, rounds, and
    for how many minutes at most."""

    shapes: tuple[Shape, ...]
    variants: tuple[Variant, ...] = OFFERED
    model: Path | None = None
    rounds: int = ROUNDS
    limit: float = LIMIT
    command: str = "python -m helpers bench"


def with_batch(singles: Sequence[Shape], batch: int) -> tuple[Shape, ...]:
    """Return kinds of requests, smallest first, and a batch of their lengths in turn with the shortest output."""
    ranked = tuple(sorted(dict.fromkeys(singles), key=lambda shape: (shape.output, shape.inputs)))
    lengths = sorted({shape.inputs[0] for shape in ranked})
    if batch == 1:
        return ranked
    mixed = Shape(tuple(lengths[i % len(lengths)] for i in range(batch)), ranked[0].output)
    return (*ranked, mixed)


def measure(plan: BenchPlan, architecture: Architecture | None = None) -> Bench:
    """Measure the machine, then every engine in interleaved rounds.

    Without a model in the plan its weights are seeded ones of ``architecture``, BART-large by default. Raises
    `InputError` for a model whose operations cannot be counted, or that has too few positions.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    architecture = read_architecture(plan.model) if plan.model else architecture or Architecture()
    _check_positions(plan.shapes, architecture)
    if plan.model is None:
        say(f"{architecture.name} with seeded random weights (built once)")
    source = plan.model or seeded(architecture)
    lengths = sorted({n for shape in plan.shapes for n in shape.inputs})
    read = dict(zip(lengths, texts(source, lengths, architecture, is_seeded=plan.model is None), strict=True))
    params = _params(source, architecture)
    threads = params.model.threads or 1
    folder = runs_folder() / f"bench-{started:%Y%m%dT%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = describe(params, folder.name, plan.command, started, weights_sha256=model_cache.weights_sha256(source))
    say(f"measuring memory and matrices with {threads} threads")
    limits = roofline.measure_machine(threads)
    shapes = shape_results(architecture, plan.shapes, BEAMS, limits)
    with ExitStack() as opened:
        variants = {variant.name: variant for variant in plan.variants}
        reasons = {name: why_not(variant, "cpu") for name, variant in variants.items()}
        subjects = serve_all(params, variants, reasons, folder, opened, say)
        asking = BenchRequests(
            plan.shapes, read, BEAMS, plan.rounds, deadline=time.monotonic() + plan.limit * 60,
            exact=plan.model is None, floor={name: shape.limit for name, shape in shapes.items()},
        )  # fmt: skip
        stopped = ask_all(subjects, asking, RequestLog(folder / "requests.jsonl"), say)
    found = Bench(
        manifest=manifest.model_copy(update={"finished_at": datetime.now(UTC)}),
        model=public_name(str(source.resolve())) if plan.model else architecture.name,
        is_seeded=plan.model is None,
        architecture={name: value for name, value in asdict(architecture).items() if name != "name"},
        beams=BEAMS,
        rounds_asked=plan.rounds,
        seconds=time.monotonic() - began,
        stopped=stopped,
        machine=limits,
        shapes=shapes,
        engines=engine_results(subjects, shapes),
    )
    return found.model_copy(update={"bars": judge(found)})


def variants_by_name() -> dict[str, Variant]:
    """Return the variants that are offered, by the name that the command line has for them."""
    return {variant.name.replace(" ", "-"): variant for variant in OFFERED}


def _check_positions(shapes: Sequence[Shape], architecture: Architecture) -> None:
    """Raise `InputError` for a kind of request that is longer than the model."""
    most = architecture.positions
    # A decoder has a position for its start token beside those it writes.
    long = [shape.name for shape in shapes if max(shape.inputs) > most or shape.output >= most]
    if long:
        raise InputError(f"--shape {', '.join(long)}: longer than the {most} positions of {architecture.name}")


def _params(source: Path, architecture: Architecture) -> Params:
    """Return what every server is told, but for engine and type."""
    model = Model(id=str(source.resolve()), context_tokens=architecture.positions, threads=roofline.threads())
    patient = Endpoint(read_timeout=PATIENCE, total_timeout=PATIENCE)
    fields = {"model": model, "endpoint": patient, "generation": Generation(num_beams=BEAMS), "title": "Bench"}
    return load_params("local").model_copy(update=fields)
