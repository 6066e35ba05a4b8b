"""``helpers cost``: what it prints and writes, and what it says of bad input."""

import json
from pathlib import Path

import pytest

from helpers.cli.main import main


def test_an_estimate_says_what_it_rests_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = [tmp_path / "cost.xlsx", tmp_path / "cost.json"]
    assert main(["cost", "endpoint", "--xlsx", str(out[0]), "--json", str(out[1])]) == 0
    said = capsys.readouterr().out
    for words in ("$0.268 an hour", "3.60 s (expected, not measured", "192.96", "price not given", "from 268 an hour"):
        assert words in said
    assert json.loads(out[1].read_text())["bills"][0]["compute"] == pytest.approx(192.96)
    assert out[0].read_bytes().startswith(b"PK")


WRONG = [
    (["--run", "nowhere"], "not a run directory (no manifest.json); give one of runs/*"),
    (["--xlsx", "cost.csv"], "--xlsx cost.csv: give a file that ends in .xlsx"),
    (["--json", "nowhere/cost.json"], "No such file or directory; choose a folder that exists and can be written to"),
    (["--set", "prices.instances=[]"], "'instance' aws intel-spr x8 is not in 'prices'"),
    (["--set", "instance.replicas=0"], "'instance.replicas': Input should be greater than 0, got 0"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_bad_input_is_one_message(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "endpoint", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("helpers cost:") == 1
