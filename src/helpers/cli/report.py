"""``helpers report`` and ``helpers render``: a run from parameters to pages.

A report measures while its notebooks are executed, one after the other; a rendering executes the same notebooks over
a finished run. The tool's own failure publishes nothing; the deployment's failure is the finding.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.backends.discovery import PATIENCE
from helpers.backends.judge import judge_url
from helpers.cli.addresses import found_at
from helpers.cli.arguments import ANSWERING, add_comment, add_overrides, budget, seconds, write_text
from helpers.core.console import say, shown
from helpers.core.errors import HelpersError, InputError, RunError
from helpers.core.paths import REPORTS
from helpers.core.published import check, check_writable
from helpers.core.published import publish as put
from helpers.params import Params
from helpers.params.files import apply_overrides, given_tree, load_params, validate, write_params
from helpers.runs.budget import announcement, judge_announcement
from helpers.runs.directory import attach, mark_published, open_interrupted
from helpers.runs.launch import fan_out, finish, resume_run, start_run
from helpers.runs.run import Run
from helpers.serving.lifecycle import managed
from helpers.verdicts.compute import case_of
from helpers.verdicts.gate import exit_code
from helpers.verdicts.looks import LEDGER, append, unread_lines
from helpers.verdicts.targets import looks_of

if TYPE_CHECKING:
    from helpers.report.execute import Executed, Page


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers report``."""
    parser.add_argument("params", nargs="?", metavar="PARAMS", help=ANSWERING)
    parser.add_argument("--url", metavar="URL", help="no params file: measure the service at this address")
    parser.add_argument("--samples", metavar="FILE", help="with --url: dialogues to send (default: the bundled ten)")
    parser.add_argument(
        "--wait",
        type=seconds,
        metavar="SECONDS",
        help="with --url: wait this long for a server that is starting, even where it does not respond yet "
        f"(default: {PATIENCE:.0f} for one that says it is loading)",
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN",
        help="resume a run that was interrupted, that is not published, or whose deployment died",
    )
    add_overrides(parser)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this page, such as 03 (repeatable)"
    )
    parser.add_argument("--out", type=Path, default=REPORTS, metavar="DIR", help="publish here (default: reports/)")
    parser.add_argument(
        "--until-decided",
        action="store_true",
        help="send more dialogues until every target is decided, the budget is spent or five looks are taken",
    )
    parser.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="AMOUNT",
        type=budget,
        help="stop sending after 20m (or 90s, 2h), 300r (requests) or 1.50usd (repeatable)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse samples with rows that cannot be used (default: set them aside)"
    )
    add_gate(parser)
    parser.add_argument("--publish-failed", action="store_true", help="publish even when the deployment failed")


def add_gate(parser: argparse.ArgumentParser) -> None:
    """Declare the release gate and the comment that tells of it."""
    parser.add_argument(
        "--gate",
        choices=("missed", "undecided"),
        help="exit 3 when a target is missed; undecided: also when one is undecided or not measured",
    )
    add_comment(
        parser, baseline="compare with this run, or these published pages (default: what lay published when it began)"
    )


def run_report(args: argparse.Namespace) -> int:
    """Measure, render and publish; return 0, 1 when the deployment failed, 3 when the gate closes."""
    # Notebooks and HTML take a second to import, which ``--help`` and a wrong parameter do without.
    from helpers.report import execute, publish, tracking

    args.asked_as = _found(args) if args.url or args.samples or args.wait is not None else ()
    overrides = [*args.overrides, *args.budget, *(["samples.strict=true"] if args.strict else [])]
    params, only = _told(args, overrides)
    pages = execute.choose(only, claims=params.claims is not None)
    commented = _comment(args)
    tracking.check_tracking(params.tracking)
    check(args.out, publish.site_files(pages), publish.MAKER)
    signal.signal(signal.SIGTERM, _interrupt)
    run, executed = _measured(args, params, overrides, pages)
    try:
        return _published(args, run, executed, commented)
    except BaseException:
        _say_kept(run, "publishes it")
        raise
    finally:
        run.close()


