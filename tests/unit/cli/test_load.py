"""``helpers load``: what it says of bad input and of machines that it must not load unasked."""

from __future__ import annotations

import pytest

from helpers.cli.main import main

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
    (["--arrival", "closed", "--find-rate", "--duration", "1"], r"--find-rate goes with constant or poisson"),
    (["--arrival", "poisson", "--find-rate", "--repeats", "2", "--duration", "1"], r"--find-rate needs 3 or more"),
    (["--arrival", "poisson", "--find-rate", "--count", "9", "--duration", "1"], r"no --count: each rate has what p95"),
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


def test_where_nothing_answers_the_service_has_failed_and_not_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "http://127.0.0.1:9", "--arrival", "closed", "--duration", "1"]) == 1
    assert "no summariser answers there" in capsys.readouterr().err
