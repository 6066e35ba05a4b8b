"""``python -m helpers VERB``: every verb, its arguments, and one place where errors become exit codes.

Exit 0 fine, 1 a failed run or deployment, 2 bad input with a message, 3 an alert or a closed gate, 130
interrupted.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import sys
import traceback
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers import __version__
from helpers.cli.examples import with_examples
from helpers.core.console import public, say
from helpers.core.environment import secrets
from helpers.core.errors import HelpersError, InputError

#: What a disk says that takes no more, of whatever file.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


@dataclass(frozen=True)
class Verb:
    """A verb: what it does, and the module and functions that declare and run it (imported only when used)."""

    help: str
    module: str
    arguments: str = "add_arguments"
    run: str = "run"


VERBS = {
    "report": Verb(
        "measure a deployment and publish the pages", "helpers.cli.report", "add_report_arguments", "run_report"
    ),
    "render": Verb(
        "render a finished run again, without a request",
        "helpers.cli.report",
        "add_render_arguments",
        "run_render",
    ),
    "check": Verb("validate parameters and print them resolved", "helpers.cli.check"),
    "serve": Verb("serve a model over the endpoint's wire protocol", "helpers.cli.serve"),
    "summarise": Verb("summarise dialogues from a file or standard input", "helpers.cli.summarise"),
    "score": Verb("score a file of predictions", "helpers.cli.score"),
    "review": Verb("let readers rate summaries, blind, and import their ratings", "helpers.cli.review"),
    "cost": Verb("estimate what serving costs, by the month and by the request", "helpers.cli.cost"),
    "app": Verb("open the web app: one dialogue, a batch, and this session's charts", "helpers.cli.app"),
    "load": Verb("load-test a service and report the rate it sustains", "helpers.cli.load"),
    "compare": Verb("show what changed between two runs", "helpers.cli.compare"),
    "monitor": Verb("replay the alert rules over request logs", "helpers.cli.monitor"),
    "bench": Verb("time every engine on BART-large beside the machine's own limit", "helpers.cli.bench"),
    "endpoint": Verb("create, watch, pause and delete a managed endpoint", "helpers.cli.endpoint"),
    "demo-model": Verb("fetch, verify and build the demonstration model, or train it", "helpers.cli.demo_model"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; a known error prints its message and no traceback."""
    try:
        secrets()  # every message is cleared of them
    except InputError as error:
        print(f"helpers: {error}", file=sys.stderr)
        return error.exit_code
    return _run(list(sys.argv[1:] if argv is None else argv))


def _run(given: list[str]) -> int:
    parser = parser_of(given[0] if given else "")
    args, unknown = parser.parse_known_args(given)
    if unknown:  # told by the verb, whose usage is the one to look at
        subparsers(parser).get(args.verb, parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if not hasattr(args, "run_verb"):
        parser.print_help()
        return 2
    try:
        return int(args.run_verb(args))
    except (KeyboardInterrupt, Exception) as error:
        told, code = _ended(args.verb, error)
        if told:
            say(told)
        return code


def _ended(verb: str, error: BaseException) -> tuple[str, int]:
    """Return what is said of the error that ended a verb, and the exit code.

    A fault of this program has its traceback; what a user or a disk has done is one readable message.
    """
    match error:
        case HelpersError():
            return f"helpers {verb}: {error}", error.exit_code
        case KeyboardInterrupt():
            return f"helpers {verb}: interrupted", 130
        case BrokenPipeError():
            return "", 1
        case OSError() if error.filename or error.errno in DISK:
            where = f"{error.filename}: " if error.filename else ""
            return f"helpers {verb}: {where}{error.strerror}; what was written before is kept", 1
        case _:
            return "".join(traceback.format_exception(error)).rstrip("\n"), 1


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a parser's verbs, or of a verb's actions, by name."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: sub for group in groups for name, sub in group.choices.items()}


class _PublicParser(argparse.ArgumentParser):
    """A parser whose messages, which repeat what was typed, hold no secret."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(public(message), file)


def parser_of(wanted: str) -> argparse.ArgumentParser:
    """Return the parser; only the wanted verb's module is imported, so that ``--help`` is quick."""
    parser = _PublicParser(prog="helpers", description="Reports and experiments for deployed dialogue summarisers.")
    parser.add_argument("--version", action="version", version=f"helpers {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        about = verb.help[0].upper() + verb.help[1:] + "."
        sub = verbs.add_parser(name, help=verb.help, description=about, formatter_class=RawDescriptionHelpFormatter)
        if name == wanted:
            module = importlib.import_module(verb.module)
            getattr(module, verb.arguments)(sub)
            sub.set_defaults(run_verb=getattr(module, verb.run))
            sub.epilog = with_examples(name, sub.epilog)
    return parser
