"""A local server as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.backends.endpoint import EndpointBackend, open_endpoint
from helpers.core.environment import SERVE_TOKEN
from helpers.core.errors import ModelError, RequestError, ToolError
from helpers.params import Params
from helpers.params.files import write_params

#: A server that is not ready within this time, seconds, has failed; it includes a first conversion.
READY_LIMIT = 600.0
#: The port is open long before the model is loaded; more than this means that Python itself does not start.
START_LIMIT = 90.0
#: Time to finish the running request before the child is killed.
STOP_LIMIT = 15.0


@dataclass
class ServerChild:
    """A running ``helpers serve``; ``started_ns`` is on the monotonic clock that all processes share."""

    process: subprocess.Popen[str]
    url: str
    started_ns: int
    was_asked_to_stop: bool = False

    def request_stop(self) -> None:
        """Ask the server, once, to end, without waiting for it: several then end side by side."""
        if not self.was_asked_to_stop and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.was_asked_to_stop = True

    def stop(self) -> None:
        """End the server: gracefully within a bound, else at once."""
        if self.process.poll() is None:
            self.request_stop()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_LIMIT)
        if self.process.stdout:
            self.process.stdout.close()


def bring_up(params: Params, folder: Path, opened: ExitStack) -> tuple[ServerChild, EndpointBackend]:
    """Start a server of ``params.model`` and wait until it is ready; ``opened`` ends it.

    Its parameters and its log lie in ``folder``. Raises `ModelError` with the reason when the model does not come up,
    `ToolError` when not even the server does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_params(folder, params)
    child = start_server(folder / "params.yaml", folder / "server.log")
    opened.callback(child.stop)
    backend = opened.enter_context(open_endpoint(child.url, params))
    if reason := wait_until_ready(backend):
        raise ModelError(f"model.id: {params.model.id} cannot be served by {params.model.engine}: {reason}")
    return child, backend


def wait_until_ready(backend: EndpointBackend, ended: Callable[[], object] = lambda: False) -> str:
    """Wait until a server is ready or the caller has ``ended``; return why it never was, or nothing."""
    deadline = time.monotonic() + READY_LIMIT
    while not ended() and time.monotonic() < deadline:
        try:
            status, text = backend.get("/health")
        except RequestError as error:
            return f"its server went away: {error}"
        if status == 200:
            return ""
        if status != 503:
            return text
        time.sleep(0.1)
    return "" if ended() else f"did not become ready within {READY_LIMIT:.0f} s"


def start_server(params_file: Path, log: Path) -> ServerChild:
    """Start ``helpers serve`` on a free loopback port; raises `ToolError` with its last words if it does not start."""
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
            env={name: value for name, value in os.environ.items() if name != SERVE_TOKEN},
        )
    watchdog = threading.Timer(START_LIMIT, process.kill)
    watchdog.start()
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
    except BaseException:  # an interrupted caller leaves no server behind
        process.kill()
        raise
    finally:
        watchdog.cancel()
    child = ServerChild(process, url, started)
    if not url.startswith("http"):
        if url:  # it goes on, and is no server of ours
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT)
        child.stop()
        words = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise ToolError("the local server did not start: " + " ".join(words or ["it said nothing"]))
    return child
