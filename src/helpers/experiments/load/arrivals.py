"""When requests arrive: schedules made before the first one is sent, each from a seed of its own. Seconds.

A schedule is a sorted array of times since its start; a million arrivals take 8 MB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from helpers.stats.intervals import FloatArray

Arrival = Literal["closed", "constant", "poisson"]
DAY = 86_400.0
#: Of the mean rate, the night's trough and the day's peak of `diurnal`.
TROUGH, PEAK = 0.1, 1.9
#: A burst brings this many times the mean rate, lasts this long on average, and takes this share of the time.
BURST, BURST_SECONDS, BURST_SHARE = 4.0, 300.0, 0.2


@dataclass(frozen=True)
class Plan:
    """One run of load: ``rate`` for the open loops, ``concurrency`` for the closed one; ends at the first bound.

    ``warmup`` seconds come before the ``seconds`` that count, and ``count`` bounds the requests that count.
    """

    arrival: Arrival
    seconds: float
    rate: float | None = None
    concurrency: int = 1
    warmup: float = 0.0
    count: int | None = None
    seed: int = 0

    def repeated(self, repeat: int, place: int) -> Plan:
        """Return the same plan with arrivals and samples of its own, as the given repeat of one of several plans."""
        seed = int(np.random.SeedSequence((self.seed, repeat, place)).generate_state(1)[0])
        return replace(self, seed=seed)


def constant(rate: float, seconds: float) -> FloatArray:
    """Return arrivals at equal distances, the first at 0."""
    return np.arange(math.ceil(rate * seconds - 1e-9)) / rate


def poisson(rate: float, seconds: float, seed: int) -> FloatArray:
    """Return the arrivals of a Poisson process: independent exponential gaps of mean ``1 / rate``."""
    draws = np.random.default_rng((seed, 0))
    size = math.ceil(rate * seconds + 6 * math.sqrt(rate * seconds) + 6)
    times = np.cumsum(draws.exponential(1 / rate, size))
    while times[-1] < seconds:  # one case in a thousand million
        times = np.concatenate([times, times[-1] + np.cumsum(draws.exponential(1 / rate, size))])
    return times[times < seconds]


def diurnal(rate: float, seconds: float, seed: int) -> FloatArray:
    """Return Poisson arrivals whose rate swings once a day around ``rate``, from a tenth of it to almost twice."""
    reach = (PEAK - TROUGH) / 2
    return _thinned(lambda t: 1 - reach * np.cos(2 * np.pi * t / DAY), PEAK, rate, seconds, seed)


def bursty(rate: float, seconds: float, seed: int) -> FloatArray:
    """Return Poisson arrivals of mean ``rate`` whose rate jumps between quiet and bursts at random times.

    Both last an exponential time: a Markov-modulated Poisson process. Source: Fischer and Meier-Hellstern (1993).
    """
    draws = np.random.default_rng((seed, 2))
    quiet = BURST_SECONDS * (1 - BURST_SHARE) / BURST_SHARE
    phases = math.ceil(2 * seconds / (quiet + BURST_SECONDS)) + 20
    ends = np.cumsum(draws.exponential([quiet, BURST_SECONDS], (phases, 2)))
    low = (1 - BURST * BURST_SHARE) / (1 - BURST_SHARE)
    return _thinned(lambda t: np.where(np.searchsorted(ends, t) % 2, BURST, low), BURST, rate, seconds, seed)


def schedule(arrival: Arrival, rate: float, seconds: float, seed: int) -> FloatArray:
    """Return the schedule of an open-loop load; raises ValueError for ``closed``, which has none."""
    if arrival == "constant":
        return constant(rate, seconds)
    if arrival == "poisson":
        return poisson(rate, seconds, seed)
    raise ValueError("a closed loop sends when an answer has come: it has no schedule")


def draws(samples: int, seed: int) -> Iterator[int]:
    """Yield, without end, which of the samples is sent next, drawn with replacement."""
    source = np.random.default_rng((seed, 1))
    while True:
        yield from source.integers(samples, size=4096).tolist()


def _thinned(
    shape: Callable[[FloatArray], FloatArray], peak: float, rate: float, seconds: float, seed: int
) -> FloatArray:
    """Return a Poisson process of varying rate ``rate × shape(t)`` by thinning. Source: Lewis and Shedler (1979)."""
    times = poisson(rate * peak, seconds, seed)
    kept = np.random.default_rng((seed, 3)).random(times.size) < shape(times) / peak
    return times[kept]
