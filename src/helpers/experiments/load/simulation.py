"""A simulated deployment: replicas behind one queue that start, scale, sleep and vanish as the service documents it.

Discrete events with SimPy, driven by measured service times and an arrival trace; no prices. Seconds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.stats.intervals import FloatArray

if TYPE_CHECKING:
    import simpy

#: The documented rules. A replica is added when more than this many requests per replica are pending, averaged over
#: `LOOK_BACK`; looked at every `UP_EVERY` and, downwards, every `DOWN_EVERY` with `STABLE` seconds of less need.
PENDING_PER_REPLICA, LOOK_BACK, UP_EVERY, DOWN_EVERY, STABLE = 1.5, 20.0, 60.0, 120.0, 300.0
#: Billing counts started minutes of a replica, from the start of its initialisation.
BILLED = 60.0


@dataclass(frozen=True)
class Fleet:
    """How replicas come and go.

    ``cold_start`` is from the start of a replica to its first answer; ``idle_to_zero`` is after how long without a
    request the last one is stopped, if at all; ``spot_life`` is the mean of an exponential life until a replica is
    taken away, if it can be: its request goes back to the head of the queue and another replica is started.
    """

    least: int = 1
    most: int = 1
    cold_start: float = 0.0
    idle_to_zero: float | None = None
    spot_life: float | None = None


@dataclass(frozen=True)
class Simulated:
    """The outcome of a trace: the response time of each request, and what the replicas did meanwhile.

    ``cold_starts`` counts requests that found no replica running; ``billed`` are replica-seconds in started minutes.
    """

    responses: FloatArray
    billed: float
    cold_starts: int
    interruptions: int
    most_replicas: int


def simulate(
    arrivals: Sequence[float] | FloatArray,
    services: Sequence[float] | FloatArray,
    fleet: Fleet,
    seconds: float,
    seed: int,
) -> Simulated:
    """Return what a fleet makes of a trace: ``services`` hold one time per arrival, 0 for one from a cache.

    The fleet starts warm with ``least`` replicas (one, if it may sleep) and is billed for ``seconds`` and for what
    is still to be answered then. Requests wait in one queue, and wake a fleet that sleeps.
    """
    import simpy

    return _Deployment(simpy.Environment(), fleet, seed).run(arrivals, services, seconds)


def cached(services: FloatArray, repeat_rate: float, seed: int) -> FloatArray:
    """Return service times with a cache in front: this share of requests repeats an earlier one and costs nothing."""
    repeats = np.random.default_rng((seed, 4)).random(services.size) < repeat_rate
    return np.where(repeats, 0.0, services)


class _Replica:
    """One replica: when its billing began, and the process that serves."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.is_up = self.is_busy = False
        self.process: Any = None


