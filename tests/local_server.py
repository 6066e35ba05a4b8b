"""The package's own server on a real loopback socket, in a thread of the test, around any backend."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from helpers.backends.base import Answer, Backend
from helpers.params import Generation, Serving
from helpers.serving.asgi import build_app
from helpers.serving.cache import AnswerCache
from helpers.serving.server import address, listen, serve
from helpers.serving.worker import Worker


@dataclass
class Scripted:
    """A backend that answers at once, or when ``gate`` opens, or raises; ``asked`` holds every call."""

    kind = "scripted"
    error: Exception | None = None
    gate: threading.Event | None = None
    asked: list[tuple[list[str], Generation]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        self.asked.append((list(dialogues), generation))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.gate:
            assert self.gate.wait(20)
        self.at_once -= 1
        if self.error:
            raise self.error
        return [Answer(f"About {text}.", len(text), 2, 0, 0.25) for text in dialogues]

    def close(self) -> None:
        self.gate = None


@dataclass
class Served:
    """A running server: its address, its worker and its thread; ``stop`` asks it to end."""

    url: str
    worker: Worker
    thread: threading.Thread
    stop: Callable[[], None]


@contextmanager
def served(
    factory: Callable[[], Backend],
    generation: Generation | None = None,
    token: str | None = None,
    serving: Serving | None = None,
    cache: AnswerCache | None = None,
) -> Iterator[Served]:
    """Serve what ``factory`` loads until the block ends."""
    worker, stop = Worker(factory, serving), threading.Event()
    app = build_app(worker, generation or Generation(), token, cache)
    with listen("127.0.0.1", 0, token) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(serve(app, worker, listener, stop.is_set)))
        thread.start()
        try:
            yield Served(address(listener), worker, thread, stop.set)
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()
            worker.close()
