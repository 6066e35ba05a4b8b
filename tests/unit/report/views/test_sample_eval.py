"""The yardstick for ROUGE on page 02: what it says it means, with every figure cited."""

from __future__ import annotations

import json
import re

import pytest

from helpers.report.views.sample_eval import agreement as shown
from helpers.runs.results.cited import Cited
from helpers.runs.results.sample_eval import SampleEval
from helpers.scorers import agreement
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.scorers.test_aggregate import FIRST, SECOND


@pytest.mark.parametrize(
    ("summaries", "told"),
    [
        ([f"{FIRST} {SECOND}"] * 200, "a higher ROUGE-L shows no better summary"),
        (["The cat sat down."] * 200, "there is room for a better ROUGE-L"),
        ([FIRST, FIRST, FIRST, "Cats sit.", "Cats sit."], "ROUGE-L does not tell the summaries from another reference"),
        ([FIRST], "One dialogue does not show"),
    ],
)
def test_the_page_says_what_it_means_and_cites_every_figure(summaries: list[str], told: str) -> None:
    references = [(FIRST, SECOND), (FIRST, SECOND), (SECOND, FIRST), (FIRST, SECOND), (SECOND, FIRST)] * 40
    result = SampleEval(page="02", agreement=agreement(zip(summaries, references, strict=False)))
    html = shown(Cited(result, "results/02.json").agreement, "agreement")
    assert told in re.sub(r"\s+", " ", html)
    assert "results/02.json#/agreement/rougeL/references/value" in html
    assert loose_digits(html) == []
    assert wrong_citations(html, {"results/02.json": json.loads(result.model_dump_json())}) == []


def test_nothing_is_shown_where_dialogues_have_one_reference_each() -> None:
    assert shown(Cited(SampleEval(page="02"), "results/02.json").agreement, "agreement") == ""
