"""A local server as a child process: started for a run, found by its address, ended with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import ToolError

#: The port is open long before the model is loaded; more than this means that Python itself does not start.
START_LIMIT = 90.0
#: Time to finish the running request before the child is killed.
STOP_LIMIT = 15.0

#: Intel's OpenMP threads spin for 200 ms after their work is done, unless told fewer. To sleep at once, as with
#: ``OMP_WAIT_POLICY=PASSIVE``, would cost an engine of many small steps up to half its speed.
CALM = {"KMP_BLOCKTIME": "1"}


def told_to_end() -> list[int]:
    """Return a list that stays empty until this process is sent SIGTERM or SIGINT.

    A list has no lock that a second signal could wait for while the first is dealt with.
    """
    signalled: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: signalled.append(caught))
    return signalled


@dataclass
class ServerChild:
    """A running ``helpers serve``; ``started_ns`` is on the monotonic clock that all processes share."""

    process: subprocess.Popen[str]
    url: str
    started_ns: int
    is_told: bool = False

    def tell_to_end(self) -> None:
        """Ask the server, once, to end, without waiting for it: several then end side by side."""
        if not self.is_told and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.is_told = True

    def stop(self) -> None:
        """End the server: gracefully within a bound, else at once."""
        if self.process.poll() is None:
            self.tell_to_end()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_LIMIT)
        if self.process.stdout:
            self.process.stdout.close()


def start_server(params_file: Path, log: Path, *, calm: bool = False) -> ServerChild:
    """Start ``helpers serve`` on a free loopback port; raises `ToolError` with its last words if it does not start.

    The threads of a ``calm`` one sleep when they have nothing to do, so that it takes nothing from servers beside it.
    """
    command = [
        sys.executable,
        "-m",
        "helpers",
        "serve",
        str(params_file),
        "--port",
        "0",
        "--parent",
        str(os.getpid()),
    ]
    with log.open("ab") as errors:
        started = time.perf_counter_ns()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | (CALM if calm else {}),
        )
    watchdog = threading.Timer(START_LIMIT, process.kill)
    watchdog.start()
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
    finally:
        watchdog.cancel()
    if not url.startswith("http"):
        process.wait(STOP_LIMIT)
        words = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise ToolError("the local server did not start: " + " ".join(words or ["it said nothing"]))
    return ServerChild(process, url, started)


def peak_memory(pid: int | None) -> int | None:
    """Return a living process's peak resident memory in bytes, where the system tells it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
