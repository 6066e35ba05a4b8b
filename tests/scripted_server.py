"""A real server on a loopback socket that answers by a script, byte for byte if need be."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

Play = Callable[[socket.socket], None]
PlayWithRequest = Callable[[socket.socket, bytes], None]


def answer(
    status: int, body: bytes | str | object, headers: Iterable[str] = (), *, kind: str = "application/json"
) -> Play:
    """Answer a request with a status and a body (anything but text and bytes is sent as JSON)."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", f"Content-Type: {kind}", *headers]
    lines.append("Connection: close")
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def raw(content: bytes) -> Play:
    """Send bytes and close."""

    def play(client: socket.socket) -> None:
        client.sendall(content)

    return play


def drip(content: bytes, seconds: float) -> Play:
    """Send one byte at a time, for as long as somebody listens."""

    def play(client: socket.socket) -> None:
        for place in range(len(content)):
            client.sendall(content[place : place + 1])
            time.sleep(seconds)

    return play


def gated(first: bytes, gate: threading.Event, rest: bytes) -> Play:
    """Send bytes, and others once the gate is open."""

    def play(client: socket.socket) -> None:
        client.sendall(first)
        assert gate.wait(30)
        client.sendall(rest)

    return play


def stall(content: bytes) -> Play:
    """Send bytes, then nothing, until the client goes or ten seconds have passed."""

    def play(client: socket.socket) -> None:
        client.sendall(content)
        client.settimeout(10)
        client.recv(1)

    return play


def hold(seconds: float, play: Play) -> Play:
    """Keep the client waiting before a play."""

    def held(client: socket.socket) -> None:
        time.sleep(seconds)
        play(client)

    return held


def flood(head: bytes, chunk: bytes, megabytes: float) -> Play:
    """Send a head and then one chunk again and again, as long as somebody listens, up to a size."""

    def play(client: socket.socket) -> None:
        client.sendall(head)
        for _ in range(int(megabytes * 1_000_000 / len(chunk))):
            client.sendall(chunk)

    return play


def cut(content: bytes) -> Play:
    """Send bytes, then break the connection off with a reset."""

    def play(client: socket.socket) -> None:
        client.sendall(content)
        time.sleep(0.05)
        reset(client)

    return play


def hang_up_on_next(play: Play) -> Play:
    """Play with the connection left open, and close it without a word when the next request arrives on it."""

    def kept(client: socket.socket) -> None:
        play(client)
        client.recv(65_536)

    return kept


def echo(client: socket.socket, request: bytes) -> None:
    """Answer with the input itself."""
    body = request.partition(b"\r\n\r\n")[2]
    inputs = json.loads(body)["inputs"] if body else "Ok"
    answer(200, [{"summary_text": text} for text in ([inputs] if isinstance(inputs, str) else inputs)])(client)


def reset(client: socket.socket) -> None:
    """Break the connection off without a word."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def summary(text: str = "A summary.") -> Play:
    """Answer as a healthy deployment does."""
    return answer(200, [{"summary_text": text}])


class ScriptedServer:
    """Plays its script one request at a time, the last play for ever; ``requests`` holds headers and body.

    Whoever looks at ``/metrics`` while a run measures gets ``metrics``, and takes nothing from the script.
    """

    metrics: Play = staticmethod(answer(404, "", kind="text/plain"))

    def __init__(self, *script: Play | PlayWithRequest, port: int = 0) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.looks: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.1)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                with client:
                    client.settimeout(5)
                    with suppress(OSError):
                        self._play(client)

    def _play(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += client.recv(65_536)
        head, _, body = request.partition(b"\r\n\r\n")
        if head.startswith(b"GET /metrics "):
            self.looks.append(head)
            self.metrics(client)
            return
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += client.recv(65_536)
        self.requests.append(head + b"\r\n\r\n" + body)
        number = min(len(self.requests), len(self.script)) - 1
        play = self.script[number]
        play(client, self.requests[-1]) if play is echo else play(client)  # type: ignore[call-arg, arg-type]
