"""Send requests when they are due, whatever the service does meanwhile, and keep a few numbers of each.

A closed loop waits for answers and so hides every stall; here the schedule is fixed before the first request, and
the response time counts from the intended send. Seconds since the start of the run.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import UNREACHABLE, Failure, RequestError
from helpers.experiments.load import arrivals
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.streaming import CLOCKS
from helpers.params import Generation
from helpers.runs.sender import is_from_cache
from helpers.stats.intervals import FloatArray

#: The event loop wakes up to a millisecond late: this long before a send is due it looks at the clock instead.
SPIN = 0.002
#: Most requests in flight: beyond it, later ones wait here, and their dispatch delay and response time say so.
MOST_UNDER_WAY = 8_000
#: How often progress is told, and how long an interrupted run may take to end, seconds.
EVERY, GRACE = 0.5, 5.0
#: A closed loop that finds the service unreachable sends again after this time, seconds, not as fast as it can.
NOBODY_HOME = 0.1
PENDING, OK = 0, 1
KINDS = tuple(Failure)

Tell = Callable[["Outcomes", float], None]


@dataclass(frozen=True)
class Span:
    """When a request was due, sent and done: seconds since the start of its run."""

    intended: float
    sent: float
    done: float


class Observer(Protocol):
    """Who is told of every request of a run, by its place in it, on the event loop: it must not wait.

    ``begin`` says why a request may not be sent, which ends the run, or nothing. ``end`` hears of all that have begun.
    """

    def begin(self, place: int) -> str: ...

    def end(
        self, place: int, sample: int, span: Span, error: RequestError | None, answer: Answer | None = None
    ) -> None: ...


@dataclass(frozen=True)
class MeasuredPart:
    """The part of a run that counts, one value per request; its window takes ``seconds`` and ends at ``until``.

    ``streamed`` answers came in events, and ``clocks`` are theirs, by name, where they are known; ``cached`` ones were
    taken from the server's cache of prompts, and their clocks are in none of these.
    """

    intended: FloatArray
    sent: FloatArray
    done: FloatArray
    kinds: NDArray[np.uint8]
    samples: NDArray[np.int64]
    seconds: float
    until: float = np.inf
    streamed: int = 0
    cached: int = 0
    clocks: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which requests succeeded."""
        return np.equal(self.kinds, OK)

    @property
    def in_time(self) -> NDArray[np.bool_]:
        """Which requests were answered within the window, which is what a rate counts."""
        return self.good & (self.done <= self.until)

    @property
    def responses(self) -> FloatArray:
        """The response times of the successes, in order of arrival."""
        return (self.done - self.intended)[self.good]

    @property
    def services(self) -> FloatArray:
        """The service times of the successes, in order of arrival."""
        return (self.done - self.sent)[self.good]


@dataclass
class Outcomes:
    """The outcome of every request, 33 bytes each: when it was due, sent and done, which sample, and how it ended.

    ``kinds`` holds `PENDING`, `OK`, or two more than the place of its failure in `KINDS`; ``errors`` holds the first of
    each kind. ``warmup`` is where the measured part begins and ``window`` where it ends: as planned, where a run was
    cut short, or with the last answer of a closed loop. ``zero`` is the start on the clock of ``perf_counter``,
    ``stopped`` why not everything was sent. ``streamed`` are the places of the answers that came in events, 32 bytes
    more each, and ``clocks`` what was timed of them, NaN where it is not known; ``cached`` are the places of those that
    were taken from the server's prompt cache.
    """

    warmup: float
    window: float
    intended: array[float] = field(default_factory=lambda: array("d"))
    sent: array[float] = field(default_factory=lambda: array("d"))
    done: array[float] = field(default_factory=lambda: array("d"))
    samples: array[int] = field(default_factory=lambda: array("l"))
    kinds: bytearray = field(default_factory=bytearray)
    answered: int = 0
    failed: int = 0
    zero: float = 0.0
    interrupted: bool = False
    stopped: str = ""
    errors: dict[Failure, RequestError] = field(default_factory=dict)
    streamed: array[int] = field(default_factory=lambda: array("l"))
    clocks: dict[str, array[float]] = field(default_factory=lambda: {name: array("d") for name in CLOCKS})
    cached: array[int] = field(default_factory=lambda: array("l"))

    def due(self, intended: float, sample: int) -> int:
        """Enter a request that is due and return its place."""
        self.intended.append(intended)
        self.sent.append(np.nan)
        self.done.append(np.nan)
        self.samples.append(sample)
        self.kinds.append(PENDING)
        return len(self.kinds) - 1

    def finish(
        self, place: int, now: float, error: RequestError | None, answer: Answer | None = None, *, cached: bool = False
    ) -> None:
        """Enter how a request ended, and the clocks of an answer that came in events."""
        self.done[place] = now
        self.kinds[place] = OK if error is None else KINDS.index(error.kind) + 2
        self.answered += error is None
        self.failed += error is not None
        if error is not None:
            self.errors.setdefault(error.kind, error.with_traceback(None))
        if cached:
            self.cached.append(place)
        elif answer is not None and answer.chunks:
            self.streamed.append(place)
            for name, values in self.clocks.items():
                known = getattr(answer, name)
                values.append(np.nan if known is None else known)

    def cut(self, now: float) -> None:
        """End the measured part here, if it has not ended yet."""
        self.window = min(self.window, now)

    def measured(self) -> MeasuredPart:
        """Return the measured part; what is still in flight in it was cancelled."""
        kinds = np.frombuffer(bytes(self.kinds), dtype=np.uint8).copy()
        kinds[kinds == PENDING] = KINDS.index(Failure.CANCELLED) + 2
        intended, sent, done = (np.array(times) for times in (self.intended, self.sent, self.done))
        kept = intended >= self.warmup
        streamed = kept[np.array(self.streamed, dtype=np.int64)]
        clocks = {name: np.array(values)[streamed] for name, values in self.clocks.items()}
        return MeasuredPart(
            intended[kept],
            sent[kept],
            done[kept],
            kinds[kept],
            np.array(self.samples, dtype=np.int64)[kept],
            max(0.0, self.window - self.warmup),
            self.window,
            int(streamed.sum()),
            int(kept[np.array(self.cached, dtype=np.int64)].sum()),
            {name: values[~np.isnan(values)] for name, values in clocks.items()},
        )


