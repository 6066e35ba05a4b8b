"""What a notebook imports beside its page and its views: the run it works on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from helpers.runs.directory import attach, newest_finished
from helpers.runs.launch import start_run
from helpers.runs.run import Run


def open_run(params: str, run_dir: str = "") -> Run:
    """Return the run a notebook works on.

    With ``run_dir`` (given by papermill) it attaches to that run. Without, it makes ``runs/interactive-<time>``,
    serves the model on a free port until the kernel ends, and takes other pages' results from the newest
    finished run of the same parameters. Raises `InputError` with a message that names the fix.
    """
    if run_dir:
        return attach(Path(run_dir), params)
    run = start_run(params, [], name=f"interactive-{datetime.now(UTC):%Y%m%dT%H%M%S}", interactive=True)
    run.earlier = newest_finished(run.params)
    return run
