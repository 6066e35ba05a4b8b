"""The highest rate that holds: found wherever it lies, and only where the whole interval of p95 meets the target."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.experiments.load import arrivals
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.queueing import fifo_responses
from helpers.experiments.load.report import as_text
from helpers.experiments.load.search import FIRST, MOST, PRECISION, bisect, judged_rate, search
from helpers.experiments.load.sending import Outcomes
from helpers.experiments.load.summary import RequestSettings
from tests.unit.experiments.load.test_summary import GONE, OK, outcomes

ASKED = RequestSettings(protocol="chat", model="m", settings={}, prompts="allowed")
SERVICE = 0.1


@given(true=st.floats(1.0, 300.0), start=st.floats(1.0, 300.0))
def test_the_rate_is_found_to_a_tenth_wherever_it_lies(true: float, start: float) -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate <= true

    best, worst = bisect(holds, start)
    assert len(tried) <= MOST
    assert best is not None
    assert worst is not None
    assert best <= true < worst
    # some starts are so far off that the steps to get there leave none to be exact
    assert worst <= best * (1 + PRECISION) or len(tried) == MOST


def queue(plan: Plan) -> list[Outcomes]:
    """Return three runs of a server that computes one request at a time, 100 ms each."""
    if plan.arrival == "closed":
        return [outcomes(np.arange(FIRST) * SERVICE, np.full(FIRST, SERVICE), 1.0)]
    assert plan.rate
    found = []
    for seed in range(3):
        due = arrivals.poisson(plan.rate, plan.seconds, seed)
        found.append(outcomes(due, fifo_responses(due, np.full(due.size, SERVICE)), plan.seconds))
    return found


def test_a_queue_is_loaded_up_to_its_target_and_no_further() -> None:
    """M/D/1 with 100 ms: p95 of the response is 0.4 s where it is busy for over two thirds of the time."""
    found = search(queue, Plan("poisson", 60.0), None, 0.4, ASKED)
    assert found.highest_rate
    assert found.lowest_missed
    assert 4 < found.highest_rate < found.lowest_missed < 8
    assert found.lowest_missed <= found.highest_rate * (1 + PRECISION)
    best = next(one for one in found.tried if one.rate == found.highest_rate)
    assert best.p95
    assert best.p95.high
    assert best.p95.high <= 0.4
    assert f"up to {found.highest_rate:.3g} requests a second" in as_text(found)


def test_a_rate_at_which_requests_fail_or_too_few_were_sent_does_not_hold() -> None:
    due = np.arange(100) / 10
    fine = [outcomes(due, np.full(100, SERVICE * (1 + number / 100)), 10.0) for number in range(3)]
    assert judged_rate(10, 10.0, fine, 0.4).holds
    failing = [outcomes(due, np.full(100, SERVICE), 10.0, [OK] * 97 + [GONE, OK, GONE]) for _ in range(3)]
    assert not judged_rate(10, 10.0, failing, 0.4).holds
    short = [outcomes(due[:20], np.full(20, SERVICE * (1 + number / 100)), 2.0) for number in range(3)]
    assert not judged_rate(10, 2.0, short, 0.4).holds


def test_a_service_that_never_answers_has_no_rate() -> None:
    dead = search(
        lambda plan: [outcomes(np.arange(3.0), np.full(3, 0.1), 3.0, [GONE] * 3)], Plan("poisson", 1), None, 1, ASKED
    )
    assert (dead.tried, dead.highest_rate) == ((), None)
    assert "it answered no request" in as_text(dead)


def test_a_target_below_what_a_request_alone_takes_is_not_searched_for() -> None:
    found = search(queue, Plan("poisson", 60.0), None, SERVICE / 2, ASKED)
    assert (found.tried, found.highest_rate) == ((), None)
    assert "a request alone takes 100 ms" in as_text(found)
    # one that just is not met at leisure is not looked for at ever lower rates, each of which takes longer
    slow = search(lambda plan: queue(plan) if plan.arrival == "closed" else late(plan), Plan("poisson", 1), 8, 1, ASKED)
    assert [one.rate for one in slow.tried] == [8, 4, 2, 1]
    assert slow.lowest_missed == 1


def late(plan: Plan) -> list[Outcomes]:
    """Return three runs in which every answer takes two seconds."""
    due = np.arange(100) / (plan.rate or 1.0)
    return [outcomes(due, np.full(100, 2.0 + seed / 10), due[-1] + 1) for seed in range(3)]
