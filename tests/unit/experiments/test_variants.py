"""Variants and settings over recorded answers, and the dialogues that are asked of each."""

from __future__ import annotations

import pytest

from helpers.experiments.variants import qualities, spread
from helpers.params.files import load_params
from helpers.samples.dataset import Sample
from helpers.samples.readers import read_rows
from tests.unit.verdicts.test_recommendation import REFERENCE


def test_dialogues_are_spread_over_their_lengths() -> None:
    samples = [Sample(id=str(n), dialogue="x" * n) for n in (5, 1, 9, 3, 7)]
    assert [s.id for s in spread(samples, 2)] == ["3", "7"]
    assert [s.id for s in spread(samples, 1)] == ["5"]
    assert len(spread(samples, 9)) == 5


def test_recorded_answers_are_compared_and_a_missing_recording_says_how() -> None:
    params = load_params("demo")
    variants = [
        variant.model_copy(update={"predictions": None}) if variant.dtype == "bfloat16" else variant
        for variant in params.quantization.variants
    ]
    found = qualities(params, "quantization", variants)
    same, bf16 = found["ctranslate2 float32"], found["transformers bfloat16"]
    assert same["quality"].n == 127
    assert same["agreement"].value > 0.6, "the same arithmetic, but its beams end by a rule of its own"
    assert "--set model.engine=transformers --set model.dtype=bfloat16" in bf16["quality_reason"]
    assert found[REFERENCE]["rouge_l"].n == 127
    assert "quality" not in found[REFERENCE]


def test_recorded_answers_differ_only_where_fewer_tokens_cut_them() -> None:
    params = load_params("demo")
    own, fewer, *_ = params.settings.beside(1, 128)
    found = qualities(params, "settings", [own, fewer])[fewer.name]
    whole, cut = ({row.cells["id"]: row.cells for row in read_rows(s.predictions or "")} for s in (own, fewer))
    same = [row["prediction"] == whole[name]["prediction"] for name, row in cut.items()]
    assert same == [whole[name]["output_tokens"] <= 64 for name in cut]
    assert found["quality"].n == 127
    assert found["agreement"].value == pytest.approx(sum(same) / 127)
