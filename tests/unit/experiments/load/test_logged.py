"""Load keeps the rules of every other request: counted before it is sent, in the log as soon as it has ended."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from helpers.backends.endpoint import EndpointBackend
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.logged import LoggedLoad
from helpers.experiments.load.sending import send
from helpers.experiments.load_capacity import _sweep
from helpers.params import Endpoint, Generation
from helpers.params.files import load_params
from helpers.runs.request_log import RequestLog
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample
from tests.local_server import Scripted, served
from tests.scripted_server import ScriptedServer, answer, hold, summary

BUDGET = "budget.requests=25 is spent"


@pytest.mark.timeout(60)
def test_a_sweep_sends_no_request_beyond_the_budget_and_keeps_what_it_sent(tmp_path: Path) -> None:
    params = load_params("replay", ["load.rates=[40, 80]", "load.seconds=0.4", "load.repeats=3"])
    log = RequestLog(tmp_path / "requests.jsonl")
    scripted = Scripted()
    run: Any = SimpleNamespace(params=params, samples=[Sample(id="a", dialogue="Ann: Noon?")])
    with served(lambda: scripted) as server, EndpointBackend(server.url, Endpoint()) as backend:
        sender = RequestSender(
            backend, params.generation, log, "05", may_send=lambda: BUDGET if log.count() >= 25 else ""
        )
        points, _ = _sweep(run, sender, backend, {"a": np.array([0.01])}, 0.0, defaultdict(Counter))
    records = log.read()
    assert (len(scripted.asked), sender.stopped) == (25, BUDGET)
    assert [(r.page, r.phase, r.kind) for r in records] == [("05", "load", "ok")] * 25
    assert sum(one.requests for one in points) == 25
    assert all(r.response_time >= r.service_time > 0 for r in records)  # type: ignore[operator]


@pytest.mark.timeout(60)
def test_a_request_is_in_the_log_while_later_ones_are_under_way(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests.jsonl")
    with (
        ScriptedServer(summary(), answer(500, "too much"), hold(2.0, summary())) as server,
        EndpointBackend(server.url, Endpoint()) as backend,
        LoggedLoad(RequestSender(backend, Generation(), log, "05"), ["a"], 2) as observer,
    ):
        plan = Plan("constant", 0.3, 10)
        run = threading.Thread(target=send, args=(backend, ["Ann: Noon?"], Generation(), plan, None, observer))
        run.start()
        deadline = time.monotonic() + 1.5
        while len(log.read()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        before_its_end, under_way = log.read(), run.is_alive()
        run.join()
    assert under_way
    assert [(r.kind, r.repeat) for r in before_its_end] == [("ok", 2), ("server_error", 2)]
    assert "too much" in before_its_end[1].message
    assert len(log.read()) == 3
