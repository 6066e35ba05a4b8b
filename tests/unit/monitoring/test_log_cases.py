"""Logs as people have them: read whole, or refused by line with the reason, or read with the damage named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers.cli.main import main
from helpers.core.paths import PROJECT
from helpers.runs.request_log import RECORD, SCHEMA, RequestLog, log_parts

CASES = PROJECT / "tests" / "cases" / "logs"


@pytest.fixture
def monitored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(path: Path) -> tuple[int, dict[str, Any], str]:
        out = tmp_path / "out.json"
        code = main(["monitor", str(path), "--json", str(out)])
        return code, json.loads(out.read_text()) if code in (0, 3) else {}, capsys.readouterr().err

    return run


def figures(found: dict[str, Any]) -> list[Any]:
    """Return what does not depend on the day of a log."""
    return [
        found["seconds"],
        found["attempts"],
        [(rule["name"], rule["most_n"], rule["state"]) for rule in found["rules"]],
    ]


def test_every_well_formed_variant_is_read_whole(monitored: Any) -> None:
    _, good, told = monitored(CASES / "good.jsonl")
    assert (good["attempts"], good["seconds"], told) == (60, 591, "")
    for name in ("blankline.jsonl", "bom.jsonl", "nonewline.jsonl", "bad.jsonl.gz"):
        _, found, told = monitored(CASES / name)
        assert (found["attempts"], found["seconds"], told) == (60, 591, ""), name
    assert figures(monitored(CASES / "blankline.jsonl")[1]) == figures(good)
    assert figures(monitored(CASES / "nonewline.jsonl")[1]) == figures(monitored(CASES / "bom.jsonl")[1])
    assert monitored(CASES / "one-nonewline.jsonl")[1]["attempts"] == 1


def test_the_parts_that_the_writer_closed_are_read_with_the_newest(monitored: Any, tmp_path: Path) -> None:
    code, found, _ = monitored(CASES / "rotated" / "requests.jsonl")
    assert (code, found["attempts"]) == (3, 120)
    assert [rule["name"] for rule in found["rules"] if rule["fired"]] == ["error_rate", "throughput"]
    assert monitored(CASES / "rotated" / "requests.0001.jsonl")[1]["attempts"] == 60, "a part that is named is one part"
    folder = tmp_path / "a[1]{}"
    folder.mkdir()
    for number in (10, 2, 10_000):
        (folder / f"requests.{number:04d}.jsonl.gz").write_bytes((CASES / "bad.jsonl.gz").read_bytes())
    shutil.copy(CASES / "good.jsonl", folder / "requests.jsonl")
    names = [part.name for part in log_parts(folder / "requests.jsonl")]
    assert names == [f"requests.{n}.jsonl.gz" for n in ("0002", "0010", "10000")] + ["requests.jsonl"]
    assert monitored(folder / "requests.jsonl")[1]["attempts"] == 240


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("naive.jsonl", "started_at Input should have timezone info"),
        ("negative.jsonl", "service_time Input should be greater than or equal to 0"),
        ("infinite.jsonl", "service_time Input should be a finite number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_line(name: str, reason: str, monitored: Any) -> None:
    code, _, told = monitored(CASES / name)
    assert code == 2
    assert f"{name} line 1: not a request record: {reason}" in told


@pytest.mark.parametrize(
    ("name", "attempts", "told"),
    [
        (
            "one-line-1970.jsonl",
            30,
            "one-line-1970.jsonl line 38: its clock says 1970-01-09, years from the other lines",
        ),
        ("nul-tail-newline.jsonl", 31, "nul-tail-newline.jsonl line 96: 4,096 bytes that are no JSON are left out"),
        ("two-on-one-line.jsonl", 31, "two-on-one-line.jsonl line 6: it holds 2 records"),
    ],
)
def test_what_can_be_read_is_read_and_the_rest_is_named(name: str, attempts: int, told: str, monitored: Any) -> None:
    code, found, said = monitored(CASES / name)
    assert code in (0, 3)
    assert (found["attempts"], told in said) == (attempts, True), said
    assert found["seconds"] < 3_600


def test_a_run_with_a_damaged_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    shutil.copy(CASES / "nul-tail-newline.jsonl", path)
    log = RequestLog(path)
    before = log.read()
    log.append(before[0])
    assert log.read() == [*before, before[0]]
    assert log.damaged() == ["requests.jsonl line 96: 4,096 bytes that are no JSON are left out"]


def test_the_schema_that_is_shipped_is_that_of_the_records() -> None:
    assert json.loads(SCHEMA.read_text()) == RECORD.json_schema()


def test_the_help_tells_the_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["monitor", "--help"])
    told = capsys.readouterr().out
    for word in (SCHEMA.name, "started_at", "service_time", "requests.0001.jsonl"):
        assert word in told
