"""The yardstick for ROUGE: what a reference left out scores against the others, and the summary in its place."""

from __future__ import annotations

import pytest

from helpers.scorers import agreement
from helpers.scorers.rouge import rouge

FIRST, SECOND, THIRD = "Ann sold the old boat.", "The boat was sold by Ann.", "Ann has no boat any more."


def test_each_reference_is_left_out_in_turn() -> None:
    found = agreement([("Ann sold it.", (FIRST, SECOND, THIRD))] * 2)["rougeL"]
    others = ([SECOND, THIRD], [FIRST, THIRD], [FIRST, SECOND])
    ours = sum(rouge("Ann sold it.", rest)["rougeL"] for rest in others) / 3
    theirs = sum(rouge(text, rest)["rougeL"] for text, rest in zip((FIRST, SECOND, THIRD), others, strict=True)) / 3
    assert found.summaries.value == pytest.approx(ours)
    assert found.references.value == pytest.approx(theirs)
    assert found.difference.difference == pytest.approx(ours - theirs)
    assert found.difference.n == 2


def test_a_summary_that_is_one_of_two_references_scores_what_both_facts_make_of_it() -> None:
    # Against itself 1, against the other what the references score among themselves.
    among = rouge(FIRST, [SECOND])["rouge1"]
    found = agreement([(FIRST, (FIRST, SECOND))])["rouge1"]
    assert found.references.value == pytest.approx(among)
    assert found.summaries.value == pytest.approx((1 + among) / 2)


def test_dialogues_with_one_reference_are_passed_over() -> None:
    assert agreement([("Ann sold it.", (FIRST,)), ("", ())]) == {}
    assert agreement([("Ann sold it.", (FIRST,)), ("Ann sold it.", (FIRST, SECOND))])["rouge1"].difference.n == 1


def test_no_summary_scores_nothing() -> None:
    empty, too_long = agreement([("", (FIRST, SECOND))]), agreement([("boat " * 5_000_000, (FIRST, SECOND))])
    assert empty["rougeL"].summaries.value == too_long["rougeL"].summaries.value == 0
    assert agreement([("Ann sold it.", ("boat " * 5_000, "sold " * 5_000))]) == {}, "too long to be held together"