class _Deployment:
    """The events of one simulation."""

    def __init__(self, env: simpy.Environment, fleet: Fleet, seed: int) -> None:
        self._env, self._fleet = env, fleet
        self._draws = np.random.default_rng((seed, 5))
        self._queue: deque[tuple[int, float, float]] = deque()
        self._idle: dict[_Replica, Any] = {}
        self._replicas: list[_Replica] = []
        self._pending, self._changes = 0, deque([(0.0, 0)])
        self._needed: deque[tuple[float, int]] = deque()
        self._last_request = 0.0
        self._billed, self._cold_starts, self._interruptions, self._most = 0.0, 0, 0, 0

    def run(
        self, arrivals: Sequence[float] | FloatArray, services: Sequence[float] | FloatArray, seconds: float
    ) -> Simulated:
        """Play a trace to its end and until everything is answered."""
        self._responses = np.full(len(arrivals), np.nan)
        for _ in range(max(1, self._fleet.least)):
            self._start(0.0)
        source = self._env.process(self._arrive(arrivals, services))
        if self._fleet.most > self._fleet.least:
            self._env.process(self._scale_up())
            self._env.process(self._scale_down())
        if self._fleet.idle_to_zero is not None:
            self._env.process(self._sleep())
        self._env.run(until=source)
        end = seconds
        while self._pending or self._env.now < end:
            self._env.run(until=max(end, self._env.now + 1.0))
        for replica in list(self._replicas):
            self._bill(replica)
        return Simulated(self._responses, self._billed, self._cold_starts, self._interruptions, self._most)

    def _arrive(self, arrivals: Any, services: Any) -> Generator[Any, Any, None]:
        for place, (due, service) in enumerate(zip(arrivals, services, strict=True)):
            yield self._env.timeout(due - self._env.now)
            if service == 0.0:
                self._responses[place] = 0.0
                continue
            self._last_request = self._env.now
            self._queue.append((place, due, service))
            self._count(1)
            if not any(replica.is_up for replica in self._replicas):
                self._cold_starts += 1
            if not self._replicas:
                self._start(self._fleet.cold_start)
            self._wake()

    def _start(self, delay: float) -> None:
        replica = _Replica(self._env.now)
        self._replicas.append(replica)
        self._most = max(self._most, len(self._replicas))
        replica.process = self._env.process(self._serve(replica, delay))
        if self._fleet.spot_life is not None:
            self._env.process(self._take_away(replica, float(self._draws.exponential(self._fleet.spot_life))))

    def _serve(self, replica: _Replica, delay: float) -> Generator[Any, Any, None]:
        """Initialise, then take one request after the other until stopped by an interrupt."""
        import simpy

        current = None
        try:
            yield self._env.timeout(delay)
            replica.is_up = True
            while True:
                while self._queue:
                    current = self._queue.popleft()
                    place, due, service = current
                    replica.is_busy = True
                    yield self._env.timeout(service)
                    self._responses[place] = self._env.now - due
                    current, replica.is_busy = None, False
                    self._count(-1)
                self._idle[replica] = self._env.event()
                yield self._idle[replica]
        except simpy.Interrupt:
            if current is not None:
                self._queue.appendleft(current)
        finally:
            self._idle.pop(replica, None)

    def _wake(self) -> None:
        """Let one idle replica look at the queue."""
        if self._idle:
            replica = next(iter(self._idle))
            self._idle.pop(replica).succeed()

    def _stop(self, replica: _Replica) -> None:
        self._replicas.remove(replica)
        self._bill(replica)
        replica.process.interrupt()

    def _bill(self, replica: _Replica) -> None:
        self._billed += BILLED * math.ceil((self._env.now - replica.began) / BILLED - 1e-9)

    def _take_away(self, replica: _Replica, life: float) -> Generator[Any, Any, None]:
        yield self._env.timeout(life)
        if replica in self._replicas:
            self._interruptions += 1
            self._stop(replica)
            self._start(self._fleet.cold_start)
            self._wake()

    def _scale_up(self) -> Generator[Any, Any, None]:
        while True:
            yield self._env.timeout(UP_EVERY)
            now, count = self._env.now, len(self._replicas)
            mean = self._mean_pending()
            self._needed.append((now, math.ceil(mean / PENDING_PER_REPLICA)))
            if count and count < self._fleet.most and mean / count > PENDING_PER_REPLICA:
                self._start(self._fleet.cold_start)

    def _scale_down(self) -> Generator[Any, Any, None]:
        while True:
            yield self._env.timeout(DOWN_EVERY)
            while self._needed and self._needed[0][0] < self._env.now - STABLE:
                self._needed.popleft()
            needed = max((count for _, count in self._needed), default=0)
            idle = [replica for replica in self._replicas if replica in self._idle]
            if idle and len(self._replicas) > max(1, self._fleet.least, needed):
                self._stop(idle[-1])

    def _sleep(self) -> Generator[Any, Any, None]:
        """Stop the last replicas when nothing was asked for as long as the fleet says."""
        limit = self._fleet.idle_to_zero or 0.0
        while True:
            yield self._env.timeout(BILLED)
            if not self._pending and self._env.now - self._last_request >= limit:
                for replica in list(self._replicas):
                    self._stop(replica)

    def _count(self, change: int) -> None:
        self._pending += change
        self._changes.append((self._env.now, self._pending))

    def _mean_pending(self) -> float:
        """Return the pending requests, averaged over the last seconds; what lies further back is forgotten."""
        now = float(self._env.now)
        start = now - LOOK_BACK
        while len(self._changes) > 1 and self._changes[1][0] <= start:
            self._changes.popleft()
        times = [max(start, when) for when, _ in self._changes] + [now]
        counts = [count for _, count in self._changes]
        return sum(c * (b - a) for c, a, b in zip(counts, times, times[1:], strict=False)) / LOOK_BACK
