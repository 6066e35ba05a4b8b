"""What is said of a run of requests: whether it kept up, its totals and times, and the capacity between rates."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from helpers.core.errors import Failure
from helpers.experiments.load import arrivals
from helpers.experiments.load.queueing import fifo_responses
from helpers.experiments.load.sending import KINDS, OK, Outcomes
from helpers.experiments.load.summary import capacity, point, saturated, summarise


def outcomes(due: np.ndarray, took: np.ndarray, window: float, kinds: list[int] | None = None) -> Outcomes:
    size = due.size
    series = {"intended": array("d", due), "sent": array("d", due), "done": array("d", due + took)}
    return Outcomes(0.0, window, **series, samples=array("l", [0] * size), kinds=bytearray(kinds or [OK] * size))


def queue(busy: float, n: int, seed: int) -> Outcomes:
    due = arrivals.poisson(busy, n / busy, seed)
    services = np.random.default_rng((seed, 9)).exponential(1, due.size)
    return outcomes(due, fifo_responses(due, services), n / busy)


def test_saturation_is_a_backlog_that_grows() -> None:
    assert sum(bool(saturated(queue(0.7, 500, seed))) for seed in range(40)) == 0
    assert sum(bool(saturated(queue(1.3, 500, seed))) for seed in range(40)) >= 38
    assert saturated(queue(0.5, 5, 1)) is None
    stalled = np.array([max(0.05, 25 - due if 20 <= due < 25 else 0.05) for due in arrivals.constant(20, 60)])
    assert saturated(outcomes(arrivals.constant(20, 60), stalled, 60.0)) is False


def test_failures_count_in_the_totals_and_not_in_the_times() -> None:
    failed = [KINDS.index(Failure.SERVER_ERROR) + 2] * 2 + [0]
    run = outcomes(np.arange(10.0), np.array([9.0, 9.0, 9.0, *[1.0] * 6, 4.0]), 10.0, failed + [OK] * 7)
    found = summarise([run], 1.0)
    assert (found.n, found.errors) == (10, {"cancelled": 1, "server_error": 2})
    assert (found.response_time.mean, found.response_time.max) == (10 / 7, 4.0)
    assert (found.response_time.p50, found.response_time.p90) == (1.0, None)
    assert (found.achieved_rate, found.goodput) == (7 / 13, 6 / 13)


def test_capacity_is_interpolated_or_said_to_be_open() -> None:
    def at(rate: float, seconds: float) -> Outcomes:
        due = arrivals.constant(rate, 100)
        return outcomes(due, np.full(due.size, seconds), 100.0)

    points = [point(1.0, [at(1, 1.0), at(1, 1.2)], 3.0), point(2.0, [at(2, 5.0), at(2, 4.8)], 3.0)]
    assert capacity(points, 3.0).highest_rate.value == pytest.approx(1.5)
    assert capacity(points, 9.0).highest_rate.bound == "lower"
    assert capacity([point(0.3, [at(0.3, 1.0)], 3.0)], 3.0).highest_rate.needs == 59
