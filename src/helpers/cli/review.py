"""``helpers review``: write the file in which readers judge summaries, and bring back what they say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from helpers.cli.arguments import write_text
from helpers.core.errors import InputError
from helpers.core.paths import runs_folder
from helpers.core.text import spell
from helpers.report.review_page import review_page
from helpers.runs.directory import attach
from helpers.runs.review_summary import ReviewSummary, summarise_review
from helpers.runs.reviews import (
    MOST,
    Reader,
    find_review,
    keep_review,
    make_review,
    open_ratings,
    read_ratings,
    taken_in,
    write_ratings,
)
from helpers.runs.run import Run
from helpers.stats.intervals import Estimate

#: What reading and judging a summary takes, in seconds; of one in short dialogues.
PACE = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers review``."""
    parser.usage = "helpers review RUN [RUN_B] [options]\n       helpers review import FILE… [options]"
    parser.epilog = """\
One HTML file comes out. Open it in a browser, rate, press "Save ratings", and bring the saved file back; several
readers may each have a copy. With two runs the sides are exchanged by chance and sealed: which is whose stays here.
A run or its name in runs/ will do. Names that readers enter are not taken over: they become reader 1, reader 2 …
Exit 2 when a file is foreign, tampered, doubled or has no finished rating; the others are brought in all the same."""
    parser.add_argument("what", nargs="+", metavar="RUN|import FILE", help="a run or two, or 'import' and saved files")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: review-ID.html)")
    parser.add_argument("-n", type=int, metavar="N", help=f"this many dialogues (default: all, to {MOST})")
    parser.add_argument("--seed", type=int, default=0, help="of the order and of the sides (default: 0)")
    parser.add_argument("--language-model", action="store_true", help="import: a language model read; stamped so")
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="import: the run of the review, where it lies elsewhere"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="import: write what the readers say here")


def run(args: argparse.Namespace) -> int:
    """Write a review or bring ratings back; return 0, or 2 when a file could not be brought back."""
    _check_options(args)
    if args.what[0] == "import":
        return _import([Path(name) for name in args.what[1:]], args)
    if len(args.what) > 2:
        raise InputError("review: give one run or two")
    if args.n is not None and args.n < 1:
        raise InputError(f"-n {args.n}: give 1 or more")
    runs = [_run(name) for name in args.what]
    review = make_review(runs, seed=args.seed, n=args.n)
    out = args.out or Path(f"review-{review.id}.html")
    write_text("--out", out, review_page(review))
    for one in runs:
        keep_review(one, review)
    minutes = max(1, round(len(review.put) * len(runs) * PACE / 60))
    print(f"{out}: {len(review.put)} dialogues, about {minutes} minutes of reading")
    print(f"open it in a browser; then: python -m helpers review import ratings-{review.id}-….json")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Raise `InputError` for an option that what is asked for would ignore."""
    importing = args.what[0] == "import"
    others = {"--out": args.out, "-n": args.n, "--seed": args.seed} if importing else {
        "--language-model": args.language_model, "--run": args.run, "--json": args.json
    }  # fmt: skip
    if given := [name for name, value in others.items() if value]:
        what = "writing a review: leave 'import' away" if importing else "'review import'"
        raise InputError(f"{', '.join(given)}: for {what}")


def _run(name: str) -> Run:
    path = Path(name)
    return attach((path if path.is_dir() else runs_folder() / name).resolve())


def _import(files: list[Path], args: argparse.Namespace) -> int:
    if not files:
        raise InputError("review import: give one file or more that a review page saved")
    made_by: Reader = "language model" if args.language_model else "person"
    refused = False
    touched: list[Path] = []
    for path in files:
        try:
            directory = _bring(path, args.run, made_by)
            touched += [] if directory in touched else [directory]
        except InputError as error:
            refused = True
            print(error, file=sys.stderr)
    for directory in touched:
        ratings = read_ratings(directory)
        summary = summarise_review(ratings.readings, ratings.preferences)
        print("\n".join(["", directory.name, *as_text(summary)]))
        if args.json:
            write_text("--json", args.json, summary.model_dump_json(indent=1) + "\n")
    return 2 if refused else 0


def _bring(path: Path, where: Path | None, made_by: Reader) -> Path:
    """Take one file in and return the directory of its run; the second run of a pair gets its readings too."""
    file = open_ratings(path)
    found = find_review(where.resolve().parent if where else runs_folder(), file.review)
    if found is None:
        raise InputError(f"{path.name}: foreign: no run here has a review {file.review}; name its run with --run")
    directory, review = found
    directory = next((one for one in (directory.parent / review.runs[0],) if one.is_dir()), directory)
    ratings, said = taken_in(read_ratings(directory), file, review, path.name, made_by)
    write_ratings(directory, ratings)
    print(said)
    other = directory.parent / review.runs[-1]
    if len(review.runs) > 1 and other.is_dir() and other != directory:
        write_ratings(other, taken_in(read_ratings(other), file, review, path.name, made_by, run=1)[0])
    return directory


def as_text(summary: ReviewSummary) -> list[str]:
    """Return what readers say, as lines for a terminal."""
    by = " and ".join(f"a {one}" for one in summary.made_by)
    lines = [
        f"{summary.dialogues} dialogues, read by {by}",
        *(_line(name, one) for name, one in summary.shares.items()),
    ]
    if summary.wins:
        lines.append(_line(f"preferred to {summary.against}", summary.wins))
    if summary.kinds:
        lines.append("errors: " + ", ".join(f"{kind} {count}" for kind, count in summary.kinds.items()))
    if len(summary.readers) > 1:
        for reader in summary.readers:
            lines.append(f"{reader.reader} ({reader.n} read)")
            lines += [f"  {_line(name, one)}" for name, one in reader.shares.items()]
        for name, one in summary.agreement.items():
            beyond = "no variation" if one.alpha is None else f"Krippendorff's alpha {one.alpha:.2f}"
            lines.append(f"agreement on {name}: {_share(one.same)} of {one.n} dialogues, {beyond}")
    return lines


def _line(name: str, estimate: Estimate) -> str:
    return f"{name:24} {_share(estimate)}"


def _share(estimate: Estimate) -> str:
    value, low, high = (None if x is None else spell(x, "rate") for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})" if low and high else f"{value}"
