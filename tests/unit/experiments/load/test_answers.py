"""Answers under load against answers alone: equal or not, better or worse, dialogue by dialogue."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.experiments.load.answers import compared
from helpers.params.files import load_params
from helpers.report.views import answers_under_load
from helpers.runs.prompt_cache import NO_CACHE
from helpers.runs.request_log import Record, RequestLog, TextForm
from helpers.runs.results.cited import Cited
from helpers.runs.results.load_capacity import AnswersUnderLoad, LoadCapacity
from helpers.runs.results.sample_eval import SampleEval, Scored
from helpers.samples.dataset import Sample
from tests.page_checks import loose_digits, wrong_citations

SAID, OTHER = "Ann meets Bo at noon.", "Ann stays at home."
SAMPLES = tuple(
    Sample(id=f"d{i}", dialogue="Ann: At noon?\nBo: Yes.", references=(SAID,), key_facts=("noon",)) for i in range(6)
)


def run(folder: Path, form: TextForm) -> Any:
    """A run whose page 02 was answered with ``SAID`` to every dialogue."""
    log = RequestLog(folder / f"{form}.jsonl", form)
    rows = []
    for sample in SAMPLES:
        common = ("02", "steady", sample.id, datetime.now(UTC), "ok", "s")
        log.append(Record(f"r-{sample.id}", 1, *common, summary=SAID))
        scored = {"rougeL": 1.0, "key_fact_recall": 1.0}
        texts = {"dialogue": sample.dialogue, "references": sample.references, "summary": None}
        labels = {"domain": None, "length": None, "truncated": None}
        rows.append(Scored(id=sample.id, request=f"r-{sample.id}", scores=scored, **texts, **labels))
    found = SampleEval(page="02", samples=tuple(rows))
    params = load_params("replay", [f"privacy.text={form}"])
    results = lambda page: SimpleNamespace(sample_eval=found)  # noqa: E731
    return SimpleNamespace(log=log, params=params, samples=SAMPLES, results=results, prompt_cache=NO_CACHE)


@pytest.mark.parametrize(("form", "equal"), [("full", 0.75), ("hash", 0.75), ("redacted", None)])
def test_what_is_the_same_and_what_is_worse_is_told_by_dialogue(
    tmp_path: Path, form: TextForm, equal: float | None
) -> None:
    heard = {sample.id: Counter({SAID: 3, OTHER: 1}) for sample in SAMPLES}
    found = compared(run(tmp_path, form), heard)
    assert (found.reason, found.answers, found.dialogues) == ("", 24, 6)
    assert (found.equal and found.equal.value) == equal
    assert found.facts
    assert found.facts.difference == pytest.approx(-0.25)
    assert found.facts.n == 6
    assert found.rouge_l
    assert found.rouge_l.difference
    assert -0.25 < found.rouge_l.difference < 0
    result = LoadCapacity(page="05", answers=found)
    html = answers_under_load.answers(Cited(result, "results/05.json"))
    assert wrong_citations(html, {"results/05.json": result.model_dump(mode="json")}) == []
    assert loose_digits(html) == []
    assert ("no text is kept" in html) is (equal is None)


def test_without_answers_alone_or_under_load_there_is_a_reason(tmp_path: Path) -> None:
    one = run(tmp_path, "full")
    assert "no request was answered" in compared(one, {}).reason
    one.results = lambda page: SimpleNamespace(sample_eval=None)
    assert "page 02" in compared(one, {"d0": Counter([SAID])}).reason
    cited = Cited(LoadCapacity(page="05", answers=AnswersUnderLoad(reason="for this")), "results/05.json")
    assert "not compared" in answers_under_load.answers(cited)
    assert answers_under_load.answers(Cited(LoadCapacity(page="05"), "results/05.json")) == ""
