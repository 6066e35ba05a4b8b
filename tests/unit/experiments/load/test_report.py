"""The report of ``helpers load`` as a file."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.cli.main import main
from tests.local_server import Scripted, served


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
