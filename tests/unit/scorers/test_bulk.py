"""Many scores: as one by one, in order, for any number of processes, and as columns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from helpers.scorers import METRICS, score_sample
from helpers.scorers.aggregate import aggregate, compare
from helpers.scorers.bulk import ScoredPair, ScoreTable, score_pairs
from helpers.scorers.failures import OutputFailure
from tests.unit.scorers.scored_texts import ROWS

PAIRS = [
    ScoredPair((other["summaries"][0], ""), tuple(row["summaries"]), row["dialogue"], tuple(row["key_facts"]))
    for row, other in pairwise(ROWS[:301])
]


def tables(processes: int) -> tuple[ScoreTable, ScoreTable]:
    ours, theirs = ScoreTable(), ScoreTable()
    for chunk in score_pairs(iter(PAIRS), processes):
        ours.add(chunk[0])
        theirs.add(chunk[1])
    return ours, theirs


def test_many_are_scored_as_one_is_and_equally_by_any_number_of_processes() -> None:
    (ours, theirs), (by_two, _) = tables(1), tables(2)
    assert len(ours) == len(theirs) == len(PAIRS)
    alone = [score_sample("s", p.summaries[0], p.references, p.dialogue, p.key_facts) for p in PAIRS]
    for name in (*METRICS, "key_fact_recall", "compression", "novel_bigrams", "words"):
        column = ours.column(name)
        assert column is not None
        assert column.tolist() == [getattr(score, name) for score in alone]
        assert np.array_equal(column, by_two.column(name))
    for kind in OutputFailure:
        assert ours.failed(kind).tolist() == [kind in score.failures for score in alone]
    assert theirs.failed(OutputFailure.EMPTY).all()


def test_means_leave_out_what_a_row_has_not_and_pairs_go_together() -> None:
    ours, theirs = tables(1)
    half = np.arange(len(PAIRS)) < 100
    column = ours.column("rougeL")
    assert column is not None
    assert aggregate(ours, half).n == 100
    assert aggregate(ours, half).metrics["rougeL"].value == pytest.approx(column[half].mean())
    assert "semantic_similarity" not in aggregate(ours).metrics
    assert compare(ours, theirs)["rougeL"].difference == pytest.approx(column.mean())
