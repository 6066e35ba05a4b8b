"""What the terminal sees: lines on standard error, paths as a user would type them, libraries kept quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.core.environment import redact
from helpers.core.text import printable


def say(line: str) -> None:
    """Tell the terminal (standard error, so that standard output stays for data)."""
    print(public(line), file=sys.stderr, flush=True)


def tell(text: str) -> None:
    """Print what was asked for on standard output."""
    print(public(text), flush=True)


def public(text: str) -> str:
    """Return a text without a secret, and without a character that would command the terminal."""
    return printable(redact(text))


def shown(path: Path) -> str:
    """Return a path as a user would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' log lines and progress bars off stderr."""
    from transformers.utils import logging  # heavy, and most processes have no model

    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()
