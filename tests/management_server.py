"""An imitation of the vendor's management API that keeps its state, on a real loopback socket.

A created or resumed endpoint goes through ``course`` one state per look; ``reason`` is what a failed one says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "planted-[a-z]+.token"
COURSE = ("pending", "initializing", "running")
SPR = {
    "instanceType": "intel-spr",
    "accelerator": "cpu",
    "numAccelerators": 1,
    "architecture": "Intel",
    "status": "available",
}
HARDWARE = {
    "vendors": [
        {
            "name": "aws",
            "regions": [
                {
                    "name": "us-east-1",
                    "computes": [
                        {
                            **SPR, "id": f"aws-us-east-1-intel-spr-{size}", "instanceSize": size, "numCpus": cpus,
                            "memoryGb": 2 * cpus, "gpuMemoryGb": None, "pricePerHour": price,
                            "quota": {"maxAccelerators": 8, "usedAccelerators": 0},
                        }
                        for size, cpus, price in (("x4", 4, 0.15), ("x8", 8, 0.30))
                    ],
                }
            ],
        }
    ]
}  # fmt: skip


class Management:
    """The state of the imitation: endpoints by name, every call that came, and with which keys."""

    def __init__(self, course: Sequence[str] = COURSE, reason: str = "") -> None:
        self.course, self.reason = list(course), reason
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.keys: set[str] = set()
        self.bodies: list[dict[str, Any]] = []
        self.refuse: int | None = None
        self._coming: dict[str, list[str]] = {}

    def answer(self, method: str, path: str, body: dict[str, Any], token: str) -> tuple[int, Any]:
        self.calls.append(f"{method} {path}")
        self.keys.add(token)
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials"}
        if self.refuse:
            return self.refuse, {"error": f"refused with {token}"}
        kind, _, *rest = path.strip("/").split("/")
        # who the token belongs to, and what there is
        if kind in ("api", "provider"):
            return 200, HARDWARE if kind == "provider" else {"type": "user", "name": "team", "orgs": []}
        if not rest:
            return self._create(body)
        name, *action = rest
        if name not in self.endpoints:
            return 404, {"error": "Not found"}
        return 200, self._act(name, method, action[0] if action else "")

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["name"] in self.endpoints:
            return 409, {"error": "exists"}
        self.bodies.append(body)
        self.endpoints[body["name"]] = {**body, "healthRoute": "/health"}
        self._start(body["name"])
        return 202, self._shown(body["name"])

    def _act(self, name: str, method: str, action: str) -> Any:
        if method == "DELETE":
            del self.endpoints[name]
            return None
        if action == "resume":
            self._start(name)
        elif action:
            self._settle(name, {"pause": "paused", "scale-to-zero": "scaledToZero"}[action])
        elif len(self._coming[name]) > 1:
            self._coming[name].pop(0)
        return self._shown(name)

    def _start(self, name: str) -> None:
        self._coming[name] = ["pending", *self.course]

    def _settle(self, name: str, state: str) -> None:
        self._coming[name] = [state]

    def _shown(self, name: str) -> dict[str, Any]:
        endpoint, state = self.endpoints[name], self._coming[name][0]
        times = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
        status = {"state": state, "message": self.reason, **times}
        if state == "running":
            status["url"] = "http://127.0.0.1:9"
        model = {"task": None, "framework": None, **endpoint["model"]}
        return {**endpoint, "model": model, "status": status}


@contextmanager
def managed(management: Management) -> Iterator[str]:
    """Serve the imitation until the block ends; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            status, found = management.answer(
                self.command, self.path.removeprefix("/v2"), body, self.headers.get("Authorization", "")
            )
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v2"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
