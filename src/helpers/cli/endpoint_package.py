"""``helpers endpoint package``: a model repository ready to upload, with the figures of a run in its card."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.cli.arguments import add_overrides
from helpers.core.console import say, shown
from helpers.params.files import load_params
from helpers.runs.directory import attach
from helpers.runs.run import Run
from helpers.serving.packaging import NEEDED, push, write
from helpers.verdicts.compute import judgement
from helpers.verdicts.gate import verdict_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers endpoint package``."""
    parser.add_argument("--params", default="endpoint", metavar="PARAMS", help="task, context, generation and prompt")
    add_overrides(parser)
    parser.add_argument("--model", metavar="DIR|HUB_ID", help="the weights (default: model.id of PARAMS)")
    parser.add_argument("--engine", choices=tuple(NEEDED), help="what computes (default: model.engine of PARAMS)")
    parser.add_argument("--dtype", help="the type of its weights, such as int8 (default: model.dtype of PARAMS)")
    parser.add_argument("--run", type=Path, metavar="RUN", help="a finished run, whose figures go into the model card")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--push", metavar="REPO", help="also upload it to this Hub repository, private if it is new")


def run(args: argparse.Namespace) -> int:
    """Write the repository, and upload it when asked; returns 0."""
    given = {"id": args.model, "engine": args.engine, "dtype": args.dtype}
    chosen = [f"model.{name}={value}" for name, value in given.items() if value]
    params = load_params(args.params, [*args.overrides, *chosen])
    write(params, args.out, _figures(attach(args.run.resolve())) if args.run else ())
    say(f"package: {shown(args.out)} is ready to upload")
    if args.push:
        push(args.out, args.push)
    return 0


def _figures(measured: Run) -> list[str]:
    """Return the verdict table of a run as Markdown, with what produced it."""
    manifest = measured.manifest
    return [
        *verdict_lines(judgement(measured)),
        "",
        f"From run `{manifest.run}` (backend {manifest.backend}, {manifest.processor}, {manifest.cores} cores, "
        f"commit {(manifest.commit or 'unknown')[:12]}); it is made again by `{manifest.command}`.",
    ]
