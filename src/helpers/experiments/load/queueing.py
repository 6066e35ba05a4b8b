"""How long a request takes when others are before it: predictions from measured service times.

``services`` are the times one replica spends on one request, alone; ``rate`` are requests per second. Arrivals are
Poisson unless told otherwise. Seconds; a queue that grows without bound has an infinite response time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from helpers.stats.intervals import FloatArray, checked

#: Arrivals of one simulation: p95 of a queue 80 % busy is then known to a few percent.
STEADY = 20_000
#: This many replicas more than the work needs leave no wait to shorten.
MOST_MORE = 50


def utilisation(rate: float, services: ArrayLike, servers: int = 1) -> float:
    """Return the share of time that each server is busy; from 1 on the queue grows without bound."""
    return rate * float(_moments(services)[0]) / servers


def mg1_response(rate: float, services: ArrayLike) -> float:
    """Return the mean response time of one server, M/G/1: ``E[S] + rate × E[S²] / (2 (1 − utilisation))``.

    Source: Pollaczek (1930), Khinchine (1932).
    """
    mean, square = _moments(services)
    busy = rate * mean
    return mean + rate * square / (2 * (1 - busy)) if busy < 1 else math.inf


def ggc_response(rate: float, services: ArrayLike, servers: int, arrival_scv: float = 1.0) -> float:
    """Return the mean response time of several servers with one queue, G/G/c.

    The wait of M/M/c (Erlang C) times the mean of the squared coefficients of variation of gaps and services; with one
    server and Poisson arrivals it is Pollaczek–Khinchine. ``arrival_scv`` is 1 for Poisson, 0 for equal distances.
    Source: Allen (1990), Allen–Cunneen approximation.
    """
    mean, square = _moments(services)
    busy = rate * mean / servers
    if busy >= 1:
        return math.inf
    wait = erlang_c(servers, rate * mean) / (servers / mean - rate)
    return mean + wait * (arrival_scv + square / mean**2 - 1) / 2


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that an arrival waits in M/M/c, by the recursion of Erlang B; ``load`` in Erlangs.

    Source: Erlang (1917); Cooper (1981), section 3.3.
    """
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked)) if busy < 1 else 1.0


def fifo_responses(arrivals: ArrayLike, services: ArrayLike, servers: int = 1) -> FloatArray:
    """Return the response time of each request when servers take them in order, exactly.

    ``services`` hold one time per arrival. Source: Kiefer and Wolfowitz (1955).
    """
    times, needed = checked(arrivals=arrivals, services=services)
    free = [0.0] * servers
    responses = np.empty(times.size)
    for place, (due, service) in enumerate(zip(times.tolist(), needed.tolist(), strict=True)):
        done = max(due, free[0]) + service
        heapq.heapreplace(free, done)
        responses[place] = done - due
    return responses


def simulated_responses(rate: float, services: ArrayLike, servers: int, seed: int) -> FloatArray:
    """Return response times of `STEADY` Poisson arrivals whose services are drawn from the measured ones."""
    (x,) = checked(services=services)
    draws = np.random.default_rng((seed, 6))
    arrivals = np.cumsum(draws.exponential(1 / rate, STEADY))
    return fifo_responses(arrivals, draws.choice(x, STEADY), servers)


def replicas_for(rate: float, services: ArrayLike, target_p95: float, seed: int) -> int | None:
    """Return the fewest replicas whose simulated p95 response time is within the target, or ``None``.

    No number of replicas makes a response shorter than the service itself.
    """
    (x,) = checked(services=services)
    if np.percentile(x, 95) > target_p95:
        return None
    first = math.floor(utilisation(rate, x)) + 1
    fits = (c for c in range(first, first + MOST_MORE) if _p95(rate, x, c, seed) <= target_p95)
    return next(fits, None)


def _p95(rate: float, services: FloatArray, servers: int, seed: int) -> float:
    return float(np.percentile(simulated_responses(rate, services, servers, seed), 95))


def knee(rates: Sequence[float], responses: Sequence[float | None]) -> float | None:
    """Return the rate with the highest power, throughput over response time: past it waiting grows faster than work.

    Source: Kleinrock (1979); for M/M/1 it is half the capacity.
    """
    power = {rate: rate / response for rate, response in zip(rates, responses, strict=True) if response}
    return max(power, key=lambda rate: power[rate], default=None)


def _moments(services: ArrayLike) -> tuple[float, float]:
    (x,) = checked(services=services)
    if not x.size or (x <= 0).any():
        raise ValueError("services: no service times, or one that is not positive; measure some first")
    return float(x.mean()), float((x**2).mean())
