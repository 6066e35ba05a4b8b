"""ROUGE against the library it comes from, what it is computed of, and the recipe that goes with it."""

import re

import pytest
from rouge_score.rouge_scorer import RougeScorer

from helpers.scorers import METRICS, signature
from helpers.scorers.rouge import novel_ngrams, rouge, sentences
from tests.unit.scorers.scored_texts import REFERENCES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Bell came at 5 p.m. with 3.5 litres. He left.", ["Mr. Bell came at 5 p.m. with 3.5 litres.", "He left."]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_rouge_is_the_librarys_best_f1_over_references() -> None:
    library = RougeScorer(list(METRICS), use_stemmer=True)
    for (row, reference), (_, other) in zip(REFERENCES[:40], REFERENCES[40:80], strict=True):
        summary = f"{other} {reference[:60]}"
        split = ["\n".join(sentences(text)) for text in (*row["summaries"], summary)]
        expected = library.score_multi(split[:-1], split[-1])
        assert rouge(summary, row["summaries"]) == pytest.approx(
            {metric: expected[metric].fmeasure for metric in METRICS}, abs=1e-9
        )


def test_rouge_lsum_alone_forgives_sentences_in_another_order() -> None:
    scores = rouge("Ben brings cake. Ana books a table.", ["Ana books a table. Ben brings cake."])
    assert scores["rougeLsum"] == 1
    assert scores["rougeL"] == pytest.approx(4 / 7)


def test_each_metric_takes_its_own_best_reference() -> None:
    summary, references = "a b c d", ["d c b a", "a b x y"]
    assert rouge(summary, references)["rouge1"] == 1
    assert rouge(summary, references)["rouge2"] == pytest.approx(1 / 3)


def test_the_stemmer_survives_a_word_that_breaks_the_librarys() -> None:
    assert rouge("y" * 5_000 + " cats", ["cat"])["rouge1"] == pytest.approx(2 / 3)


def test_signature_names_the_recipe() -> None:
    recipe = r"rouge\|nrefs:2\|.*tok:unicode\|stem:porter\|split:.*as:rouge_score [\d.]+\|.*helpers [\d.]+\|.*ci:bca"
    assert re.fullmatch(recipe, signature([2, 2], "bca"))


@pytest.mark.parametrize(("n", "expected"), [(1, 1 / 4), (2, 2 / 3), (5, None)])
def test_novel_ngrams(n: int, expected: float | None) -> None:
    assert novel_ngrams(list("abxc"), list("abc"), n) == pytest.approx(expected)
