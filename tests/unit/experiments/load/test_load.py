"""Load: schedules, what is said of a run, the queueing models, the simulation, the sweep and the verb."""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import numpy as np
import pytest

from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import Failure
from helpers.experiments.load import arrivals
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.queueing import erlang_c, fifo_responses, ggc_response, knee, mg1_response, replicas_for
from helpers.experiments.load.sending import KINDS, OK, Outcomes, sweep
from helpers.experiments.load.simulation import Fleet, cached, simulate
from helpers.experiments.load.summary import capacity, point, saturated, summarise
from helpers.params import Endpoint, Generation
from tests.local_server import Scripted, served


def outcomes(due: np.ndarray, took: np.ndarray, window: float, kinds: list[int] | None = None) -> Outcomes:
    size = due.size
    series = {"intended": array("d", due), "sent": array("d", due), "done": array("d", due + took)}
    return Outcomes(0.0, window, **series, samples=array("l", [0] * size), kinds=bytearray(kinds or [OK] * size))


def queue(busy: float, n: int, seed: int) -> Outcomes:
    due = arrivals.poisson(busy, n / busy, seed)
    services = np.random.default_rng((seed, 9)).exponential(1, due.size)
    return outcomes(due, fifo_responses(due, services), n / busy)


def test_schedules_are_seeded_and_have_their_rate() -> None:
    assert arrivals.constant(4, 2.5).tolist() == [place / 4 for place in range(10)]
    assert (
        arrivals.poisson(5, 10, 1).tolist()
        == arrivals.poisson(5, 10, 1).tolist()
        != arrivals.poisson(5, 10, 2).tolist()
    )
    for shape in (arrivals.poisson, arrivals.diurnal, arrivals.bursty):
        times = shape(0.1, 10 * arrivals.DAY, 1)
        assert times.size == pytest.approx(86_400, rel=0.05)
        assert (np.diff(times) >= 0).all()
    with pytest.raises(ValueError, match="it has no schedule"):
        arrivals.schedule("closed", 1, 1, 0)


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


def test_models_agree_with_each_other_and_the_simulation() -> None:
    services = np.random.default_rng(1).exponential(1, 50_000)
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert mg1_response(0.5, [1.0]) == 1.5
    assert ggc_response(0.5, services, 1) == pytest.approx(mg1_response(0.5, services))
    assert mg1_response(1.0, [1.0]) == ggc_response(2.0, [1.0], 2) == np.inf
    due = arrivals.poisson(0.7, services.size / 0.8, 2)
    used = services[: due.size]
    for replicas in (1, 3):
        found = simulate(due, used, Fleet(replicas, replicas), float(due[-1]), 0)
        assert found.responses == pytest.approx(fifo_responses(due, used, replicas))
        assert found.responses.mean() == pytest.approx(ggc_response(0.7, used, replicas), rel=0.1)
    assert knee([0.25, 0.5, 0.75], [4 / 3, 2.0, 4.0]) == 0.5
    assert (replicas_for(1.2, [1.0], 3.0, 1), replicas_for(1.5, [4.0], 3.0, 1)) == (2, None)


def test_a_fleet_scales_sleeps_and_is_billed_by_the_minute() -> None:
    busy = np.arange(0.0, 1200.0, 1.0)
    crowd = simulate(busy, np.full(busy.size, 2.5), Fleet(1, 3, 30.0), 1200.0, 0)
    assert (crowd.most_replicas, crowd.cold_starts) == (3, 0)
    one = simulate(busy, np.full(busy.size, 2.5), Fleet(), 1200.0, 0)
    assert crowd.responses.mean() < one.responses.mean() / 2
    sleepy = simulate([0.0, 7200.0], [1.0, 1.0], Fleet(0, 1, 30.0, 3600.0), 7261.0, 0)
    assert sleepy.responses.tolist() == [1.0, 31.0]
    assert (sleepy.cold_starts, sleepy.billed) == (1, 3600.0 + 120.0)
    spot = simulate(busy * 10, np.ones(busy.size), Fleet(1, 1, 30.0, None, 1800.0), 12_000.0, 0)
    assert spot.interruptions > 0
    assert np.isfinite(spot.responses).all()
    assert (cached(np.ones(10_000), 0.3, 1) == 0).mean() == pytest.approx(0.3, abs=0.02)


