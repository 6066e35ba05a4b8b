"""``helpers report`` and ``helpers render``: a run from parameters to pages.

A report measures while its notebooks are executed, one after the other; a rendering executes the same notebooks over
a finished run. The tool's own failure publishes nothing; the deployment's failure is the finding.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.cli.arguments import add_overrides, budget
from helpers.core.console import say, shown
from helpers.core.errors import HelpersError, InputError, RunError
from helpers.core.paths import REPORTS
from helpers.params import Params
from helpers.params.files import apply_overrides, given_tree, load_params, validate, write_params
from helpers.runs.budget import announcement
from helpers.runs.directory import attach
from helpers.runs.launch import fan_out, finish, resume_run, start_run
from helpers.serving.lifecycle import managed
from helpers.verdicts.compute import case_of
from helpers.verdicts.gate import exit_code
from helpers.verdicts.looks import LEDGER, append
from helpers.verdicts.targets import looks_of


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers report``."""
    parser.add_argument("params", nargs="?", metavar="PARAMS", help="a file, or the name of one in params/")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was interrupted")
    add_overrides(parser)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this page, such as 03 (repeatable)"
    )
    parser.add_argument("--out", type=Path, default=REPORTS, metavar="DIR", help="publish here (default: reports/)")
    parser.add_argument(
        "--until-decided",
        action="store_true",
        help="ask a few dialogues, then more, until every target is decided, the budget spent or five looks taken",
    )
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="AMOUNT",
        type=budget,
        help="end the asking after 20m (or 90s, 2h), 300r (requests) or 1.50usd (repeatable)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse samples with rows that cannot be used (default: set them aside)"
    )
    parser.add_argument("--gate", choices=("missed", "undecided"), help="exit 3 when a verdict is so")
    parser.add_argument("--publish-failed", action="store_true", help="publish even when the deployment failed")


def run_report(args: argparse.Namespace) -> int:
    """Measure, render and publish; return 0, 1 when the deployment failed, 3 when the gate closes."""
    # Notebooks and HTML take a second to import, which ``--help`` and a wrong parameter do without.
    from helpers.experiments.quantization import prepare
    from helpers.experiments.until_decided import ask_until_decided
    from helpers.report import data_files, execute, publish, tracking

    overrides = [*args.overrides, *args.budget, *(["samples.strict=true"] if args.strict else [])]
    params = _params(args, overrides)
    pages = execute.choose(args.only, claims=params.claims is not None)
    publish.check_writable(args.out)
    signal.signal(signal.SIGTERM, _interrupt)
    if any(page.number == "04" for page in pages):
        prepare(params, say)
    began, ledger = time.monotonic(), args.out / LEDGER
    with managed(params):
        run = (
            resume_run(args.resume, args.params, overrides)
            if args.resume
            else start_run(args.params, overrides, until_decided=args.until_decided)
        )
        site = run.directory / "site"
        say(f"run {shown(run.directory)}: {run.manifest.dialogues} dialogues, {len(pages)} pages")
        if params.backend == "endpoint":
            say(announcement(params, run.manifest.dialogues))
        data_files.keep_previous(run, args.out)
        try:
            fan_out(run)
            if run.manifest.until_decided:
                ask_until_decided(run, partial(append, ledger))
            texts = execute.execute_all(run, pages, site, run.directory / "params.yaml")
        except BaseException:
            run.close()
            say(f"what was measured is kept: report --resume {shown(run.directory)} goes on with it")
            raise
        finish(run, began)
    append(ledger, looks_of(case_of(run)))
    publish.finish_site(run, texts, site)
    tracking.track(run)
    failed = run.down()
    if failed and not args.publish_failed:
        say(f"{failed}\nnot published (--publish-failed would); pages: {shown(site / 'index.html')}")
        return 1
    publish.replace(site, args.out)
    inference, other = run.manifest.inference_seconds or 0, run.manifest.other_seconds
    beside = "" if other is None else f", {other:.0f} s of everything else"
    say(f"published {shown(args.out / 'index.html')}: {inference:.0f} s of inference{beside}")
    return 1 if failed else exit_code(run, args.gate)


def add_render_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers render``."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run's directory")
    add_overrides(parser, "other targets or prices")
    parser.add_argument(
        "--out", type=Path, default=None, metavar="DIR", help="write the pages here (default: RUN/site)"
    )


def run_render(args: argparse.Namespace) -> int:
    """Execute the notebooks over a finished run, without a request, and write its pages; return 0."""
    from helpers.report import execute, publish  # as above

    run = attach(args.run.resolve())
    if run.measuring:
        raise RunError(f"{args.run}: not finished; a run can be rendered when its report has ended")
    tree = given_tree(run.params)
    apply_overrides(tree, args.overrides)
    out = (args.out or run.directory / "site").resolve()
    publish.check_writable(out)
    out.mkdir(parents=True, exist_ok=True)
    judged_by = run.directory / "rendering"
    judged_by.mkdir(exist_ok=True)
    write_params(judged_by, validate(tree, "--set"))
    run = attach(run.directory, judged_by / "params.yaml")
    pages = execute.recorded_pages(run)
    texts = execute.execute_all(run, pages, out, judged_by / "params.yaml")
    publish.finish_site(run, texts, out)
    say(f"rendered {len(pages)} pages: {shown(out / 'index.html')}")
    return 0


def _params(args: argparse.Namespace, overrides: Sequence[str]) -> Params:
    if args.resume:
        run = attach(args.resume.resolve())
        if overrides and args.params is None:
            raise InputError("--resume goes on with what the run was told: leave --set, --budget and --strict away")
        if args.until_decided and not run.manifest.until_decided:
            raise InputError(f"--resume {args.resume}: that run was not begun with --until-decided; measure anew")
        return run.params
    if args.params is None:
        raise InputError("report: give a params file, such as params/demo.yaml, or --resume RUN")
    return load_params(args.params, overrides, measuring=True)


def _interrupt(signum: int, frame: Any) -> None:
    signal.signal(signum, signal.SIG_IGN)  # make and a terminal send it twice: the second must not disturb the ending
    raise HelpersError("stopped by a signal; what was measured is kept in the run directory")
