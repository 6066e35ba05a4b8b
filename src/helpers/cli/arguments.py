"""What several verbs declare alike, and the files they write beside what they print."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterable
from pathlib import Path

from helpers.core.environment import redact
from helpers.core.errors import InputError
from helpers.params import Columns, Samples

#: What a params file may be, of which anybody may answer.
ANSWERING = (
    "a params file, or the name of one in params/: demo for a model on this machine, endpoint for a managed endpoint, "
    "chat for a chat server, provider for a model at an inference provider"
)


def add_params(
    parser: argparse.ArgumentParser, *, text: str = "a params file, or the name of one in params/", url: str = ""
) -> None:
    """Declare PARAMS and ``--set``, which come as ``params`` and ``overrides``; with the help for it, ``--url`` too."""
    parser.add_argument("params", metavar="PARAMS", nargs="?" if url else None, help=text)
    if url:
        parser.add_argument("--url", metavar="URL", help=url)
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser, text: str = "override one parameter (repeatable)") -> None:
    """Declare ``--set KEY=VALUE``; all that are given come as the list ``overrides``."""
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help=text)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Declare how files of texts are read: ``--encoding`` and ``--strict``."""
    parser.add_argument("--encoding", metavar="NAME", help="of a text file that is not UTF-8, such as cp1252")
    parser.add_argument(
        "--strict", action="store_true", help="refuse a file with rows that cannot be used (default: set them aside)"
    )


def add_comment(parser: argparse.ArgumentParser, *, baseline: str = "") -> None:
    """Declare ``--comment FILE``, ``--pages-url`` and, with the help for it, ``--baseline``."""
    parser.add_argument(
        "--comment",
        type=Path,
        metavar="FILE",
        help="write decision, verdicts and changes as Markdown for a pull request",
    )
    if baseline:
        parser.add_argument("--baseline", type=Path, metavar="RUN", help=f"with --comment: {baseline}")
    parser.add_argument("--pages-url", metavar="URL", help="with --comment: where the pages will be, for its links")


def samples_of(source: str, args: argparse.Namespace) -> Samples:
    """Return how a file of dialogues is read, as `add_reading` declared it; references are not wanted."""
    return Samples(source=source, encoding=args.encoding, strict=args.strict, columns=Columns(references=()))


#: What an amount of ``--budget`` ends with → the parameter that it bounds, and how many of its units one is.
_UNITS = {"s": ("minutes", 1 / 60), "m": ("minutes", 1.0), "h": ("minutes", 60.0), "r": ("requests", 1.0),
          "usd": ("usd", 1.0)}  # fmt: skip


def budget(text: str) -> str:
    """Return an amount such as ``20m``, ``300r`` or ``1.50usd`` as the override that bounds a run by it."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|r|usd)", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}': give minutes, requests or dollars, such as 20m, 300r or 1.50usd")
    name, factor = _UNITS[found[2]]
    amount = float(found[1]) * factor
    return f"budget.{name}={amount:g}"


def seconds(text: str) -> float:
    """Return a number of seconds that is finite and not below zero."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}': give seconds, such as 600")
    return found


def check_other(option: str, output: Path | None, inputs: Iterable[Path | str]) -> None:
    """Raise `InputError` where an output would overwrite one of the files that are read."""
    if output is not None and any(output.resolve() == Path(one).resolve() for one in inputs):
        raise InputError(f"{option} {output}: is read as well, and would be lost; give another file")


def write_text(option: str, path: Path, text: str) -> None:
    """Write what an option asked for, without a secret; raises `InputError` naming option, file and reason."""
    try:
        path.write_text(redact(text), encoding="utf-8")
    except OSError as error:
        raise cannot_write(option, path, error) from None


def cannot_write(option: str, path: Path, error: OSError) -> InputError:
    """Return the error of an output that cannot be written."""
    return InputError(
        f"{option} {path}: cannot be written: {error.strerror}; choose a folder that exists and can be written to"
    )