def test_capacity_is_interpolated_or_said_to_be_open() -> None:
    def at(rate: float, seconds: float) -> Outcomes:
        due = arrivals.constant(rate, 100)
        return outcomes(due, np.full(due.size, seconds), 100.0)

    points = [point(1.0, [at(1, 1.0), at(1, 1.2)], 3.0), point(2.0, [at(2, 5.0), at(2, 4.8)], 3.0)]
    assert capacity(points, 3.0).highest_rate.value == pytest.approx(1.5)
    assert capacity(points, 9.0).highest_rate.bound == "lower"
    assert capacity([point(0.3, [at(0.3, 1.0)], 3.0)], 3.0).highest_rate.needs == 59


@pytest.mark.timeout(60)
def test_requests_leave_on_schedule_whatever_the_service_does() -> None:
    with served(Scripted) as server, EndpointBackend(server.url, Endpoint()) as backend:
        plans = [Plan("constant", 1.0, 20, warmup=0.5), Plan("closed", 5.0, concurrency=2, count=7)]
        open_loop, closed = sweep(backend, ["a: b"], Generation(), plans, 2)
    found = summarise(open_loop, 20)
    assert (found.n, found.errors, found.saturated) == (40, {}, False)
    assert [summarise([one], None).n for one in closed] == [7, 7]


BAD = [
    (["--arrival", "poisson", "--rate", "-1", "--duration", "1"], r"--rate -1: give a positive number"),
    (["--arrival", "poisson", "--rate", "nan", "--duration", "1"], r"--rate nan: give a positive number"),
    (["--arrival", "poisson", "--duration", "1"], r"needs --rate"),
    (["--arrival", "closed", "--rate", "1", "--duration", "1"], r"--rate goes with constant or poisson"),
    (["--arrival", "poisson", "--rate", "1", "--duration", "0"], r"--duration 0: give seconds above 0"),
    (
        ["--arrival", "uniform", "--rate", "1", "--duration", "1"],
        r"--arrival uniform: give closed, constant or poisson",
    ),
    (["--arrival", "closed", "--concurrency", "0", "--duration", "1"], r"--concurrency 0: give 1 or more"),
    (["--arrival", "closed", "--repeats", "0", "--duration", "1"], r"--repeats 0: give 1 or more"),
    (["--arrival", "closed", "--warmup", "-1", "--duration", "1"], r"--warmup -1: give 0 seconds or more"),
    (["--arrival", "constant", "--rate", "1e9", "--duration", "60"], r"make over 10,000,000 requests"),
    (["--arrival", "closed", "--duration", "1", "--json", "/nowhere/x.json"], r"no such folder"),
    (["--arrival", "closed", "--duration", "1", "--samples", "/nowhere.jsonl"], r"no such file"),
]


@pytest.mark.parametrize(("arguments", "told"), BAD, ids=[told for _, told in BAD])
def test_bad_input_has_one_readable_message(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", "http://127.0.0.1:9", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert told.replace("\\", "") in lines[0]


def test_other_machines_are_not_loaded_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "https://example.org", "--arrival", "closed", "--duration", "1"]) == 2
    assert "--allow-remote" in capsys.readouterr().err


def test_the_report_has_the_shape_of_the_contract(tmp_path: Path) -> None:
    out = tmp_path / "load.json"
    with served(Scripted) as server:
        command = ["load", server.url, "--arrival", "constant", "--rate", "20", "--duration", "1", "--repeats", "2"]
        assert main([*command, "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert (found["n"], found["intended_rate"], found["saturated"], found["errors"]) == (40, 20, False, {})
    for name in ("service_time", "response_time", "dispatch_delay"):
        assert set(found[name]) == {"mean", "p50", "p90", "p95", "p99", "max"}
    assert found["response_time"]["p99"] is None
    assert found["intervals"]["mean"]["n"] == 2
