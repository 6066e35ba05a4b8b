"""What tests of a server need: to ask it, and to wait until something has come about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2

from tests.local_server import Served


def until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def ask(server: Served, text: str = "Ann: hi", **options: Any) -> httpx2.Response:
    return httpx2.post(server.url, json={"inputs": text}, timeout=20, **options)
