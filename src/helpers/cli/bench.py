"""``helpers bench``: time every engine on BART-large, beside transformers fp32 and the machine's own limit."""

from __future__ import annotations

import argparse
import shlex
import signal
from pathlib import Path

from helpers.core.console import say, shown
from helpers.core.errors import InputError, did_you_mean
from helpers.core.paths import REPORTS
from helpers.core.published import check
from helpers.experiments.bench import neighbours, servers
from helpers.experiments.bench.engines import (
    BATCH,
    INPUTS,
    LIMIT,
    OUTPUTS,
    ROUNDS,
    BenchPlan,
    measure,
    variants_by_name,
    with_batch,
)
from helpers.experiments.bench.roofline import Shape
from helpers.runs.manifest import public_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers bench``."""
    parser.description = (
        "Time every engine on BART-large (406 M) with seeded random weights, which needs no download: architecture "
        "timings that say nothing of quality. Each engine is a process of its own; requests are interleaved. Ctrl-C "
        "keeps what was measured."
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="a BART's own weights instead of random ones")
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME",
        help=f"only this one beside the reference: {', '.join(variants_by_name())}",
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
    parser.add_argument(
        "--neighbours", action="store_true",
        help="instead: what an engine keeps of its fair share beside busy ones (neighbours.html)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=REPORTS / "bench", metavar="DIR", help="(default: reports/bench)")


def run(args: argparse.Namespace) -> int:
    """Measure, write a JSON and its page; return 0, 1 when nothing was measured, 130 when interrupted."""
    # Pages take a second to import, which ``--help`` and a wrong argument do without.
    from helpers.report.views import bench as view
    from helpers.report.views import bench_neighbours, bench_servers

    plan = read_plan(args)
    page = bench_servers if args.servers else bench_neighbours if args.neighbours else view
    check(args.out, page.FILES, page.MAKER)
    if args.servers:
        bench_servers.write(servers.measure(plan.rounds, plan.limit, plan.command, say), args.out)
    elif args.neighbours:
        bench_neighbours.write(neighbours.measure(plan.rounds, plan.limit, plan.command, say), args.out)
    if page is not view:
        say(f"published {shown(args.out / page.PAGE)}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end keeps what was measured, too
    found = measure(plan)
    view.write(found, args.out)
    say(f"published {shown(args.out / 'index.html')}{f': {found.stopped}' if found.stopped else ''}")
    if "interrupted" in found.stopped:
        return 130
    return 0 if any(cell.times for engine in found.engines for cell in engine.cells.values()) else 1


def read_plan(args: argparse.Namespace) -> BenchPlan:
    """Return what the arguments ask for; raises `InputError` naming every one that cannot be used."""
    problems = [f"--rounds {args.rounds}: give 1 or more"] if args.rounds < 1 else []
    problems += [f"--limit {args.limit:g}: give minutes above 0"] if not 0 < args.limit < 1e6 else []
    other = "--servers" if args.servers else "--neighbours" if args.neighbours else ""
    if other and (args.engine or args.shape or args.model or args.batch != BATCH):
        problems.append(f"{other}: has engines and requests of its own; leave out --engine, --shape, --batch, --model")
    if args.servers and args.neighbours:
        problems.append("--servers, --neighbours: one at a time")
    problems += [f"--batch {args.batch}: give 1 to 64 texts"] if not 1 <= args.batch <= 64 else []
    unknown = [name for name in args.engine if name not in variants_by_name()]
    problems += [f"--engine {name}: unknown{did_you_mean(name, variants_by_name())}" for name in unknown]
    singles = []
    for text in args.shape:
        numbers = text.split("x")
        if len(numbers) == 2 and all(number.isdecimal() and 2 < int(number) <= 1024 for number in numbers):
            singles.append(Shape((int(numbers[0]),), int(numbers[1])))
        else:
            problems.append(f"--shape {text}: give tokens in and out, 3 to 1024 each, as in 200x60")
    if problems:
        raise InputError(problems)
    chosen = dict.fromkeys(["transformers-float32", *(args.engine or variants_by_name())])
    return BenchPlan(
        shapes=with_batch(singles or [Shape((n,), out) for out in OUTPUTS for n in INPUTS], args.batch),
        variants=tuple(variant for name, variant in variants_by_name().items() if name in chosen),
        model=args.model,
        rounds=args.rounds,
        limit=args.limit,
        command=_command(args),
    )


def _command(args: argparse.Namespace) -> str:
    """Return the command that does the same, without a path of this machine."""
    given = [flag for flag, is_given in (("--servers", args.servers), ("--neighbours", args.neighbours)) if is_given]
    given += [part for name in args.engine for part in ("--engine", name)]
    given += [part for shape in args.shape for part in ("--shape", shape)]
    given += ["--model", public_name(str(args.model))] if args.model else []
    pairs = [("--batch", args.batch, BATCH), ("--rounds", args.rounds, ROUNDS), ("--limit", args.limit, LIMIT)]
    given += [part for flag, value, usual in pairs if value != usual for part in (flag, f"{value:g}")]
    return shlex.join(["python", "-m", "helpers", "bench", *given])
