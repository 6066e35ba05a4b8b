"""What load promises, against a fast server in a process of its own: on demand (make bench), on an idle machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.backends.endpoint import EndpointBackend
from helpers.experiments.load.arrivals import Plan, constant
from helpers.experiments.load.queueing import fifo_responses, mg1_response
from helpers.experiments.load.sending import Outcomes, sweep
from helpers.experiments.load.summary import summarise
from helpers.params import Endpoint, Generation

SERVER = Path(__file__).parents[1] / "queue_server.py"
MEAN, ARRIVALS, REPEATS = 0.005, 5_000, 5


@contextmanager
def queue_server(*arguments: float) -> Iterator[EndpointBackend]:
    command = [sys.executable, str(SERVER), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            with EndpointBackend(process.stdout.readline().strip(), Endpoint()) as backend:
                yield backend
        finally:
            process.terminate()


def load(backend: EndpointBackend, plan: Plan, repeats: int = 1) -> list[Outcomes]:
    return sweep(backend, ["Ann: Noon?\nBo: Noon."], Generation(), [plan], repeats)[0]


@pytest.mark.bench
def test_requests_leave_on_time_and_a_thousand_a_second() -> None:
    with queue_server(0, 1) as backend:
        (calm,) = load(backend, Plan("poisson", 20, 100, warmup=1))
        assert (summarise([calm], 100).dispatch_delay.p99 or 1) <= 0.002
        (busy,) = load(backend, Plan("constant", 10, 1_000, warmup=1))
        found = summarise([busy], 1_000)
        assert (found.n, found.errors, found.saturated) == (10_000, {}, False)
        assert found.achieved_rate >= 990


@pytest.mark.bench
def test_a_stall_of_five_seconds_in_sixty_is_in_the_percentiles() -> None:
    """A closed loop would send nothing while it waits and so report one slow request of a thousand."""
    # Between two arrivals: whether a request due at the very moment still gets through is a matter of a millisecond.
    rate, seconds, stall = 20, 60, (20.025, 5.0)
    with queue_server(0.005, 1, *stall) as backend:
        (run,) = load(backend, Plan("constant", seconds, rate))
    found = summarise([run], rate)
    due = constant(rate, seconds)
    services = np.random.default_rng(1).gamma(2, 0.0025, due.size)
    stalled = np.maximum(due, np.where((due >= stall[0]) & (due < sum(stall)), sum(stall), 0))
    true = fifo_responses(stalled, services) + stalled - due
    assert found.saturated is False
    # Nine in ten never met the stall: what they take is a few milliseconds of this machine.
    assert found.response_time.p50 == pytest.approx(np.median(true), abs=0.005)
    assert found.response_time.p95 == pytest.approx(np.percentile(true, 95), rel=0.02)
    assert found.response_time.p99 == pytest.approx(np.percentile(true, 99), rel=0.02)
    assert found.response_time.max == pytest.approx(true.max(), rel=0.02)


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7, 0.8])
def test_the_queueing_model_predicts_the_measured_response(busy: float) -> None:
    """The round trip (an answer that needs no computing) is no part of what keeps the server busy."""
    with queue_server(MEAN, 1) as backend, queue_server(0, 1) as idle:
        (alone,) = load(backend, Plan("closed", 10))
        (empty,) = load(idle, Plan("closed", 5))
        services = np.maximum(alone.measured().services - empty.measured().services.mean(), 1e-6)
        rate = busy / float(services.mean())
        plan = Plan("poisson", ARRIVALS / rate, rate, warmup=1, seed=3)
        trip = float(np.mean([one.measured().responses.mean() for one in load(idle, replace(plan, seconds=10), 2)]))
        runs = load(backend, plan, REPEATS)
    measured = summarise(runs, rate)
    predicted = mg1_response(rate, services) + trip
    print(
        f"utilisation {busy}: predicted {predicted:.6f} s, measured {measured.response_time.mean:.6f} s, n {measured.n}"
    )
    assert measured.response_time.mean == pytest.approx(predicted, rel=0.2)