def send(
    backend: EndpointBackend,
    dialogues: Sequence[str],
    generation: Generation,
    plan: Plan,
    tell: Tell | None = None,
    observer: Observer | None = None,
    shared_tokens: int = 0,
) -> Outcomes:
    """Carry out a plan and return its outcomes; Ctrl-C ends it early and keeps what was measured.

    ``tell`` is called twice a second with the outcomes so far and the seconds gone by, ``observer`` for every request.
    ``shared_tokens`` are what all prompts have in common, as of `helpers.runs.sender.RequestSender`.
    """
    outcomes = Outcomes(plan.warmup, plan.warmup + plan.seconds)
    sender = _Sender(backend, dialogues, generation, plan, outcomes, tell, observer, shared_tokens)
    gc.collect()
    gc.freeze()  # a collection through everything loaded so far would take milliseconds, and delay what is due
    try:
        backend.call(sender.run)
    except KeyboardInterrupt:
        sender.over.wait(GRACE)  # the loop runs in a thread of its own and may still be writing
        outcomes.interrupted = True
    finally:
        gc.unfreeze()
    return outcomes


class _Sender:
    """One plan in progress on the backend's event loop."""

    def __init__(
        self,
        backend: EndpointBackend,
        dialogues: Sequence[str],
        generation: Generation,
        plan: Plan,
        outcomes: Outcomes,
        tell: Tell | None,
        observer: Observer | None,
        shared_tokens: int,
    ) -> None:
        self._backend, self._dialogues, self._generation = backend, dialogues, generation
        self._plan, self._outcomes, self._tell, self._observer = plan, outcomes, tell, observer
        self._shared_tokens = shared_tokens
        self._draws = arrivals.draws(len(dialogues), plan.seed)
        self._under_way: set[asyncio.Task[RequestError | None]] = set()
        self._left = plan.count
        self.over = threading.Event()

    async def run(self) -> None:
        """Send everything, wait for the answers, and leave nothing in flight."""
        self._outcomes.zero = time.perf_counter()
        telling = asyncio.create_task(self._telling())
        try:
            await (self._closed() if self._plan.arrival == "closed" else self._open())
        except asyncio.CancelledError:
            self._outcomes.cut(self._now())
            raise
        finally:
            telling.cancel()
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(telling, *self._under_way, return_exceptions=True)
            self.over.set()

    async def _open(self) -> None:
        plan, outcomes = self._plan, self._outcomes
        times = arrivals.schedule(plan.arrival, plan.rate or 0.0, plan.warmup + plan.seconds, plan.seed)
        if plan.count is not None:
            last = int(np.searchsorted(times, plan.warmup)) + plan.count
            outcomes.window = float(times[last]) if last < times.size else outcomes.window
            times = times[:last]
        for due in times:
            await self._until(float(due))
            while len(self._under_way) >= MOST_UNDER_WAY:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            if not self._may_begin():
                break
            task = asyncio.create_task(self._ask(outcomes.due(float(due), next(self._draws))))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _closed(self) -> None:
        await asyncio.gather(*(self._one_after_the_other() for _ in range(self._plan.concurrency)))
        self._outcomes.window = self._now()

    async def _one_after_the_other(self) -> None:
        """Send the next request as soon as the last is answered: the intended send is the send itself."""
        while (now := self._now()) < self._outcomes.window and self._left != 0:
            if not self._may_begin():
                return
            if self._left is not None and now >= self._plan.warmup:
                self._left -= 1
            error = await self._ask(self._outcomes.due(now, next(self._draws)))
            if error and error.kind in (*UNREACHABLE, Failure.RATE_LIMITED):
                await asyncio.sleep(NOBODY_HOME)

    def _may_begin(self) -> bool:
        """Whether the next request may be sent; the first one that may not be ends the run."""
        outcomes = self._outcomes
        if self._observer and not outcomes.stopped and (why := self._observer.begin(len(outcomes.kinds))):
            outcomes.stopped = why
            outcomes.cut(self._now())
        return not outcomes.stopped

    async def _ask(self, place: int) -> RequestError | None:
        outcomes = self._outcomes
        error: RequestError | None = None
        answer: Answer | None = None
        sample = outcomes.samples[place]
        outcomes.sent[place] = self._now()
        try:
            (answer,) = await self._backend.ask([self._dialogues[sample]], self._generation)
        except RequestError as failed:
            error = failed
        except asyncio.CancelledError:
            self._ended(place, self._now(), RequestError(Failure.CANCELLED, "interrupted"))
            raise
        now = self._now()
        cached = answer is not None and is_from_cache(answer, self._shared_tokens)
        outcomes.finish(place, now, error, answer, cached=cached)
        self._ended(place, now, error, answer)
        return error

    def _ended(self, place: int, now: float, error: RequestError | None, answer: Answer | None = None) -> None:
        outcomes = self._outcomes
        if self._observer:
            span = Span(outcomes.intended[place], outcomes.sent[place], now)
            self._observer.end(place, outcomes.samples[place], span, error, answer)

    async def _until(self, due: float) -> None:
        """Sleep until shortly before a time, then let others run while looking at the clock."""
        if (left := due - self._now()) > SPIN:
            await asyncio.sleep(left - SPIN)
        await asyncio.sleep(0)  # even when late: those in flight must go on
        while self._now() < due:
            await asyncio.sleep(0)

    async def _telling(self) -> None:
        while self._tell:
            await asyncio.sleep(EVERY)
            self._tell(self._outcomes, self._now())

    def _now(self) -> float:
        return time.perf_counter() - self._outcomes.zero


