"""What a resumed run asks again: what it never heard of, and what nobody was home for when it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from helpers.runs.earlier import unsettled
from helpers.runs.findings import Findings
from helpers.runs.request_log import Record
from helpers.runs.results.deploy_check import Probe

START = datetime(2026, 1, 1, tzinfo=UTC)


def log(*kinds: str) -> list[Record]:
    settings = {"attempt": 1, "page": "02", "phase": "steady", "settings": ""}
    return [
        Record(request=str(n), sample=str(n), started_at=START + timedelta(seconds=n), kind=kind, **settings)
        for n, kind in enumerate(kinds)
    ]


GONE = "connection"


@pytest.mark.parametrize(
    ("kinds", "outage", "broken_off"),
    [
        (["ok", "server_error", "ok"], "", ""),
        (["ok", GONE, "ok", GONE, GONE, "ok"], "", ""),
        (["ok", GONE, GONE, GONE], "123", ""),
        (["ok", GONE, GONE, GONE, "ok"], "123", ""),
        (["ok", "auth"], "1", ""),
        (["ok", "server_error"], "", "1"),
        (["cancelled", "ok"], "", "0"),
        ([], "", ""),
    ],
)
def test_an_outage_and_what_was_broken_off(kinds: list[str], outage: str, broken_off: str) -> None:
    found = unsettled(log(*kinds), START + timedelta(hours=1))
    assert (found.outage, found.broken_off) == (frozenset(outage), frozenset(broken_off))


def test_only_what_came_before_the_resumption_is_looked_at() -> None:
    records = log("ok", GONE, GONE, GONE, GONE)
    assert unsettled(records, None).outage == frozenset()
    assert unsettled(records, START + timedelta(seconds=2.5)).outage == frozenset("12")


def test_findings_survive_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "findings.jsonl"
    one = Probe(name="one", expectation="", passed=True, kind="ok", detail="")
    Findings(path).put("a", one)
    path.write_text(path.read_text() + '{"request": "b", "fou')
    Findings(path).put("c", one)
    again = Findings(path)
    assert [again.get(request) is not None for request in "abc"] == [True, False, True]
