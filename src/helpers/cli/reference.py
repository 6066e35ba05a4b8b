"""``python -m helpers.cli.reference OUT.md``: what every verb's ``--help`` says, as one document."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from helpers.cli.main import VERBS, parser_of, subparsers

#: Characters in a line of the document, whatever terminal it is made in.
WIDTH = 100
HEAD = """# Command reference

<!-- Written by `make docs`; do not edit. -->

`python -m helpers VERB`, with `.venv` activated (`. .venv/bin/activate`). Exit codes: 0 fine, 1 a failed run or
deployment, 2 bad input, 3 a closed gate or an alert, 130 interrupted. `make help` lists the targets that do their own
set-up.

| Verb | What it does |
|---|---|
"""


class _Wide(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=WIDTH)


class _WideWithLines(_Wide, argparse.RawDescriptionHelpFormatter):
    """The same for texts that keep their lines."""


def reference() -> str:
    """Return the document as Markdown."""
    table = "".join(f"| [`{name}`](#{name}) | {verb.help} |\n" for name, verb in VERBS.items())
    return HEAD + table + "".join(f"\n## {name}\n{_help(name)}" for name in VERBS)


def _help(name: str) -> str:
    """Return what a verb's parser says, and each of its actions' below it."""
    verbs = subparsers(parser_of(name))
    parser = verbs[name]
    actions = {f"{name} {action}": sub for action, sub in subparsers(parser).items()}
    return "".join(f"\n```text\n{_text(one)}```\n" for one in (parser, *actions.values()))


def _text(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = _Wide if parser.formatter_class is argparse.HelpFormatter else _WideWithLines
    return parser.format_help()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
