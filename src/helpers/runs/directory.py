"""Runs as they lie in their folders: one attached to, the newest of its kind, one that was interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from helpers.core.console import say, shown
from helpers.core.errors import InputError, RunError
from helpers.core.paths import runs_folder
from helpers.params import Params, Samples
from helpers.params.files import FILES, load_params
from helpers.runs.manifest import Manifest
from helpers.runs.run import Run


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
            f"'{changed[0]}' cannot change for a finished run, only {', '.join(FILES)} can; measure anew with 'report'"
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


def open_interrupted(directory: Path, source: str | None, overrides: Sequence[str]) -> Run:
    """Return an unfinished run, its log made whole; nobody is asked yet.

    Raises `RunError` when there is nothing to go on with, or when ``source`` would now measure something else.
    """
    run = attach(directory.resolve())
    if not run.measuring:
        raise RunError(f"{shown(run.directory)}: this run is finished; 'render' shows it again, 'report' measures anew")
    if source is not None:
        wanted = load_params(source, overrides)
        if run.manifest.until_decided:  # which chooses its own n and asks each dialogue once
            wanted = wanted.model_copy(update={"samples": _with_n(wanted, run.params), "measure": run.params.measure})
        changed = [n for n in type(wanted).model_fields if getattr(wanted, n) != getattr(run.params, n)]
        if changed:
            raise RunError(
                f"--resume {shown(run.directory)}: '{changed[0]}' has changed since the run began; leave PARAMS and "
                "--set away to go on with what the run was told, or measure anew"
            )
    torn = run.log.set_aside_torn()
    if torn:
        say(f"{run.log.path.name}: its last line was cut off; {torn} bytes are set aside in requests.torn")
    for line in run.log.damaged():
        say(line)
    requests = run.log.count()
    run.__dict__["manifest"] = run.manifest.model_copy(update={"resumed_at": datetime.now(UTC)})
    say(f"going on with {shown(run.directory)}: {requests} requests are in its log")
    return run


def _with_n(wanted: Params, own: Params) -> Samples:
    return wanted.samples.model_copy(update={"n": own.samples.n})