def sweep(
    backend: EndpointBackend,
    dialogues: Sequence[str],
    generation: Generation,
    plans: Sequence[Plan],
    repeats: int,
    observed: Callable[[int], AbstractContextManager[Observer | None]] = lambda repeat: nullcontext(),
    shared_tokens: int = 0,
) -> list[list[Outcomes]]:
    """Carry out every plan ``repeats`` times and return the outcomes by plan; an interruption ends it
    early.

    Each repeat has arrivals of its own and takes the plans in an order of its own, so that a service that drifts
    does not favour one of them. ``observed`` opens who is told of the requests of a run of some repeat, and may end the
    sweep.
    """
    found: list[list[Outcomes]] = [[] for _ in plans]
    for repeat in range(repeats):
        order = random.Random(f"{plans[0].seed} {repeat}")  # noqa: S311
        for place in order.sample(range(len(plans)), len(plans)):
            plan = plans[place].repeated(repeat, place)
            with observed(repeat) as observer:
                tell = _teller(plan, repeat, repeats)
                outcomes = send(backend, dialogues, generation, plan, tell, observer, shared_tokens)
            found[place].append(outcomes)
            if outcomes.interrupted or outcomes.stopped:
                return found
    return found


def _teller(plan: Plan, repeat: int, repeats: int) -> Tell | None:
    if not sys.stderr.isatty():
        return None
    rate = "" if plan.rate is None else f" at {plan.rate:g}/s"

    def tell(so_far: Outcomes, seconds: float) -> None:
        sent, ended = len(so_far.kinds), so_far.answered + so_far.failed
        line = f"run {repeat + 1}/{repeats}{rate}: {seconds:.0f} of {plan.warmup + plan.seconds:.0f} s, {sent} sent, "
        line += f"{so_far.answered} answered, {so_far.failed} failed, {sent - ended} in flight"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    return tell
