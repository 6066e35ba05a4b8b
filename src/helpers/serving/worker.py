"""The workers behind the server: each loads a model in a thread of its own, then computes one batch at a time.

Which of the waiting requests are computed together is decided here too.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from helpers.backends.base import Answer, Backend
from helpers.core.errors import Failure, RequestError
from helpers.params import Batching, Generation, Serving

T = TypeVar("T")
#: Seconds a client is told to wait when the queue is full: at least, and at most.
RETRY_AFTER = (1.0, 60.0)
#: How much the newest batch says of the seconds that a request takes.
PACE_WEIGHT = 0.3

#: Characters of a token, about: exact counts would need every engine's tokenizer before its turn.
CHARACTERS_PER_TOKEN = 4


@dataclass(eq=False)
class Waiting:
    """A request that waits for its turn: its dialogues, its settings, and where its answers will be."""

    dialogues: Sequence[str]
    generation: Generation
    answers: asyncio.Future[list[Answer]]

    @property
    def tokens(self) -> float:
        """About how many tokens its longest dialogue has."""
        return max(map(len, self.dialogues)) / CHARACTERS_PER_TOKEN


def next_batch(waiting: Sequence[Waiting], batching: Batching | None) -> list[Waiting]:
    """Return the requests to compute next, in one batch: the one that waits longest and those that go with it.

    Those have equal settings; the nearest to it in length come first, because a batch is padded to its longest. The
    bounds hold for every batch but one of a single request, which is never refused for its size. Without ``batching`` a
    batch is one request.
    """
    first, *others = waiting
    batch, rows, longest = [first], len(first.dialogues), first.tokens
    if batching is None:
        return batch
    alike = [one for one in others if one.generation == first.generation]
    for one in sorted(alike, key=lambda one: abs(one.tokens - first.tokens)):
        more, padded_to = rows + len(one.dialogues), max(longest, one.tokens)
        if more <= batching.max_batch and more * padded_to <= batching.max_tokens:
            batch.append(one)
            rows, longest = more, padded_to
    return batch


class Worker:
    """Models behind one bounded queue; everything but the computing happens on the event loop.

    ``serving`` says how many, and whether requests are put together. ``running`` is the number of inputs being
    computed, ``queued`` the number of requests waiting for their turn. ``failure`` is why the model could not be
    loaded, ``failure_reported`` whether a client has been answered so.
    ``on_batch`` is called with the number of inputs of every batch.
    """

    def __init__(self, factory: Callable[[], Backend], serving: Serving | None = None) -> None:
        self._factory = factory
        self.serving = serving or Serving()
        self._seats = [_Seat() for _ in range(self.serving.workers)]
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._free = 0
        self._pace = 0.0
        self._ready = self._stopping = False
        self._at_work: list[asyncio.Task[None]] = []
        self.running = 0
        self.failure: Exception | None = None
        self.failure_reported = False
        self.on_batch: Callable[[int], None] = lambda inputs: None

    @property
    def queued(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether a thread is still at work, loading or computing."""
        return any(seat.is_busy for seat in self._seats)

    async def load(self) -> None:
        """Load the model, once per worker and one after the other; a failure is kept for `check_ready` to tell."""
        try:
            for seat in self._seats:
                await seat.load(self._factory)
        except Exception as error:  # whatever it is, clients and the caller of the server must hear of it
            self.failure = error
            return
        self._at_work = [asyncio.create_task(self._work(seat)) for seat in self._seats]
        self._ready = True

    def check_ready(self) -> None:
        """Raise the `RequestError` that says why nothing can be answered now, if so."""
        if self.failure:
            self.failure_reported = True
            raise RequestError(Failure.SERVER_ERROR, f"the model failed to load: {self.failure}", status=500)
        if self._stopping:
            raise _stopping()
        if not self._ready:
            raise RequestError(Failure.COLD, "the model is loading", status=503)

    async def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers when their turn has come; raises `RequestError` as the backend does.

        Their ``service_time`` is what their whole batch took, other requests included. When the caller is cancelled the
        request leaves the queue; a batch that it is in already goes on without it.
        """
        self.check_ready()
        if self.queued >= self.serving.queue:
            message = f"{self.queued} requests are waiting already"
            raise RequestError(Failure.RATE_LIMITED, message, status=429, retry_after=self._retry_after())
        request = Waiting(dialogues, generation, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        try:
            return await request.answers
        finally:
            if request in self._waiting:
                self._waiting.remove(request)

    def stop(self) -> None:
        """Take no further request and refuse those that wait; what is being computed may finish."""
        self._stopping = True
        for request in self._waiting:
            _settle(request, _stopping())
        self._waiting.clear()

    def close(self) -> None:
        """Let go of the models and the threads; call it when the worker is idle."""
        for seat in self._seats:
            seat.close()

    async def _work(self, seat: _Seat) -> None:
        """Compute batch after batch.

        When one is done, those who were in it or wait already are likely to be back at once: the next waits for as
        many requests, ``max_wait`` at most. A single request to an idle model is therefore never kept waiting.
        """
        batching = self.serving.batching
        company, until = 1, 0.0
        while True:
            batch = await self._next(min(company, batching.max_batch if batching else 1), until)
            await self._compute(seat, batch)
            company = len(batch) + len(self._waiting)
            until = time.monotonic() + (batching.max_wait if batching else 0.0)

    async def _next(self, company: int, until: float) -> list[Waiting]:
        """Return the next batch: as soon as ``company`` requests wait, or any at all after the time ``until``."""
        self._free += 1
        while len(self._waiting) < company:
            left = until - time.monotonic()
            if self._waiting and left <= 0:
                break
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left if self._waiting else None):
                    await self._arrived.wait()
        # Other workers that are free take their part.
        share = math.ceil(len(self._waiting) / self._free)
        self._free -= 1
        batch = next_batch(self._waiting, self.serving.batching)[:share]
        for request in batch:
            self._waiting.remove(request)
        return batch

    async def _compute(self, seat: _Seat, batch: Sequence[Waiting]) -> None:
        """Answer a batch; if it fails its requests are computed one by one, so that one cannot break the others."""
        try:
            answers = iter(await self._answers(seat, batch))
        except Exception as error:  # whatever a backend raises is for its client to hear, and the worker goes on
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            for request in batch:
                if not request.answers.done():
                    await self._compute(seat, [request])
            return
        for request in batch:
            _settle(request, [next(answers) for _ in request.dialogues])

    async def _answers(self, seat: _Seat, batch: Sequence[Waiting]) -> list[Answer]:
        """Return the answers of a whole batch in order, counting it and the seconds that each request took."""
        dialogues = [text for request in batch for text in request.dialogues]
        self.running += len(dialogues)
        self.on_batch(len(dialogues))
        began = time.monotonic()
        try:
            return await seat.summarise(dialogues, batch[0].generation)
        finally:
            self.running -= len(dialogues)
            each = (time.monotonic() - began) / len(batch)
            self._pace = PACE_WEIGHT * each + (1 - PACE_WEIGHT) * (self._pace or each)

    def _retry_after(self) -> float:
        """Return in how many seconds those who wait now will have been answered, about and within bounds."""
        least, most = RETRY_AFTER
        return min(max(least, math.ceil(self._pace * self.queued / len(self._seats))), most)


class _Seat:
    """One model and its thread: for good, because torch keeps its number of threads per calling thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._job: Future[Any] | None = None
        self._backend: Backend | None = None

    @property
    def is_busy(self) -> bool:
        return self._job is not None and not self._job.done()

    async def load(self, factory: Callable[[], Backend]) -> None:
        self._backend = await self._in_thread(factory)

    async def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        assert self._backend is not None
        backend = self._backend
        return await self._in_thread(lambda: backend.summarise(dialogues, generation))

    def close(self) -> None:
        if self._backend is not None:
            self._backend.close()
        self._pool.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        self._job = job = self._pool.submit(work)
        try:
            return await asyncio.wrap_future(job)
        except Exception:
            raise
        except BaseException as error:
            if not job.done() or job.cancelled() or job.exception() is not error:
                raise
            # A panic of compiled code is an answer to its client, and no reason to stop answering.
            raise RuntimeError(f"{type(error).__name__}: {error}") from error


def _settle(request: Waiting, outcome: list[Answer] | Exception) -> None:
    """Give a request its answers or its failure, unless nobody waits for them any more."""
    if request.answers.done():
        return
    if isinstance(outcome, Exception):
        request.answers.set_exception(outcome)
    else:
        request.answers.set_result(outcome)


def _stopping() -> RequestError:
    return RequestError(Failure.COLD, "the server is stopping", status=503)
