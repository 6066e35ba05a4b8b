"""Runs as they lie in their folders: one opened for a notebook, one attached to, the newest of its kind."""

from __future__ import annotations

from pathlib import Path

from helpers.core.errors import InputError, RunError
from helpers.core.paths import runs_folder
from helpers.params import Params
from helpers.params.files import FILES, load_params
from helpers.provenance import Manifest
from helpers.run import Run


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
