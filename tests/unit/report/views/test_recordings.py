"""Recordings on page 02: every figure cited, and nothing where nothing is compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.experiments.recordings import compare_recordings
from helpers.params import Params
from helpers.params.files import load_params
from helpers.report.views.recordings import recordings
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import SampleEval
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.experiments.test_recordings import recorded


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return recorded(tmp_path)


def test_every_figure_is_cited(params: Params) -> None:
    result = SampleEval(page="02", recordings=compare_recordings(params))
    html = recordings(Cited(result, "results/02.json"))
    assert "results/02.json#/recordings/1/gains/rougeL/difference" in html
    assert loose_digits(html) == []
    assert wrong_citations(html, {"results/02.json": json.loads(result.model_dump_json())}) == []


def test_it_says_on_how_many_dialogues_two_are_compared(params: Params, tmp_path: Path) -> None:
    assert "sent to both" not in recordings(Cited(SampleEval(page="02", recordings=compare_recordings(params)), "02"))
    kept = (tmp_path / "bad.jsonl").read_text().splitlines()[:2]
    (tmp_path / "bad.jsonl").write_text("\n".join(kept) + "\n")
    result = SampleEval(page="02", recordings=compare_recordings(params))
    html = recordings(Cited(result, "results/02.json"))
    assert "that were sent to both" in html
    assert "results/02.json#/recordings/1/gains/rougeL/n" in html


def test_nothing_is_shown_where_nothing_is_compared() -> None:
    params = load_params("replay")
    assert compare_recordings(params) == ()
    assert recordings(Cited(SampleEval(page="02"), "results/02.json")) == ""
