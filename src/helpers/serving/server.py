"""A model on this machine behind the endpoint's protocol, in this process.

The address is printed on stdout as soon as the port listens; ``GET /health`` answers 503 until the model is
loaded. If loading fails, ``/health`` and POST answer 500 with the reason until one client has been told or
ten seconds have passed; then the process exits with the error's code and the message on stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import uvicorn
from starlette.applications import Starlette

from helpers.core.environment import SERVE_TOKEN
from helpers.core.errors import InputError
from helpers.core.machine import end_on_signal, is_loopback, usable_cores
from helpers.engines.factory import load_local
from helpers.engines.handler import HandlerBackend
from helpers.engines.model_files import model_hashes
from helpers.params import Params
from helpers.serving.asgi import build_app
from helpers.serving.cache import AnswerCache, identity
from helpers.serving.worker import Worker

#: Seconds a running request may take to finish, and a failed server to be queried, before the process ends.
GRACE = 10
#: Seconds between two looks at the reasons to stop.
LOOK = 0.2


def serve_model(params: Params, host: str, port: int, *, handler: Path | None = None, parent: int | None = None) -> int:
    """Serve ``params.model``, or the repository of a ``handler``, until a signal or the end of process ``parent``.

    Prints the address on stdout; returns 0, or raises what kept the model from loading.
    """
    token = os.environ.get(SERVE_TOKEN) or None
    parent_is_gone = _watch(parent)
    with listen(host, port, token) as listener:
        print(address(listener), flush=True)
        model = params.model.model_copy(update={"threads": threads(params)})
        worker = Worker(lambda: HandlerBackend(handler) if handler else load_local(model), params.serving)
        app = build_app(worker, params.generation, token, _cache(params, handler))
        # uvicorn raises a signal it caught once more when it is done: here that must not end the process.
        signalled = end_on_signal()
        asyncio.run(serve(app, worker, listener, lambda: bool(signalled) or parent_is_gone()))
    if worker.is_busy:
        # The grace is over and torch cannot be interrupted: leaving the interpreter would wait for it.
        sys.stderr.flush()
        os._exit(0)
    worker.close()
    if worker.failure:
        raise worker.failure
    return 0


def threads(params: Params) -> int | None:
    """Return what ``model.threads`` of each worker is: as given, else its share of the cores; ``None``: the engine's
    own choice."""
    if params.model.threads or params.serving.workers == 1:
        return params.model.threads
    return max(1, min(psutil.cpu_count(logical=False) or 1, usable_cores()) // params.serving.workers)


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """Return a listening socket; raises `InputError` for a taken port, or an open one without a token."""
    shown = f"[{host}]" if ":" in host else host
    if not token and not is_loopback(f"http://{shown}"):
        raise InputError(
            f"--host {host}: others could reach the server there; set HELPERS_SERVE_TOKEN, or leave it away"
        )
    if not 0 <= port <= 65_535:
        raise InputError(f"--port {port}: expected 0 (any free one) to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {shown}:{port}: {error}; choose another --port (0 picks a free one)"
        ) from None
    # asyncio does this for sockets that it opens itself. Without it the body of an answer waits for the client to
    # acknowledge the head, 40 ms later.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: Starlette, worker: Worker, listener: socket.socket, should_stop: Callable[[], bool]) -> None:
    """Answer requests until a signal, ``should_stop()``, or a failed load that a client has been told of."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE,
        loop="asyncio",  # else the loop and parser of an extra would be taken where it is there: other times
        http="h11",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    failed_at: float | None = None
    while not serving.done():
        await asyncio.wait({serving}, timeout=LOOK)
        if worker.failure and failed_at is None:
            failed_at = time.monotonic()
        was_reported = failed_at is not None and (worker.failure_reported or time.monotonic() > failed_at + GRACE)
        if was_reported or should_stop():
            server.should_exit = True
        if server.should_exit:
            worker.stop()
    await serving


def _cache(params: Params, handler: Path | None) -> AnswerCache | None:
    """Return what remembers answers, if anything shall; a handler is told from others by its folder."""
    if params.serving.cache is None:
        return None
    hashes = {"handler": str(handler.resolve())} if handler else model_hashes(params)
    return AnswerCache(params.serving.cache, identity(params.model, hashes))


def _watch(pid: int | None) -> Callable[[], bool]:
    """Return a function that says whether a process is gone; a reused process number does not fool it."""
    if pid is None:
        return lambda: False
    try:
        parent = psutil.Process(pid)
    except (psutil.NoSuchProcess, ValueError):
        raise InputError(f"--parent {pid}: no such process") from None

    def is_gone() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE
        return True

    return is_gone
