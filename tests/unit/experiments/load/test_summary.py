"""What is said of a run of requests: whether it kept up, its totals and times, and the capacity between rates."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest

from helpers.core.errors import Failure, RequestError
from helpers.experiments.load import arrivals
from helpers.experiments.load.queueing import fifo_responses
from helpers.experiments.load.sending import KINDS, OK, Outcomes
from helpers.experiments.load.summary import capacity, judged, point, summarise


def outcomes(due: np.ndarray, took: np.ndarray, window: float, kinds: list[int] | None = None) -> Outcomes:
    size = due.size
    series = {"intended": array("d", due), "sent": array("d", due), "done": array("d", due + took)}
    return Outcomes(0.0, window, **series, samples=array("l", [0] * size), kinds=bytearray(kinds or [OK] * size))


def queue(busy: float, n: int, seed: int) -> Outcomes:
    due = arrivals.poisson(busy, n / busy, seed)
    services = np.random.default_rng((seed, 9)).exponential(1, due.size)
    return outcomes(due, fifo_responses(due, services), n / busy)


def failed(kind: Failure) -> int:
    return KINDS.index(kind) + 2


def ended(*kinds: int) -> Outcomes:
    return outcomes(np.arange(float(len(kinds))), np.full(len(kinds), 0.1), float(len(kinds)), list(kinds))


def verdict(run: Outcomes) -> str:
    return judged(run, is_open=True, target=math.inf)[0]


def test_saturation_is_a_backlog_that_grows() -> None:
    assert sum(verdict(queue(0.7, 500, seed)) == "saturated" for seed in range(40)) == 0
    assert sum(verdict(queue(1.3, 500, seed)) == "saturated" for seed in range(40)) >= 38
    # In a short run a stable queue has its ups, too; one that cannot keep up is found all the same.
    assert sum(verdict(queue(0.8, 60, seed)) == "saturated" for seed in range(200)) <= 6
    assert sum(verdict(queue(1.6, 60, seed)) == "saturated" for seed in range(40)) >= 33
    assert verdict(queue(0.5, 5, 1)) == "too few requests"
    stalled = np.array([max(0.05, 25 - due if 20 <= due < 25 else 0.05) for due in arrivals.constant(20, 60)])
    assert verdict(outcomes(arrivals.constant(20, 60), stalled, 60.0)) == "keeps up"


BROKEN, GONE, BUSY = failed(Failure.SERVER_ERROR), failed(Failure.CONNECTION), failed(Failure.RATE_LIMITED)
OURS = failed(Failure.CANCELLED)


@pytest.mark.parametrize(
    ("kinds", "wanted", "symptom", "saturated"),
    [
        ([OK] * 20, "keeps up", "", False),
        ([OK, BROKEN] * 20, "failing", "20 of 40 requests failed", True),
        ([OK] * 20 + [GONE] * 20, "stopped answering", "no answer to the last 20 requests, from 20.0 s on", True),
        ([GONE] * 4, "stopped answering", "it never answered", True),
        ([OK] * 40 + [GONE] * 3, "stopped answering", "no answer to the last 3 requests, from 40.0 s on", True),
        ([OK, OK, BUSY] * 10, "saturated", "10 of 30 requests were refused or answered too late", True),
        ([OK] * 20 + [BUSY] * 20, "saturated", "20 of 40 requests were refused or answered too late", True),
        ([OK] * 20 + [OURS] * 20, "keeps up", "", False),
        ([OK, GONE, OK, OK, OK], "failing", "1 of 5 requests failed", True),
    ],
)  # fmt: skip
def test_every_symptom_is_looked_at(kinds: list[int], wanted: str, symptom: str, saturated: bool) -> None:
    found = summarise([ended(*kinds)], 1.0)
    assert (found.verdict, found.symptom, found.saturated) == (wanted, symptom, saturated)


def test_a_closed_loop_and_a_pool_of_runs_hide_no_symptom() -> None:
    fine, dead, half = ended(*[OK] * 20), ended(*[OK] * 10, *[GONE] * 10), ended(*[OK, BROKEN] * 10)
    closed = summarise([fine], None)
    assert (closed.verdict, closed.saturated) == ("closed loop", None)
    assert (summarise([dead], None).verdict, summarise([half], None).verdict) == ("stopped answering", "failing")
    assert summarise([fine, fine, dead, fine, fine], 1.0).verdict == "stopped answering"
    assert summarise([fine, fine, half, fine, fine], 1.0).verdict == "failing"
    assert summarise([fine, ended(OK)], 1.0).verdict == "keeps up"


def test_slow_answers_and_a_slow_sender_are_told_from_a_service_that_keeps_up() -> None:
    slow = outcomes(np.arange(20.0), np.full(20, 5.0), 20.0)
    assert (summarise([slow], 1.0).verdict, summarise([slow], 1.0).saturated) == ("too slow", False)
    late = outcomes(np.arange(20.0), np.full(20, 1.0), 20.0)
    late.sent = array("d", np.arange(20.0) + 0.5)
    assert (summarise([late], 1.0).verdict, summarise([late], 1.0).saturated) == ("sent too late", None)


def test_rates_are_over_the_planned_window() -> None:
    """24 requests in 20 seconds are 1.2 a second, whenever the last of them is answered."""
    due = np.arange(24) * 0.75
    early, queued = outcomes(due, np.full(24, 0.2), 20.0), outcomes(due, np.linspace(0.2, 20, 24), 20.0)
    assert summarise([early], 1.2).achieved_rate == pytest.approx(1.2)
    in_time = int((due + np.linspace(0.2, 20, 24) <= 20).sum())
    assert 0 < in_time < 24
    assert summarise([queued], 1.2).achieved_rate == in_time / 20


def test_each_kind_of_error_shows_one_message_as_it_may_be_told() -> None:
    run = ended(*[OK] * 5, BROKEN, GONE, BROKEN)
    run.errors = {
        Failure.SERVER_ERROR: RequestError(Failure.SERVER_ERROR, "HTTP 500", said="Ann:\n said"),
        Failure.CONNECTION: RequestError(Failure.CONNECTION, "refused"),
    }
    assert summarise([run], 1.0).messages == {"server_error": "HTTP 500: Ann: said", "connection": "refused"}
    told = summarise([run], 1.0, told=lambda error: error.private)
    assert told.messages == {"server_error": "HTTP 500", "connection": "refused"}
    assert set(told.messages) == set(told.errors)


def test_failures_count_in_the_totals_and_not_in_the_times() -> None:
    run = outcomes(np.arange(10.0), np.array([9.0, 9.0, 9.0, *[1.0] * 6, 4.0]), 10.0, [BROKEN] * 2 + [0] + [OK] * 7)
    found = summarise([run], 1.0)
    assert (found.n, found.errors) == (10, {"cancelled": 1, "server_error": 2})
    assert (found.response_time.mean, found.response_time.max) == (10 / 7, 4.0)
    assert (found.response_time.p50, found.response_time.p90) == (1.0, None)
    assert (found.achieved_rate, found.goodput) == (0.6, 0.6)  # the seventh came after the window


def test_capacity_is_interpolated_or_said_to_be_open() -> None:
    def at(rate: float, seconds: float) -> Outcomes:
        due = arrivals.constant(rate, 100)
        return outcomes(due, np.full(due.size, seconds), 100.0)

    points = [point(1.0, [at(1, 1.0), at(1, 1.2)], 3.0), point(2.0, [at(2, 5.0), at(2, 4.8)], 3.0)]
    assert capacity(points, 3.0).highest_rate.value == pytest.approx(1.5)
    assert capacity(points, 9.0).highest_rate.bound == "lower"
    assert capacity([point(0.3, [at(0.3, 1.0)], 3.0)], 3.0).highest_rate.needs == 59
