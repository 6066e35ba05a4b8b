"""``helpers bench``: time every engine on BART-large, beside transformers fp32 and the machine's own limit."""

from __future__ import annotations

import argparse
import shlex
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.bench import machine
from helpers.bench.assembly import engine_results, shape_results
from helpers.bench.bars import judge
from helpers.bench.model import Architecture, read_architecture, seeded, texts
from helpers.bench.result import Bench
from helpers.bench.rounds import Asking, ask_all, serve_all
from helpers.bench.work import Shape
from helpers.core.console import say, shown
from helpers.core.errors import InputError, did_you_mean
from helpers.core.paths import REPORTS, runs_folder
from helpers.engines import model_cache
from helpers.engines.variant_server import why_not
from helpers.params import Endpoint, Generation, Model, Params, Variant
from helpers.params.files import load_params
from helpers.params.models import OFFERED
from helpers.runs.manifest import describe, public_name
from helpers.runs.request_log import RequestLog

INPUTS, OUTPUTS, BATCH, BEAMS = (60, 200, 800), (32, 60, 128), 8, 4
#: Six rounds bound a median from both sides.
ROUNDS, LIMIT = 6, 90.0
#: A batch at fp32 may take minutes on a slow machine.
PATIENCE = 3600.0


@dataclass(frozen=True)
class Plan:
    """What is measured: a model folder (seeded weights without one), variants by name, kinds of requests, rounds, and
    for how many minutes at most."""

    shapes: tuple[Shape, ...]
    variants: tuple[Variant, ...] = OFFERED
    model: Path | None = None
    rounds: int = ROUNDS
    limit: float = LIMIT
    command: str = "python -m helpers bench"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers bench``."""
    parser.description = (
        "Time every engine on BART-large (406 M) with seeded random weights, which needs no download: architecture "
        "timings that say nothing of quality. Each engine is a process of its own, all are asked in turn. Ctrl-C keeps "
        "what was measured."
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="a BART's own weights instead of random ones")
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME",
        help=f"only this one beside the reference: {', '.join(_names())}",
    )  # fmt: skip
    parser.add_argument(
        "--shape", action="append", default=[], metavar="INxOUT",
        help="tokens read and written, as in 200x60 (default: 60, 200 and 800 by 32, 60 and 128)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=int, default=BATCH, metavar="N",
        help="texts of mixed lengths in one request, the shortest output each; 1: none (default: 8)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of everything (default: {ROUNDS})")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, metavar="MINUTES", help=f"of measuring (default: {LIMIT:g})"
    )
    parser.add_argument(
        "--servers", action="store_true",
        help="instead of engines: what batching and workers buy (servers.html); when interrupted, nothing is written",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=REPORTS / "bench", metavar="DIR", help="(default: reports/bench)")


def run(args: argparse.Namespace) -> int:
    """Measure, write a JSON and its page; return 0, 1 when nothing was measured, 130 when interrupted."""
    from helpers.publish import check_writable
    from helpers.views import bench as view

    plan = read_plan(args)
    check_writable(args.out)
    if args.servers:
        from helpers.bench import servers
        from helpers.views import bench_servers

        bench_servers.write(servers.measure(plan.rounds, plan.limit, plan.command, say), args.out)
        say(f"published {shown(args.out / bench_servers.PAGE)}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end keeps what was measured, too
    found = measure(plan)
    view.write(found, args.out)
    say(f"published {shown(args.out / 'index.html')}{f': {found.stopped}' if found.stopped else ''}")
    if "interrupted" in found.stopped:
        return 130
    return 0 if any(cell.times for engine in found.engines for cell in engine.cells.values()) else 1


def read_plan(args: argparse.Namespace) -> Plan:
    """Return what the arguments ask for; raises `InputError` naming every one that cannot be used."""
    problems = [f"--rounds {args.rounds}: give 1 or more"] if args.rounds < 1 else []
    problems += [f"--limit {args.limit:g}: give minutes above 0"] if not 0 < args.limit < 1e6 else []
    if args.servers and (args.engine or args.shape or args.model or args.batch != BATCH):
        problems.append(
            "--servers: is of one engine and its own requests; leave out --engine, --shape, --batch, --model"
        )
    problems += [f"--batch {args.batch}: give 1 to 64 texts"] if not 1 <= args.batch <= 64 else []
    unknown = [name for name in args.engine if name not in _names()]
    problems += [f"--engine {name}: unknown{did_you_mean(name, _names())}" for name in unknown]
    singles = []
    for text in args.shape:
        numbers = text.split("x")
        if len(numbers) == 2 and all(number.isdecimal() and 2 < int(number) <= 1024 for number in numbers):
            singles.append(Shape((int(numbers[0]),), int(numbers[1])))
        else:
            problems.append(f"--shape {text}: give tokens in and out, 3 to 1024 each, as in 200x60")
    if problems:
        raise InputError(problems)
    chosen = dict.fromkeys(["transformers-float32", *(args.engine or _names())])
    return Plan(
        shapes=with_batch(singles or [Shape((n,), out) for out in OUTPUTS for n in INPUTS], args.batch),
        variants=tuple(variant for name, variant in _names().items() if name in chosen),
        model=args.model,
        rounds=args.rounds,
        limit=args.limit,
        command=_command(args),
    )


def with_batch(singles: Sequence[Shape], batch: int) -> tuple[Shape, ...]:
    """Return kinds of requests, smallest first, and a batch of their lengths in turn with the shortest output."""
    ranked = tuple(sorted(dict.fromkeys(singles), key=lambda shape: (shape.output, shape.inputs)))
    lengths = sorted({shape.inputs[0] for shape in ranked})
    if batch == 1:
        return ranked
    mixed = Shape(tuple(lengths[i % len(lengths)] for i in range(batch)), ranked[0].output)
    return (*ranked, mixed)


def measure(plan: Plan, architecture: Architecture | None = None) -> Bench:
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
    limits = machine.measure(threads)
    shapes = shape_results(architecture, plan.shapes, BEAMS, limits)
    with ExitStack() as opened:
        variants = {variant.name: variant for variant in plan.variants}
        reasons = {name: why_not(variant, "cpu") for name, variant in variants.items()}
        subjects = serve_all(params, variants, reasons, folder, opened, say)
        asking = Asking(
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


def _names() -> dict[str, Variant]:
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
    model = Model(id=str(source.resolve()), context_tokens=architecture.positions, threads=machine.threads())
    patient = Endpoint(read_timeout=PATIENCE, total_timeout=PATIENCE)
    told = {"model": model, "endpoint": patient, "generation": Generation(num_beams=BEAMS), "title": "Bench"}
    return load_params("local").model_copy(update=told)


def _command(args: argparse.Namespace) -> str:
    """Return the command that does the same, without a path of this machine."""
    given = ["--servers"] if args.servers else []
    given += [part for name in args.engine for part in ("--engine", name)]
    given += [part for shape in args.shape for part in ("--shape", shape)]
    given += ["--model", public_name(str(args.model))] if args.model else []
    pairs = [("--batch", args.batch, BATCH), ("--rounds", args.rounds, ROUNDS), ("--limit", args.limit, LIMIT)]
    given += [part for flag, value, usual in pairs if value != usual for part in (flag, f"{value:g}")]
    return shlex.join(["python", "-m", "helpers", "bench", *given])
