"""The load of a server while a run measures: its ``/metrics`` and its state, sampled beside the requests.

``metrics.jsonl`` next to the request log holds one line per look. Looking is a thread of its own: whatever it meets is
written down or left out, and a run neither waits for it nor fails with it. It never asks before the run does, so that
it wakes no sleeping endpoint ahead of the request that measures the cold start.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from helpers.backends.endpoint import EndpointBackend, checked_url, token_for
from helpers.core.environment import environment, redact, secrets
from helpers.core.errors import HelpersError, InputError, RequestError
from helpers.params import Endpoint, Params
from helpers.serving.management import Manager
from helpers.serving.metrics import CORES, CPU

NAME = "metrics.jsonl"
#: Seconds between two looks: at a server of ours, and at a service that somebody else runs.
EVERY = {"local": 1.0, "endpoint": 15.0}
#: One look may take this long; so may the end of a run wait for the last one.
LIMITS = Endpoint(connect_timeout=2.0, read_timeout=2.0, total_timeout=3.0, max_answer_bytes=1_000_000)
#: What is kept of a server's figures, by the name it has in the file.
KEPT = {
    "inf_batch_current_size": "batch",
    "inf_queue_size": "queue",
    CPU: "cpu_seconds",
    CORES: "cores",
    "process_resident_memory_bytes": "memory_bytes",
}


class Poller:
    """Looks every ``every`` seconds, from the first line of the request log on, until it is stopped.

    ``state`` tells what the management API says of the endpoint; without it only ``/metrics`` is looked at.
    """

    def __init__(self, url: str, log: Path, every: float, state: Callable[[], str] | None = None) -> None:
        self._url, self._log, self._every, self._state = checked_url(url), log, every, state
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; waits a moment for a look that is under way, then leaves it behind."""
        self._over.set()
        self._thread.join(LIMITS.total_timeout)

    def _run(self) -> None:
        try:
            with EndpointBackend(self._url, LIMITS, token_for(self._url, environment())) as server:
                while not self._over.wait(self._every):
                    if self._log.exists() and self._log.stat().st_size:
                        self._write(self._look(server))
        except Exception:  # whatever it is must not reach the run: without samples the load is "not measured"
            return

    def _look(self, server: EndpointBackend) -> dict[str, Any]:
        sample: dict[str, Any] = {}
        try:
            status, text = server.get("/metrics")
            sample |= figures(text) if status == 200 else {"status": status}
        except RequestError as error:
            sample["failure"] = error.kind.value
        looked_at = datetime.now(UTC)
        if self._state is not None:
            try:
                sample["state"] = self._state()
            except HelpersError as error:
                sample["state"] = f"not known: {error}"
        return {"at": looked_at.isoformat(), **sample}

    def _write(self, sample: dict[str, Any]) -> None:
        with self._log.with_name(NAME).open("a", encoding="utf-8") as file:
            file.write(redact(json.dumps(sample), secrets()) + "\n")


def start_poller(params: Params, url: str, log: Path) -> Poller:
    """Return a running poller of whoever answers a run; the management API is asked where there is access to it."""
    return Poller(url, log, EVERY.get(params.backend, EVERY["endpoint"]), _state_of(params))


def figures(text: str) -> dict[str, float]:
    """Return what is kept of a server's figures; of a text in another form nothing."""
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, KeyError, IndexError):
        return {}
    return {KEPT[sample.name]: sample.value for sample in samples if sample.name in KEPT}


def read_usage(logs: list[Path]) -> list[tuple[float, float]]:
    """Return the load between two looks, as seconds since 1970 and the share of all cores, beside the logs given.

    A restart of the server (its counter falls back) and a line that is not whole are left out.
    """
    found = []
    for path in dict.fromkeys(log.with_name(NAME) for log in logs):
        before: tuple[float, float] | None = None
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            now = _spent(line)
            if now and before and now[0] > before[0] and now[1] >= before[1]:
                found.append((now[0], (now[1] - before[1]) / (now[0] - before[0])))
            before = now
    return found


def _spent(line: str) -> tuple[float, float] | None:
    """Return when a look was and the processor time spent by then, seconds per core."""
    try:
        row = json.loads(line)
        return datetime.fromisoformat(row["at"]).timestamp(), row["cpu_seconds"] / row["cores"]
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


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
