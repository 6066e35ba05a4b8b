"""``report --resume RUN``: go on with a run that was interrupted, without asking again what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from helpers.core.console import say, shown
from helpers.core.errors import RunError
from helpers.params.files import load_params
from helpers.run import Run
from helpers.runs import attach


def open_interrupted(directory: Path, source: str | None, overrides: Sequence[str]) -> Run:
    """Return an unfinished run, its log made whole; nobody is asked yet.

    Raises `RunError` when there is nothing to go on with, or when ``source`` would now measure something else.
    """
    run = attach(directory.resolve())
    if not run.measuring:
        raise RunError(f"{shown(run.directory)}: this run is finished; 'render' shows it again, 'report' measures anew")
    if source is not None:
        wanted = load_params(source, overrides)
        changed = [n for n in type(wanted).model_fields if getattr(wanted, n) != getattr(run.params, n)]
        if changed:
            raise RunError(
                f"--resume {shown(run.directory)}: '{changed[0]}' has changed since the run began; leave PARAMS and "
                "--set away to go on with what the run was told, or measure anew"
            )
    torn = run.log.set_aside_torn()
    if torn:
        say(f"{run.log.path.name}: its last line was cut off; {torn} bytes are set aside in requests.torn")
    requests = run.log.count()
    run.__dict__["manifest"] = run.manifest.model_copy(update={"resumed_at": datetime.now(UTC)})
    say(f"going on with {shown(run.directory)}: {requests} requests are in its log")
    return run
