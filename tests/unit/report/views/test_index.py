"""How a model decodes is told where its answers are judged."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from helpers.params.files import load_params
from helpers.report.views import index, sample_eval, summaries
from helpers.report.views.index import _decoded
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import SampleEval, Scored

PLAIN = "generation={num_beams: 2, max_new_tokens: 64}"


@pytest.mark.parametrize(
    ("params", "overrides", "told"),
    [
        ("demo", [PLAIN, "model.rerank=false"], "2 beams, at most 64 new tokens"),
        ("demo", [PLAIN, "generation.length_penalty=0.5", "model.rerank=false"], ", length penalty 0.5"),
        ("demo", [], "length penalty 1.3, reranked by the output checks"),
        ("chat", ["generation.extra={seed: 7}"], "at most 128 new tokens, temperature 0, seed 7"),
        ("replay", [], "as recorded"),
    ],
)
def test_the_decoding_is_told(params: str, overrides: list[str], told: str) -> None:
    assert _decoded(load_params(params, overrides)).endswith(told)


def shown(summary: str | None) -> str:
    row = Scored(
        id="a", domain=None, length=None, truncated=None, dialogue="", references=(), summary=summary, scores={}
    )
    found = SampleEval(page="02", samples=(row,))
    run = SimpleNamespace(interactive=False, results=lambda: SimpleNamespace(sample_eval=found))
    own = summaries.to_read(run, Cited(found, "results/02.json"))  # type: ignore[arg-type]
    return own + index.to_read(run)  # type: ignore[arg-type]


def test_a_text_that_is_hidden_is_not_said_to_be_missing() -> None:
    assert shown(None).count("The privacy setting keeps the texts off this page.") == 2
    assert shown("").count("(an empty answer)") == 2
    assert shown("Ann greets.").count("Ann greets.") == 2


@pytest.mark.parametrize("reranked", [True, False])
def test_the_checks_are_no_judge_of_what_they_chose(reranked: bool) -> None:
    run = SimpleNamespace(params=load_params("demo", [f"model.rerank={str(reranked).lower()}"]))
    html = sample_eval.failures(run, Cited(SampleEval(page="02", failures={"loop": 1}), "results/02.json"))
    assert ("no independent judge" in html) == reranked
