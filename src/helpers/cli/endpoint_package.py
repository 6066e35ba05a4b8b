"""``helpers endpoint package``: a model repository ready to upload, with the figures of a run in its card."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.cli.arguments import add_overrides
from helpers.core.console import say, shown
from helpers.core.errors import InputError
from helpers.params.files import load_params
from helpers.runs.directory import attach
from helpers.runs.run import Run
from helpers.serving.packaging import NEEDED, push, write
from helpers.verdicts.compute import judgement, recommendation
from helpers.verdicts.gate import verdict_lines

#: An engine that is none: what page 04 of a run recommends.
RECOMMENDED = "recommended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers endpoint package``."""
    parser.add_argument("--params", default="endpoint", metavar="PARAMS", help="task, context, generation and prompt")
    add_overrides(parser)
    parser.add_argument("--model", metavar="DIR|HUB_ID", help="the weights (default: model.id of PARAMS)")
    parser.add_argument(
        "--engine", choices=(*NEEDED, RECOMMENDED),
        help="what computes (default: model.engine of PARAMS); recommended: engine and type that page 04 of RUN does",
    )  # fmt: skip
    parser.add_argument("--dtype", help="the type of its weights, such as int8 (default: model.dtype of PARAMS)")
    parser.add_argument("--run", type=Path, metavar="RUN", help="a finished run, whose figures go into the model card")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--push", metavar="REPO", help="also upload it to this Hub repository, private if it is new")


def run(args: argparse.Namespace) -> int:
    """Write the repository, and upload it when asked; returns 0."""
    given = {"id": args.model, "engine": args.engine, "dtype": args.dtype}
    measured = attach(args.run.resolve()) if args.run else None
    if args.engine == RECOMMENDED:
        asked = load_params(args.params, [*args.overrides, *([f"model.id={args.model}"] if args.model else [])])
        given |= _recommended(measured, asked.model.id, args.dtype)
    chosen = [f"model.{name}={value}" for name, value in given.items() if value]
    params = load_params(args.params, [*args.overrides, *chosen])
    write(params, args.out, _figures(measured) if measured else ())
    say(f"package: {shown(args.out)} is ready to upload")
    if args.push:
        push(args.out, args.push)
    return 0


def _recommended(measured: Run | None, model: str, dtype: str | None) -> dict[str, str]:
    """Return engine and type that page 04 of a run recommends for a model, and say where that was measured."""
    if measured is None or dtype:
        raise InputError(
            f"--engine {RECOMMENDED}: takes engine and type from page 04 of a run; give --run, and no --dtype"
        )
    found, choice = measured.results().quantization, recommendation(measured)
    best = next((one for one in found.variants if one.name == choice.recommended), None) if found and choice else None
    if found is None or choice is None or best is None or choice.why == "not measured":
        raise InputError(
            f"--engine {RECOMMENDED}: page 04 of {measured.manifest.run} recommends nothing; run it "
            f"(python -m helpers report PARAMS --only 04), or name an engine: {', '.join(NEEDED)}"
        )
    if found.model != model:
        raise InputError(
            f"--engine {RECOMMENDED}: page 04 of {measured.manifest.run} compared engines for {found.model}, not for "
            f"{model}; give --params or --model of that run, or name an engine: {', '.join(NEEDED)}"
        )
    say(f"package: {best.name}, as page 04 of {measured.manifest.run} recommends; measured on {found.processor}")
    return {"engine": best.engine, "dtype": best.dtype}


def _figures(measured: Run) -> list[str]:
    """Return the verdict table of a run as Markdown, with what produced it."""
    manifest = measured.manifest
    return [
        *verdict_lines(judgement(measured)),
        "",
        f"From run `{manifest.run}` (backend {manifest.backend}, {manifest.processor}, {manifest.cores} cores, "
        f"commit {(manifest.commit or 'unknown')[:12]}); it is made again by `{manifest.command}`.",
    ]
