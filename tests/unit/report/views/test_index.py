"""How a model decodes is told where its answers are judged."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from helpers.params.files import load_params
from helpers.report.views import sample_eval
from helpers.report.views.index import _decoded
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import SampleEval

PLAIN = "generation={num_beams: 2, max_new_tokens: 64}"


@pytest.mark.parametrize(
    ("params", "overrides", "told"),
    [
        ("demo", [PLAIN, "model.rerank=false"], "2 beams, at most 64 new tokens"),
        ("demo", [PLAIN, "generation.length_penalty=0.5", "model.rerank=false"], ", length penalty 0.5"),
        ("demo", [], "length penalty 1.3, reranked by the output checks"),
        ("replay", [], "as recorded"),
    ],
)
def test_the_decoding_is_told(params: str, overrides: list[str], told: str) -> None:
    assert _decoded(load_params(params, overrides)).endswith(told)


@pytest.mark.parametrize("reranked", [True, False])
def test_the_checks_are_no_judge_of_what_they_chose(reranked: bool) -> None:
    run = SimpleNamespace(params=load_params("demo", [f"model.rerank={str(reranked).lower()}"]))
    html = sample_eval.failures(run, Cited(SampleEval(page="02", failures={"loop": 1}), "results/02.json"))
    assert ("no independent judge" in html) == reranked
