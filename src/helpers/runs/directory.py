"""Runs as they lie in their folders: one attached to, the newest of its kind, one that was interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from helpers.core.console import say, shown
from helpers.core.errors import InputError, RunError
from helpers.core.paths import runs_folder
from helpers.params import Params, Samples
from helpers.params.files import FILES, load_params
from helpers.runs.manifest import Manifest
from helpers.runs.results.store import PAGES, read_result
from helpers.runs.run import Run

#: How far a run has come: killed while it measured, ended because its deployment died, measured, or published as well.
RunState = Literal["unfinished", "down", "measured", "published"]
#: In the directory of a run whose pages were published: when.
PUBLISHED = "published"
#: The page that measures on this machine, whether or not the deployment is up.
WITHOUT_DEPLOYMENT = "04"


def attach(directory: Path, params: str | Path | None = None) -> Run:
    """Return an existing run, judged by the targets and prices of ``params`` (its own by default).

    Raises `RunError` when the directory holds no run, or when ``params`` would change what was measured.
    """
    if not (directory / "manifest.json").is_file():
        raise RunError(f"{directory}: not a run directory (no manifest.json); give one of runs/*")
    own = load_params(directory / "params.yaml")
    judged_by = load_params(params) if params else own
    changed = [
        name for name in type(own).model_fields if name not in FILES and getattr(own, name) != getattr(judged_by, name)
    ]
    if changed:
        raise RunError(
            f"'{changed[0]}' cannot change for a finished run, only {', '.join(FILES)} can; measure again with 'report'"
        )
    run = Run(directory, judged_by, measuring=False)
    run.measuring = run.manifest.finished_at is None
    return run


def newest_finished(params: Params) -> Path | None:
    """Return the newest finished run with the same parameters, if there is one."""
    for manifest in sorted(runs_folder().glob("*/manifest.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            finished = Manifest.model_validate_json(manifest.read_bytes()).finished_at is not None
            if finished and load_params(manifest.parent / "params.yaml") == params:
                return manifest.parent
        except (ValueError, InputError):
            continue  # a run of another version; not ours to read
    return None


def state_of(run: Run) -> RunState:
    """Return how far a run has come."""
    if run.manifest.finished_at is None:
        return "unfinished"
    if run.down():
        return "down"
    return "published" if (run.directory / PUBLISHED).exists() else "measured"


def mark_published(run: Run) -> None:
    """Keep in a run's directory that its pages were published."""
    (run.directory / PUBLISHED).write_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n", encoding="utf-8")


def open_interrupted(directory: Path, source: str | None, overrides: Sequence[str]) -> Run:
    """Return a run to go on with, held for this process; no request is sent yet.

    One that is measured was never published, and needs no further requests.
    Raises `RunError` when there is nothing to go on with, when ``source`` would now measure something else, or when
    another process has the run.
    """
    run = attach(directory.resolve())
    run.hold()
    state = state_of(run)
    if state == "published":
        raise RunError(
            f"{shown(run.directory)}: this run is finished; 'render' shows it again, 'report' makes a new run"
        )
    if source is not None:
        _check_unchanged(run, load_params(source, overrides))
    if state == "measured":
        say(f"going on with {shown(run.directory)}: it is measured, and its pages are rendered again")
        return run
    torn = run.log.set_aside_torn()
    if torn:
        say(f"{run.log.path.name}: its last line was cut off; {torn} bytes are set aside in requests.torn")
    run.measuring = True
    for line in run.log.damaged():
        say(line)
    requests = run.log.count()
    going_on = {"resumed_at": datetime.now(UTC), "finished_at": None}
    run.__dict__["manifest"] = run.manifest.model_copy(update=going_on)
    say(f"going on with {shown(run.directory)}: {requests} requests are in its log")
    return run


def _check_unchanged(run: Run, wanted: Params) -> None:
    if run.manifest.until_decided:  # which chooses its own n and asks each dialogue once
        wanted = wanted.model_copy(update={"samples": _with_n(wanted, run.params), "measure": run.params.measure})
    changed = [n for n in type(wanted).model_fields if getattr(wanted, n) != getattr(run.params, n)]
    if changed:
        raise RunError(
            f"--resume {shown(run.directory)}: '{changed[0]}' has changed since the run began; leave PARAMS and "
            "--set away to go on with what the run was told, or make a new run"
        )


def set_aside_results(run: Run) -> None:
    """Put aside the results from the page on where the deployment died, if it did, but what needs no deployment."""
    folder, died = run.directory / "results", False
    for page in sorted(PAGES):
        result = read_result(folder, page)
        died = died or bool(result and result.failure)
        if result and died and (page != WITHOUT_DEPLOYMENT or result.reason or result.stopped):
            path = folder / f"{page}.json"
            path.replace(path.with_suffix(".json.before"))


def _with_n(wanted: Params, own: Params) -> Samples:
    return wanted.samples.model_copy(update={"n": own.samples.n})
