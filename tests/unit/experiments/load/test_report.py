"""The report of ``helpers load`` as a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.cli.main import main
from tests.local_server import Scripted, served

SERVER = Path(__file__).parents[3] / "queue_server.py"


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


def test_a_search_for_what_cannot_be_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "load.json"
    command = ["load", "--arrival", "poisson", "--find-rate", "--duration", "1", "--latency-target", "0.001"]
    with queue_server(0.02) as url:
        assert main([*command, "--json", str(out), url]) == 0
    assert json.loads(out.read_text())["tried"] == []
    assert "a request alone takes" in capsys.readouterr().out


@pytest.mark.slow
def test_the_highest_rate_is_searched_for_on_a_real_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rate at which a server of one at a time is asked for thrice what it can do does not hold."""
    out = tmp_path / "load.json"
    command = ["load", "--arrival", "constant", "--find-rate", "--rate", "200", "--duration", "0.5"]
    with queue_server(0.01) as url:
        assert main([*command, "--latency-target", "0.1", "--json", str(out), url]) == 0
    found = json.loads(out.read_text())
    assert found["tried"][0]["holds"] is False
    assert found["highest_rate"] is None or found["highest_rate"] < found["lowest_missed"] < 200
    assert 0.005 < found["alone"] < 0.1
    assert "a second" in capsys.readouterr().out


@contextmanager
def queue_server(mean: float) -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(SERVER), str(mean), "1"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
