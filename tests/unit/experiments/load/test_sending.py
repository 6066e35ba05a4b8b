"""Requests leave on schedule, and a closed loop sends as many as were asked for."""

from __future__ import annotations

import pytest

from helpers.backends.endpoint import EndpointBackend
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.sending import sweep
from helpers.experiments.load.summary import summarise
from helpers.params import Endpoint, Generation
from tests.local_server import Scripted, served
from tests.scripted_server import ScriptedServer, reset, summary


@pytest.mark.timeout(60)
def test_requests_leave_on_schedule_whatever_the_service_does() -> None:
    with served(Scripted) as server, EndpointBackend(server.url, Endpoint()) as backend:
        plans = [Plan("constant", 1.0, 20, warmup=0.5), Plan("closed", 5.0, concurrency=2, count=7)]
        open_loop, closed = sweep(backend, ["a: b"], Generation(), plans, 2)
    found = summarise(open_loop, 20)
    assert (found.n, found.errors, found.saturated) == (40, {}, False)
    assert [summarise([one], None).n for one in closed] == [7, 7]


@pytest.mark.timeout(60)
def test_a_closed_loop_does_not_hammer_a_server_that_is_gone() -> None:
    with ScriptedServer(summary(), reset) as server, EndpointBackend(server.url, Endpoint()) as backend:
        ((run,),) = sweep(backend, ["a: b"], Generation(), [Plan("closed", 1.0)], 1)
    assert 5 <= len(run.kinds) <= 11
    assert [str(kind) for kind in run.errors] == ["connection"]
    assert summarise([run], None).verdict == "stopped answering"
