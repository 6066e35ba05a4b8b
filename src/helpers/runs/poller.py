"""The load of a server while a run measures: its ``/metrics`` and its state, sampled beside the requests.

``metrics.jsonl`` next to the request log holds one line per look. Looking is a thread of its own: whatever it meets is
written down or left out, and a run neither waits for it nor fails with it. It never asks before the run does, so that
it wakes no sleeping endpoint ahead of the request that measures the cold start.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from helpers.backends.addresses import checked_url, token_for
from helpers.backends.chat import CHAT_PATH, chat_path
from helpers.backends.endpoint import EndpointBackend
from helpers.core.environment import environment, redact, secrets
from helpers.core.errors import HelpersError, InputError, RequestError
from helpers.core.machine import is_loopback
from helpers.core.text import json_lines
from helpers.params import Endpoint, Params
from helpers.serving.foreign_metrics import FIGURES, read_figures
from helpers.serving.management import Manager

NAME = "metrics.jsonl"
METRICS = "/metrics"
#: Seconds between two looks: at a server on this machine, at one elsewhere, and at the management API.
NEAR, FAR, STATE = 1.0, 5.0, 15.0
#: One look may take this long; so may the end of a run wait for the last one.
LIMITS = Endpoint(connect_timeout=2.0, read_timeout=2.0, total_timeout=3.0, max_answer_bytes=1_000_000)
#: Figures of the process that serves them, which say nothing of the server where that is an exporter beside it.
OF_PROCESS = ("cpu_seconds", "cores", "memory_bytes")
#: A look: when it was, seconds since 1970, and what was seen.
Look = tuple[float, dict[str, Any]]


class Poller:
    """Looks every ``every`` seconds, from the first line of the request log on, until it is stopped.

    The server's figures are looked for at ``paths`` until they are found; ``beside`` are addresses of further ones.
    ``state`` tells what the management API says of the endpoint; without it only figures are looked at.
    """

    def __init__(
        self,
        url: str,
        log: Path,
        every: float,
        state: Callable[[], str] | None = None,
        paths: Sequence[str] = (METRICS,),
        beside: Sequence[str] = (),
    ) -> None:
        self._asked = [(checked_url(url), tuple(paths)), *((checked_url(one), (_path_of(one),)) for one in beside)]
        self._log, self._every, self._state = log, every, state
        self._asked_state = -STATE
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; waits a moment for a look in progress, then abandons it."""
        self._over.set()
        self._thread.join(LIMITS.total_timeout)

    def _run(self) -> None:
        try:
            with ExitStack() as opened:
                sources = [
                    _Source(opened.enter_context(EndpointBackend(url, LIMITS, token_for(url, environment()))), paths)
                    for url, paths in self._asked
                ]
                while not self._over.wait(self._every):
                    with suppress(OSError):  # a disk that is full for a moment costs the looks of that moment
                        if self._log.exists() and self._log.stat().st_size:
                            self._write(self._look(sources))
        except Exception:  # whatever it is must not reach the run: without samples the load is "not measured"
            return

    def _look(self, sources: Sequence[_Source]) -> dict[str, Any]:
        own, *others = (source.look() for source in sources)
        told = (figure for one in others for figure in one.items())
        beside = {name: value for name, value in told if name in FIGURES and name not in OF_PROCESS}
        looked_at = datetime.now(UTC)
        return {"at": looked_at.isoformat(), **beside, **own, **self._told()}

    def _told(self) -> dict[str, str]:
        """Return what the management API says, if it is there and its turn has come."""
        if self._state is None or time.monotonic() - self._asked_state < STATE:
            return {}
        self._asked_state = time.monotonic()
        try:
            return {"state": self._state()}
        except HelpersError as error:
            return {"state": f"not known: {error}"}

    def _write(self, sample: dict[str, Any]) -> None:
        with self._log.with_name(NAME).open("a", encoding="utf-8") as file:
            file.write(redact(json.dumps(sample), secrets()) + "\n")


class _Source:
    """A server whose figures are looked for at some paths, and once they are found at that one alone."""

    def __init__(self, server: EndpointBackend, paths: tuple[str, ...]) -> None:
        self._server, self._paths = server, paths

    def look(self) -> dict[str, Any]:
        """Return the figures, or how the server refuses them at the first path."""
        refused: dict[str, Any] = {}
        for path in self._paths:
            try:
                status, text = self._server.get(path)
            except RequestError as error:
                return {"failure": error.kind.value}
            if status == 200 and (found := read_figures(text)):
                self._paths = (path,)
                return dict(found)
            refused = refused or ({} if status == 200 else {"status": status})
        return refused


def start_poller(params: Params, url: str, log: Path) -> Poller:
    """Return a running poller of the service of a run; it reads the management API where there is access to it."""
    every = NEAR if params.backend == "local" or is_loopback(url) else FAR
    paths = metrics_paths(url) if params.endpoint.protocol == "chat" else (METRICS,)
    return Poller(url, log, every, _state_of(params), paths, params.endpoint.metrics)


def metrics_paths(url: str) -> tuple[str, ...]:
    """Return where a chat server may give its figures: below the prefix of its address, if any, or at its origin."""
    prefix = chat_path(urlsplit(url).path).rstrip("/").removesuffix(CHAT_PATH)
    return tuple(dict.fromkeys((prefix + METRICS, METRICS)))


def read_looks(logs: Sequence[Path]) -> Iterator[list[Look]]:
    """Yield the looks beside each of the logs, in order; a line that is not whole is left out."""
    for path in dict.fromkeys(log.with_name(NAME) for log in logs):
        lines = json_lines(path.read_text(encoding="utf-8")) if path.is_file() else []
        yield [look for line in lines if (look := _look(line))]


def read_usage(logs: Sequence[Path]) -> list[tuple[float, float]]:
    """Return the load between two looks, as seconds since 1970 and the share of all cores, beside the logs given.

    A restart of the server (its counter falls back) is left out.
    """
    found = []
    for looks in read_looks(logs):
        before: tuple[float, float] | None = None
        for at, seen in looks:
            now = _spent(at, seen)
            if now and before and now[0] > before[0] and now[1] >= before[1]:
                found.append((now[0], (now[1] - before[1]) / (now[0] - before[0])))
            before = now
    return found


def read_gpu_use(logs: Sequence[Path]) -> list[tuple[float, float]]:
    """Return the use of the GPU that the looks beside the logs saw, as seconds since 1970 and its share of the time."""
    seen = [(at, look.get("gpu_use")) for looks in read_looks(logs) for at, look in looks]
    return [(at, float(share)) for at, share in seen if isinstance(share, int | float)]


def _look(line: str) -> Look | None:
    try:
        row = json.loads(line)
        return datetime.fromisoformat(row["at"]).timestamp(), row
    except (ValueError, KeyError, TypeError):
        return None


def _spent(at: float, seen: dict[str, Any]) -> tuple[float, float] | None:
    """Return when a look was and the processor time spent by then, seconds per core."""
    try:
        return at, seen["cpu_seconds"] / seen["cores"]
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def _path_of(url: str) -> str:
    return urlsplit(url).path.rstrip("/") or METRICS


def _state_of(params: Params) -> Callable[[], str] | None:
    if params.backend != "endpoint" or params.deployment is None:
        return None
    try:
        manager = Manager(params, environment())
    except InputError:
        return None

    def state() -> str:
        found = manager.state()
        return found.status if found else "there is none of this name"

    return state
