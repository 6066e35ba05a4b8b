"""Recordings of several systems on the same dialogues: scored, split, and compared pair by pair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.experiments.recordings import compare_recordings
from helpers.params import Params
from helpers.params.files import load_params

ROWS = [
    {"id": "a", "dialogue": "Ann: I come at 7.\nBo: Fine.", "summary": "Ann comes at 7.", "facts": ["Ann", "7"]},
    {"id": "b", "dialogue": "Ann: The tea is hot.\nBo: Good.", "summary": "The tea is hot.", "facts": ["tea"]},
    {"id": "c", "dialogue": "Ann: I sold the boat.\nBo: Good.", "summary": "Ann sold the boat.", "facts": ["boat"]},
]


def recorded(tmp_path: Path) -> Params:
    """Return parameters with two recordings on the same three dialogues, one of them good."""
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    texts = {
        "good": [row["summary"] for row in ROWS],
        "bad": ["Bo comes at 9.", "The tea is hot.", ""],
    }
    for name, summaries in texts.items():
        rows = [
            {"id": row["id"], "prediction": text, "lost_tokens": 3 * (row["id"] == "c")}
            for row, text in zip(ROWS, summaries, strict=True)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    baseline = {"predictions": "good", "untuned": "bad"}
    overrides = [f"baseline.{key}={tmp_path}/{name}.jsonl" for key, name in baseline.items()]
    columns = ["samples.columns.key_facts=facts", "baseline.zero_shot=null"]
    return load_params("demo", [*overrides, *columns, f"baseline.samples={tmp_path}/own.jsonl"])


@pytest.fixture
def params(tmp_path: Path) -> Params:
    return recorded(tmp_path)


def test_each_recording_is_scored_on_all_dialogues(params: Params) -> None:
    good, bad = compare_recordings(params)
    assert [one.name for one in (good, bad)] == ["fine-tuned", "base, with examples"]
    assert good.estimates["rougeL"].value == 1
    assert good.estimates["key_fact_recall"].value == 1
    assert (good.estimates["unspoken_numbers"].value, good.estimates["other_failures"].value) == (0, 0)
    assert bad.estimates["unspoken_numbers"].value == pytest.approx(1 / 3)
    assert bad.estimates["other_failures"].value == pytest.approx(1 / 3), "the empty one"
    assert bad.estimates["key_fact_recall"].value == pytest.approx(1 / 3)
    assert [(group.by, group.label, group.n) for group in good.groups] == [
        ("truncated", "read whole", 2),
        ("truncated", "truncated", 1),
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"num_beams": 1, "max_new_tokens": 64}, "greedy, at most 64 new tokens"),
        ({"num_beams": 4}, "4 beams, at most 128 new tokens"),
        ({"num_beams": 4, "length_penalty": 1.5}, "4 beams, at most 128 new tokens, length penalty 1.5"),
        ({}, ""),
    ],
)
def test_how_it_was_decoded_is_read_from_the_manifest(
    params: Params, tmp_path: Path, given: dict[str, float], told: str
) -> None:
    manifest = {"given": {f"generation.{name}": value for name, value in given.items()}}
    (tmp_path / "good.meta.json").write_text(json.dumps(manifest))
    assert [one.decoding for one in compare_recordings(params)] == [told, ""]


def test_what_was_not_asked_is_left_out_and_what_failed_is_not(params: Params, tmp_path: Path) -> None:
    rows = [{"id": "a", "prediction": None, "error": "timeout"}, {"id": "b", "prediction": "The tea is hot."}]
    (tmp_path / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    good, bad = compare_recordings(params)
    assert (good.n, bad.n, bad.gains["rougeL"].n) == (3, 2, 2)
    assert bad.estimates["rougeL"].value == pytest.approx(0.5)
    assert bad.rouge_l_gains == {"a": 1.0, "b": 0.0}


def test_the_gain_is_that_of_the_first_over_each_other(params: Params) -> None:
    good, bad = compare_recordings(params)
    assert good.gains == {}
    assert good.estimates["rougeL"].value is not None
    assert bad.estimates["rougeL"].value is not None
    assert bad.gains["rougeL"].difference == pytest.approx(
        good.estimates["rougeL"].value - bad.estimates["rougeL"].value
    )
