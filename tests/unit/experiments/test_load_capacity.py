"""Page 05: what batching was measured to buy, and how it is shown."""

from __future__ import annotations

import numpy as np

from helpers.experiments.load.sending import OK, MeasuredPart
from helpers.experiments.load_capacity import OFF, ON, _gain
from helpers.params import Batching
from helpers.report.views import load_capacity
from helpers.runs.results.cited import Cited
from helpers.runs.results.load_capacity import LoadCapacity, Strategy
from tests.page_checks import loose_digits, wrong_citations


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
