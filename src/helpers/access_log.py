"""One line on stderr for each request that the local server gets."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LogLine:
    """Middleware that writes one line per request to stderr: never a text, a token or an unknown path."""

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through and write the line when the answer is sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), "-"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            path = scope["path"] if scope["path"] in self._paths else "(unknown)"
            seconds, n = time.perf_counter() - began, scope.get("inputs", 0)
            print(now, scope["method"], path, status, f"{seconds:.3f}s", f"n={n}", file=sys.stderr, flush=True)
