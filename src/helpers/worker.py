"""The worker behind the server: loads a model in a thread of its own, then computes one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from helpers.backends import Answer, Backend
from helpers.errors import Failure, RequestError
from helpers.params import Generation

T = TypeVar("T")
#: Seconds a client is asked to wait when the queue is full.
RETRY_AFTER = 1.0


class Worker:
    """One model behind a bounded queue; everything but the computing happens on the event loop.

    ``running`` is the number of inputs being computed, ``queued`` the number of requests waiting for their
    turn. ``failure`` is why the model could not be loaded, ``told`` whether a client has been answered so.
    """

    def __init__(self, factory: Callable[[], Backend], queue_size: int = 64) -> None:
        self._factory = factory
        self._queue_size = queue_size
        # One thread for good: torch keeps its number of threads per calling thread.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._turn = asyncio.Lock()
        self._job: Future[Any] | None = None
        self._backend: Backend | None = None
        self._stopping = False
        self.running = 0
        self.queued = 0
        self.failure: Exception | None = None
        self.told = False

    @property
    def is_busy(self) -> bool:
        """Whether the thread is still at work, loading or computing."""
        return self._job is not None and not self._job.done()

    async def load(self) -> None:
        """Load the model; a failure is kept for `check_ready` to tell."""
        try:
            self._backend = await self._in_thread(self._factory)
        except Exception as error:  # whatever it is, clients and the caller of the server must hear of it
            self.failure = error

    def check_ready(self) -> Backend:
        """Return the loaded model, or raise the `RequestError` that says why nothing can be answered now."""
        if self.failure:
            self.told = True
            raise RequestError(Failure.SERVER_ERROR, f"the model failed to load: {self.failure}", status=500)
        if self._stopping:
            raise RequestError(Failure.COLD, "the server is stopping", status=503)
        if self._backend is None:
            raise RequestError(Failure.COLD, "the model is loading", status=503)
        return self._backend

    async def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers when it is this request's turn; raises `RequestError` as the backend does."""
        self.check_ready()
        if self.queued >= self._queue_size:
            message = f"{self.queued} requests are waiting already"
            raise RequestError(Failure.RATE_LIMITED, message, status=503, retry_after=RETRY_AFTER)
        self.queued += 1
        try:
            await self._turn.acquire()
        finally:
            self.queued -= 1
        try:
            backend = self.check_ready()
            self.running = len(dialogues)
            return await self._in_thread(lambda: backend.summarise(dialogues, generation))
        finally:
            self.running = 0
            self._turn.release()

    def stop(self) -> None:
        """Take no further request; the one being computed may finish."""
        self._stopping = True

    def close(self) -> None:
        """Let go of the model and the thread; call it when the worker is idle."""
        if self._backend is not None:
            self._backend.close()
        self._pool.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        self._job = job = self._pool.submit(work)
        return await asyncio.wrap_future(job)
