"""A report over a file as people have them: what cannot be used is counted on the pages, nothing leaves raw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Report

SECRET = "planted-s3cret"
TURNS = [{"role": "user", "content": "Müller kommt um drei."}]
ROWS = [
    {"id": 1.0, "dialogue": TURNS, "summary": "Müller kommt.", "prediction": "Möller kommt."},
    {"id": "2", "dialogue": "小明:下午见", "summary": ["他们下午见面。"], "prediction": "他们下午\0见面。\x1b[31m"},
    {"id": "3", "dialogue": "Ann: hi\r\nBen: hi", "summary": "They greet.", "prediction": "word " * 40_000},
    {"id": SECRET, "dialogue": "Ann: hi\r\nBen: hi", "summary": "They meet.", "prediction": f"They meet {SECRET}."},
    {"id": "5", "dialogue": "", "summary": "Nothing."},
    {"id": "6", "dialogue": "Ann: <3", "summary": "❤️", "prediction": "A heart."},
    {"id": "7", "dialogue": "Ann: bye", "summary": "Ann leaves.", "prediction": None, "error": "rate_limited"},
]  # fmt: skip


@pytest.mark.slow
def test_a_report_over_rows_of_every_kind(helpers: Report, tmp_path: Path) -> None:
    home = tmp_path / "a {name}, {} and [1]"
    kernel = home / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["false"], "display_name": "foreign", "language": "python"}')
    mine = home / "mine.jsonl"
    mine.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    files = ["--set", f"samples.source={mine}", "--set", f"replay.predictions={mine}", "--only", "02"]
    found = helpers(
        "report", "params/replay.yaml", *files, "--set", f"title=Of {SECRET}", out=home / "pages",
        environment={"MY_TOKEN": SECRET, "HELPERS_RUNS": str(home), "JUPYTER_PATH": str(kernel.parents[2])},
    )  # fmt: skip
    (run,) = (path.parent for path in home.glob("*/manifest.json"))
    found = replace(found, run=run)
    assert found.code == 0, found.told
    assert "2 of 7 rows set aside" in found.told
    result = found.result("02")
    assert (result["asked"], result["answered"], result["replaced"]) == (5, 4, 0)
    assert 0 < float(str(result["rouge_score_sees"])) < 1
    scores = {row["id"]: row["scores"]["rouge1"] for row in result["samples"]}  # type: ignore[attr-defined]
    assert scores["1.0"] == 0.5
    assert scores["2"] > 0.7
    assert len(scores) == 4
    manifest = json.loads((found.out / "results.json").read_text())["manifest.json"]
    assert manifest["intake"]["samples.source"]["set_aside"] == {
        "nothing to summarise": 1,
        "no word in its reference": 1,
    }
    assert manifest["intake"]["replay.predictions"]["replaced"] == 2
    page, front = found.page("02-sample-eval"), found.page("index")
    for text in (page, front):
        assert "could not be used and were set aside" in text
        assert "nothing to summarise" in text
    assert "of the letters and digits of these texts" in page
    assert len(page) < 200_000
    left = [path.read_bytes() for path in [*found.out.iterdir(), *(found.run or tmp_path).rglob("*")] if path.is_file()]
    texts = [text.decode("utf-8", "replace") for text in left]
    assert not any(SECRET in text for text in [*texts, found.told])
    assert not any("\0" in path.read_text() or "\x1b" in path.read_text() for path in found.out.glob("*.[hc][ts][mv]*"))
    strict = helpers("report", "params/replay.yaml", *files, "--strict")
    assert strict.code == 2
    assert "row 5 (line 5), id 5: no dialogue in column 'dialogue'" in strict.told
    assert strict.run is None, "it is refused before anything is made"


@pytest.mark.slow
def test_a_report_over_standard_input_keeps_it(helpers: Report) -> None:
    files = ["--set", "samples.source=-", "--set", "replay.predictions=-", "--only", "02"]
    text = "\ufeff" + "".join(json.dumps(row) + "\n" for row in ROWS)
    found = helpers("report", "params/replay.yaml", *files, stdin=text)
    assert found.code == 0, found.told
    assert found.result("02")["asked"] == 5
    assert found.run is not None
    assert sorted(path.name for path in found.run.glob("*.json") if path.stem in ("samples", "predictions")) == [
        "predictions.json",
        "samples.json",
    ]