def _measured(
    args: argparse.Namespace, params: Params, overrides: Sequence[str], pages: Sequence[Page]
) -> tuple[Run, dict[Page, Executed]]:
    """Return a finished run, held for this process, and its executed pages."""
    from helpers.experiments.quantization import prepare
    from helpers.experiments.until_decided import ask_until_decided
    from helpers.report import data_files, execute

    resumed = open_interrupted(args.resume, args.params, overrides) if args.resume else None
    if resumed and not resumed.measuring:
        return resumed, execute.execute_all(
            resumed, pages, resumed.directory / "site", resumed.directory / "params.yaml"
        )
    numbers = [page.number for page in pages]
    if "04" in numbers:
        prepare(params, say)
    began = time.monotonic()
    with managed(params):
        run = (
            resume_run(resumed)
            if resumed
            else start_run(
                args.params,
                overrides,
                until_decided=args.until_decided,
                only=numbers if args.only else (),
                asked_as=args.asked_as,
            )
        )
        say(f"run {shown(run.directory)}: {run.manifest.dialogues} dialogues, {len(pages)} pages")
        if params.backend == "endpoint":
            say(announcement(params, run.manifest.dialogues, numbers, run.server["url"]))
        if "02" in numbers and (judge := judge_url(params)):
            say(judge_announcement(params, run.manifest.dialogues, judge))
        data_files.keep_previous(run, args.out)
        for line in unread_lines(run.directory / LEDGER):
            say(f"{shown(args.out / LEDGER)} line {line.line} is passed over, and kept: no look ({line.why})")
        try:
            fan_out(run)
            if run.manifest.until_decided:
                ask_until_decided(run, partial(append, args.out / LEDGER))
            executed = execute.execute_all(run, pages, run.directory / "site", run.directory / "params.yaml")
        except BaseException:
            run.close()
            _say_kept(run, "goes on with it")
            raise
        finish(run, began, {page.number: done.seconds for page, done in executed.items()})
    return run, executed


def _comment(args: argparse.Namespace) -> Callable[[Run], None]:
    """Return what writes the comment on a run, if one is wanted; raises at once what would keep it from that."""
    from helpers.report.comment import comment, place_of
    from helpers.report.data_files import baseline_at

    if args.comment is None:
        if args.baseline or args.pages_url:
            raise InputError("--baseline and --pages-url are for a comment: give --comment FILE too")
        return lambda run: None
    if not args.comment.absolute().parent.is_dir():
        raise InputError(f"--comment {args.comment}: there is no folder {args.comment.parent}; make it first")
    check_writable(args.comment.absolute().parent, "give write permission or another --comment")
    place, baseline = place_of(args.pages_url), baseline_at(args.baseline) if args.baseline else None

    def write(run: Run) -> None:
        write_text("--comment", args.comment, comment(run, baseline=baseline, gate=args.gate, place=place))
        say(f"for a pull request: {shown(args.comment)}")

    return write


def _published(
    args: argparse.Namespace, run: Run, executed: Mapping[Page, Executed], commented: Callable[[Run], None]
) -> int:
    """Make the site of a finished run and publish it, unless its deployment failed; return the exit code."""
    from helpers.report import publish, tracking

    site = run.directory / "site"
    append(args.out / LEDGER, looks_of(case_of(run)))
    publish.finish_site(run, executed, site)
    tracking.track(run)
    failed = run.down()
    if failed and not args.publish_failed:
        commented(run)
        say(f"{failed}\nnot published (--publish-failed would); pages: {shown(site / 'index.html')}")
        say(f"report --resume {shown(run.directory)} resumes it once the service responds again")
        return 1
    put(site, args.out, publish.MAKER)
    mark_published(run)
    commented(run)
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
    add_gate(parser)


