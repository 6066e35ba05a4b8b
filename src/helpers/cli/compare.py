"""``helpers compare RUN_A RUN_B``: what changed between two runs, and whether the change is more than chance."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.cli.arguments import add_comment, write_text
from helpers.core.console import tell
from helpers.core.errors import InputError
from helpers.runs.directory import attach
from helpers.verdicts.changes import as_text, compare, side


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers compare``."""
    parser.add_argument("run_a", type=Path, metavar="RUN_A")
    parser.add_argument("run_b", type=Path, metavar="RUN_B")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the comparison as JSON")
    add_comment(parser)


def run(args: argparse.Namespace) -> int:
    """Print what changed; raises `RunError` when one of the directories holds no run."""
    if args.pages_url and not args.comment:
        raise InputError("--pages-url is for a comment: give --comment FILE too")
    a, b = attach(args.run_a.resolve()), attach(args.run_b.resolve())
    found = compare(side(a), side(b), a.params.measure.resampling_seed)
    if args.json:
        write_text("--json", args.json, found.model_dump_json(indent=1) + "\n")
    if args.comment:
        from helpers.report.comment import comment, place_of  # takes a second to import

        text = comment(b, baseline=side(a), place=place_of(args.pages_url))
        write_text("--comment", args.comment, text)
    tell(as_text(found))
    return 0
