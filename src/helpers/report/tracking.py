"""A tracking service beside a finished run: told once, by a process of its own, within a time limit.

Whatever the service does — missing, slow, refusing, out of disk — the run is neither delayed beyond the limit nor
failed by it; one line gives the outcome. What could not be sent to W&B is kept in the run directory for
``wandb sync``. A trackio project lies on this machine, beside the runs, and needs no account.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from helpers.core.console import say, shown
from helpers.core.environment import SECRET_NAME, environment, redact
from helpers.core.errors import InputError
from helpers.core.paths import runs_folder
from helpers.params import Tracking
from helpers.runs.run import Run

KEY = "WANDB_API_KEY"
MODES = ("offline", "online", "disabled")
#: How W&B spells turning itself off.
SPELLINGS = {"dryrun": "offline", "run": "online", "shared": "online"}
#: Seconds that keeping a W&B run on the disk may take.
KEEPING = 30.0
#: Bytes that must be free before a service may write.
ROOM = 16_000_000


def check_tracking(tracking: Tracking) -> None:
    """Raise `InputError` when a report could not be kept where its parameters say, before anything is measured."""
    if tracking.backend == "trackio" and find_spec("trackio") is None:
        raise InputError(
            "tracking.backend: trackio: the package is not installed, and a run cannot be added later; "
            "pip install -e '.[trackio]' -c requirements.txt brings it, or give --set tracking.backend=none"
        )


def track(run: Run) -> str:
    """Report a finished run to a service as its parameters say, print the outcome in one line, and return that line."""
    match run.params.tracking.backend:
        case "none":
            return ""
        case "trackio":
            line = _in_trackio(run)
        case "wandb":
            mode, why = chosen_mode(run.params.tracking, environment())
            if mode == "disabled":
                return ""
            line = _tried(run, mode, why)
    say(line)
    return line


def trackio_folder() -> Path:
    """Return where the trackio project of all runs lies: beside them, or what ``TRACKIO_DIR`` names."""
    return Path(environment().get("TRACKIO_DIR") or runs_folder() / ".trackio").resolve()


def _in_trackio(run: Run) -> str:
    folder, tracking = trackio_folder(), run.params.tracking
    known = {n: v for n, v in environment().items() if not (SECRET_NAME.search(n) or n.startswith("TRACKIO_"))}
    offline = {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    found = {"error": trouble} if (trouble := _no_room(folder)) else {}
    found = found or _told(["trackio_upload", str(run.directory)], known | offline, tracking.limit, "trackio")
    if "folder" not in found:
        return f"tracking: nothing is kept in trackio: {found['error']}"
    place = f"TRACKIO_DIR={shlex.quote(shown(folder))}"
    return f"tracking: in trackio; to see it: {place} trackio show --project {shlex.quote(tracking.project)}"


def chosen_mode(tracking: Tracking, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the mode that holds, and why it is not the one that was asked for (or ``''``)."""
    given = environment.get("WANDB_MODE", "").lower()
    mode = SPELLINGS.get(given, given)
    if mode not in MODES:
        mode = tracking.mode
    if mode == "online" and not environment.get(KEY):
        return "offline", f"{KEY} is not set"
    return mode, ""


def _tried(run: Run, mode: str, why: str) -> str:
    if mode == "online":
        found = attempt(run.directory, "online", run.params.tracking.limit)
        if "address" in found:
            return f"tracking: sent to W&B: {found['address']}"
        why = found["error"]
    kept = attempt(run.directory, "offline", KEEPING)
    if "folder" not in kept:
        return f"tracking: nothing is kept for W&B: {'; '.join(dict.fromkeys(filter(None, [why, kept['error']])))}"
    after = f" ({why})" if why else ""
    return f"tracking: kept for W&B, not sent{after}; to send it: wandb sync {shown(Path(kept['folder']))}"


def attempt(directory: Path, mode: str, limit: float) -> dict[str, str]:
    """Return ``address`` (sent), ``folder`` (kept), or ``error``: why W&B did neither within ``limit`` seconds."""
    if trouble := _no_room(directory / "wandb"):
        return {"error": trouble}
    arguments = ["wandb_upload", str(directory), mode, f"{limit:g}"]
    try:
        return _told(arguments, child_environment(directory, mode), limit, "W&B")
    finally:
        _clean_logs(directory / "wandb")


def _told(arguments: Sequence[str], known: Mapping[str, str], limit: float, service: str) -> dict[str, str]:
    """Return what a process came to that tells a service of a run; with its ``limit`` it ends, whatever it started."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"helpers.report.{arguments[0]}", *arguments[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(known),
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"{service} did not finish within {limit:g} s"}
    finally:
        _end(child)
    return _understood(output, errors, service)


def child_environment(directory: Path, mode: str) -> dict[str, str]:
    """Return what the process that talks to W&B may know: no secret but the key, and that only to send."""
    known = {name: value for name, value in environment().items() if not SECRET_NAME.search(name)}
    if mode == "online":
        known[KEY] = environment()[KEY]
    own = {"WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache", "WANDB_CONFIG_DIR": "config"}
    folders = {name: str(directory / "wandb" / folder) for name, folder in own.items()}
    return known | folders | {"WANDB_MODE": mode, "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}


def _no_room(folder: Path) -> str:
    """Return why nothing can be written into a service's folder, or ``''``: W&B would write elsewhere unasked."""
    try:
        folder.mkdir(exist_ok=True)
        (folder / ".try").write_text("")
        (folder / ".try").unlink()
        free = os.statvfs(folder)
    except OSError as error:
        return f"cannot write to {shown(folder)}: {error.strerror}"
    return "" if free.f_bavail * free.f_frsize >= ROOM else f"the disk under {shown(folder)} is full"


def _end(child: subprocess.Popen[str]) -> None:
    """End the process and whatever a service started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            with suppress(OSError):
                stream.close()


def _clean_logs(folder: Path) -> None:
    """Take the secrets out of W&B's own logs, which repeat what a server says."""
    for path in folder.rglob("*.log"):
        with suppress(OSError):
            said = path.read_text(encoding="utf-8", errors="replace")
            path.write_text(redact(said), encoding="utf-8")


def _understood(output: str, errors: str, service: str) -> dict[str, str]:
    """Return what the process said in its last line, or its last words as the error."""
    with suppress(ValueError, IndexError):
        found: Any = json.loads(output.splitlines()[-1])
        if isinstance(found, dict):
            return {str(key): redact(str(value)) for key, value in found.items()}
    words = [line for line in errors.splitlines() if line.strip()]
    return {"error": redact(words[-1].strip() if words else f"{service} ended without a word")}