def run_render(args: argparse.Namespace) -> int:
    """Execute the notebooks over a finished run, without a request, and write its pages.

    Return 0, 3 when the gate closes.
    """
    from helpers.report import execute, publish  # as above

    run = attach(args.run.resolve())
    if run.measuring:
        raise RunError(f"{args.run}: not finished; a run can be rendered when its report has ended")
    tree = given_tree(run.params)
    apply_overrides(tree, args.overrides)
    judged_by = validate(tree, "--set")
    site = run.directory / "site"
    out = args.out or site
    owned = out.resolve() == site
    pages = execute.recorded_pages(run)
    commented = _comment(args)
    if owned:
        check_writable(out)
    else:
        check(out, publish.site_files(pages), publish.MAKER)
    run.hold()
    folder, release = run.directory / "rendering", run.release
    try:
        folder.mkdir(exist_ok=True)
        write_params(folder, judged_by)
        run = attach(run.directory, folder / "params.yaml")
        executed = execute.execute_all(run, pages, folder / "site", folder / "params.yaml")
        publish.finish_site(run, executed, folder / "site")
        put(folder / "site", out, publish.MAKER, owned=owned)
        commented(run)
        code = exit_code(run, args.gate)
    finally:
        release()
    say(f"rendered {len(pages)} pages: {shown(out / 'index.html')}")
    return code


def _found(args: argparse.Namespace) -> Sequence[str]:
    """Take for parameters what answers at ``--url``, and return the arguments that make such a run again."""
    if not args.url or args.params or args.resume:
        raise InputError(
            "report --url URL [--samples FILE] [--wait SECONDS] takes the place of a params file and of --resume"
        )
    args.params, found = found_at(args.url, wait=args.wait)
    own = [f"samples.source={json.dumps(str(Path(args.samples).resolve()))}"] if args.samples else ["privacy.text=full"]
    say("texts are kept and shown: the dialogues are bundled" if not args.samples else "texts are kept as hashes alone")
    given = [*args.overrides, *args.budget, *(["samples.strict=true"] if args.strict else [])]
    args.overrides = [*found, *own, *args.overrides]
    samples = ["--samples", args.samples] if args.samples else []
    return ["--url", args.url, *samples, *(part for override in given for part in ("--set", override))]


def _told(args: argparse.Namespace, overrides: Sequence[str]) -> tuple[Params, Sequence[str]]:
    """Return the parameters and the pages that are asked for, those of a resumed run by what it was told."""
    if args.resume:
        run = attach(args.resume.resolve())
        if overrides and args.params is None:
            raise InputError("--resume goes on with what the run was told: leave --set, --budget and --strict away")
        if args.until_decided and not run.manifest.until_decided:
            raise InputError(f"--resume {args.resume}: that run was not started with --until-decided; measure again")
        _check_same_pages(args, run)
        return run.params, run.manifest.only
    if args.params is None:
        raise InputError("report: give a params file, such as params/demo.yaml, --url URL, or --resume RUN")
    return load_params(args.params, overrides, measuring=True), args.only


def _check_same_pages(args: argparse.Namespace, run: Run) -> None:
    from helpers.report import execute

    wanted = [page.number for page in execute.choose(args.only, claims=True)] if args.only else run.manifest.only
    if list(wanted) != list(run.manifest.only):
        began = f"--only {' --only '.join(run.manifest.only)}" if run.manifest.only else "all pages"
        raise InputError(f"--resume {args.resume}: that run was begun with {began}; leave --only away to go on with it")


def _say_kept(run: Run, what: str) -> None:
    """Say how to go on with a run, unless its directory is gone."""
    if run.directory.is_dir():
        say(f"what was measured is kept: report --resume {shown(run.directory)} {what}")


def _interrupt(signum: int, frame: Any) -> None:
    signal.signal(signum, signal.SIG_IGN)  # make and a terminal send it twice: the second must not disturb the ending
    raise HelpersError("stopped by a signal; what was measured is kept in the run directory")
