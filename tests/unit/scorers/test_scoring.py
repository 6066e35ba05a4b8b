"""The scores of one summary and of many: key facts, lengths, and what cannot be scored."""

import pytest

from helpers.core.errors import SamplesError
from helpers.scorers import METRICS, OutputFailure, score_sample
from helpers.scorers.scoring import key_fact_recall
from tests.unit.scorers.scored_texts import DIALOGUE, REFERENCES


@pytest.mark.parametrize(
    ("fact", "summary", "found"),
    [
        ("Friday", "They meet on friday.", True),
        ("repair|fix", "It is being fixed.", True),
        ("repair|fix", "It is a fixture.", False),
        ("cancel", "She cancelled it.", True),
        ("seven", "Seventy came.", False),
        ("four", "Fourteen came.", False),
        ("ten", "The tenant left.", False),
        ("rain", "The train left.", False),
        ("14", "It costs 140.", False),
        ("14", "It costs 14.50.", False),
        ("50", "It costs 2.50.", False),
        ("14", "On the 14th.", True),
        ("14", "It costs 14.", True),
        ("30%", "A 30% discount.", True),
        ("'s son|the son", "Ana's son came.", True),
        (" lid", "The kettle lid broke.", True),
        ("a (b", "She wrote a (b.", True),
    ],
)
def test_key_fact(fact: str, summary: str, found: bool) -> None:
    assert key_fact_recall(summary, [fact]) == found


def test_key_fact_recall_is_a_share_and_absent_without_facts() -> None:
    assert key_fact_recall("Ana pays.", ["Ana", "Ben", "pay", "cash"]) == 0.5
    assert key_fact_recall("Ana pays.", []) is None


def test_references_state_the_corpus_key_facts() -> None:
    recalls = [key_fact_recall(reference, row["key_facts"]) or 0 for row, reference in REFERENCES]
    assert sum(recalls) / len(recalls) > 0.999


def test_score_sample_measures_lengths_against_references_and_dialogue() -> None:
    score = score_sample("s", "Ana pays it.", ["Ana pays.", "Ana pays for it all."], "Ana: I pay it all now", ["Ana"])
    assert (score.words, score.key_fact_recall) == (3, 1)
    assert score.length_ratio == pytest.approx(3 / 3.5)
    assert score.compression == pytest.approx(3 / 6)
    assert score.novel_unigrams == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("summary", "kind"),
    [
        *((text, OutputFailure.EMPTY) for text in (None, "", " \n", "...", "…", "😂")),
        *((text, OutputFailure.MISSING_VALUE) for text in ("nan", "None", "NULL", "N/A", " <NA>\n")),
        ("y" * 5_000_000, OutputFailure.TOO_LONG),
    ],
)
def test_a_summary_that_cannot_be_scored_scores_nothing_and_says_so(summary: str | None, kind: OutputFailure) -> None:
    score = score_sample("s", summary, ["A word, nan or none."], DIALOGUE, ["word"])
    assert [getattr(score, metric) for metric in METRICS] == [0, 0, 0, 0]
    assert score.key_fact_recall == 0
    assert score.failures == (kind,)


def test_work_is_bounded_by_what_it_costs_and_not_by_a_length() -> None:
    minutes = "word " * 3_500
    assert score_sample("s", "word " * 150, [minutes]).rouge1 == pytest.approx(2 * 150 / 3650)
    assert score_sample("s", minutes, [minutes]).rougeLsum == 1
    assert score_sample("s", minutes * 2, [minutes]).failures == (OutputFailure.TOO_LONG,)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ([], "sample s: reference: none; give one or more"),
        (["fine", " "], "sample s: reference: empty"),
        (["❤️"], "sample s: reference: no word in it"),
    ],
)
def test_a_reference_that_cannot_be_scored_against_is_an_error(references: list[str], message: str) -> None:
    with pytest.raises(SamplesError, match=message):
        score_sample("s", "A summary.", references)
