"""What several verbs declare alike, and the files they write beside what they print."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.core.errors import InputError


def add_params(parser: argparse.ArgumentParser, *, text: str = "a params file, or the name of one in params/") -> None:
    """Declare PARAMS and ``--set``, which come as ``params`` and ``overrides``."""
    parser.add_argument("params", metavar="PARAMS", help=text)
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser, text: str = "override one parameter (repeatable)") -> None:
    """Declare ``--set KEY=VALUE``; all that are given come as the list ``overrides``."""
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help=text)


def write_text(option: str, path: Path, text: str) -> None:
    """Write what an option asked for; raises `InputError` naming the option, the file and the reason."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(option, path, error) from None


def cannot_write(option: str, path: Path, error: OSError) -> InputError:
    """Return the error of an output that cannot be written."""
    return InputError(
        f"{option} {path}: cannot be written: {error.strerror}; choose a folder that exists and can be written to"
    )
