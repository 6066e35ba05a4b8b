"""Page 05: what batching was measured to buy, and how it is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup

from helpers.experiments.load.sending import OK, MeasuredPart
from helpers.experiments.load_capacity import OFF, ON, _gain
from helpers.params import Batching
from helpers.params.files import load_params
from helpers.report.views import load_capacity
from helpers.runs.results.cited import Cited
from helpers.runs.results.load_capacity import LoadCapacity, Strategy
from helpers.runs.results.quantization import Quantization
from helpers.runs.results.store import Results
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.verdicts.test_recommendation import REFERENCE, RIVAL, estimate, quality, variant


def measured(seconds: float, kinds: list[int]) -> MeasuredPart:
    times = np.zeros(len(kinds))
    return MeasuredPart(
        times, times, times + seconds, np.array(kinds, np.uint8), np.zeros(len(kinds), np.int64), seconds
    )


def test_the_gain_is_the_ratio_of_the_throughputs_and_every_figure_of_it_is_cited() -> None:
    rounds = [
        {OFF: measured(8.0, [OK] * 4), ON: measured(4.0, [OK] * 4)},
        {OFF: measured(8.0, [OK] * 4), ON: measured(6.0, [OK] * 3 + [3])},
    ]
    gain, why = _gain(rounds, Batching())
    assert gain
    assert (why, gain.one_at_a_time, gain.in_batches) == ("", 0.5, 0.7)
    assert (gain.ratio, gain.lowest, gain.highest) == (1.4, 1.0, 2.0)
    assert (gain.rounds, gain.requests, gain.failed) == (2, 8, 1)
    result = LoadCapacity(page="05", batching=gain, strategies=(Strategy(name="batching"),))
    html = load_capacity.batching(Cited(result, "results/05.json"))
    assert wrong_citations(html, {"results/05.json": result.model_dump(mode="json")}) == []
    assert loose_digits(html) == []
    assert "1.40 ×" in html


def test_what_cannot_be_compared_says_why() -> None:
    assert _gain([], Batching()) == (None, "the budget was spent before it")
    silent = {OFF: measured(8.0, [OK]), ON: measured(8.0, [3])}
    assert _gain([silent], Batching()) == (None, "a server answered no request of a round")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1.0, "page 04: ctranslate2 int8, 2.00 × as fast as the reference"),
        (None, "page 04: none is shown to save anything, transformers float32 stays"),
    ],
)
def test_the_row_of_quantization_is_what_page_04_recommends(seconds: float | None, told: str) -> None:
    rival = variant(RIVAL, seconds, **quality(True), speedup=estimate(2.0))
    compared = Quantization(page="04", variants=(variant(REFERENCE, 4.0), rival))
    params = load_params("demo", ["targets.average_latency.max=3"])
    run: Any = SimpleNamespace(results=lambda upto: Results(quantization=compared), params=params)
    html = load_capacity._quantization(run)
    assert told == BeautifulSoup(html, "html.parser").get_text()
    assert wrong_citations(html, {"results/04.json": compared.model_dump(mode="json")}) == []
