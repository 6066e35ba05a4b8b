import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from helpers.core.text import visible
from helpers.samples.predictions import PredictionColumns, PredictionFile
from helpers.scorers import METRICS, output_failures, score_sample
from helpers.scorers.failures import _is_loop, _longest_repeat
from helpers.scorers.rouge import _punkt, novel_ngrams, rouge, sentences
from helpers.scorers.scoring import key_fact_recall
from helpers.scorers.words import has_word, letters, words

VOCABULARY = "Ana ana pays paying the bill Bill. on Friday, at 3.50 Mr. U.S. isn't café ! \n ? 会议"
WORDS = st.sampled_from(VOCABULARY.split(" "))
SEEN = st.lists(st.sampled_from(VOCABULARY.replace("café", "“cafe” – ❤️").replace("会议", "…").split(" ")), max_size=30)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)
REFERENCES = st.lists(TEXTS.map(lambda text: "Ana " + text), min_size=1, max_size=3)
ANYTHING = st.text(max_size=60)

LIBRARY = RougeScorer(list(METRICS), use_stemmer=True)


def of_the_library(summary: str, references: list[str]) -> dict[str, float]:
    expected = LIBRARY.score_multi(["\n".join(sentences(r)) for r in references], "\n".join(sentences(summary)))
    return {metric: expected[metric].fmeasure for metric in METRICS}


@given(TEXTS, REFERENCES)
def test_with_the_librarys_tokeniser_rouge_is_the_librarys(summary: str, references: list[str]) -> None:
    assert rouge(summary, references, "rouge_score") == pytest.approx(of_the_library(summary, references), abs=1e-15)


@given(SEEN.map(" ".join), st.lists(SEEN.map(lambda words: " ".join(["Ana", *words])), min_size=1, max_size=3))
def test_rouge_is_the_librarys_where_that_sees_every_letter(summary: str, references: list[str]) -> None:
    assert letters(summary)[0] == letters(summary)[1]
    assert rouge(summary, references) == pytest.approx(of_the_library(summary, references), abs=1e-15)


ENDS = st.sampled_from(
    ["Ana", "ana.", "U.S.", "Mr.", "no!", "B.", "3.", "x.y", "well...", '"so."', "db-3.", "ok?!", "é."]
)


@given(st.lists(ENDS | WORDS, max_size=12).map(" ".join))
def test_sentences_are_those_of_punkt(text: str) -> None:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    expected = [" ".join(one.split()) for line in lines if line for one in _punkt().tokenize(line)]
    assert [" ".join(one.split()) for line in lines for one in sentences(line)] == expected


@given(st.lists(st.sampled_from("abcd"), max_size=40))
def test_a_loop_is_found_whatever_its_period(tokens: list[str]) -> None:
    runs = [tuple(tokens[place : place + 4]) for place in range(len(tokens) - 3)]
    shared = bool(runs) and 1 - len(set(runs)) / len(runs) >= 0.3
    longest = {p: _longest_repeat(tokens, p) for p in range(1, len(tokens) // 2 + 1)}
    assert _is_loop(tokens) == (shared or any(n >= max(2 * p, 3) for p, n in longest.items() if p <= 30))


@given(TEXTS, REFERENCES)
def test_another_reference_or_their_order_never_lowers_a_score(summary: str, references: list[str]) -> None:
    scores = rouge(summary, references)
    assert scores == rouge(summary, references[::-1])
    more = rouge(summary, [*references, "Ana"])
    assert all(0 <= scores[m] <= more[m] <= 1 for m in METRICS)


@given(st.text(max_size=8), st.sampled_from(["unicode", "rouge_score"]))
def test_a_text_has_a_word_or_none(text: str, tokenizer: Any) -> None:
    assert has_word(text, tokenizer) == bool(words(text, tokenizer))


@given(TEXTS)
def test_a_text_scores_1_against_itself(text: str) -> None:
    text = "Ana pays " + text
    assert rouge(text, [text]) == pytest.approx(dict.fromkeys(METRICS, 1.0))


@given(ANYTHING, ANYTHING, st.lists(ANYTHING, max_size=3))
def test_any_text_can_be_judged(summary: str, dialogue: str, facts: list[str]) -> None:
    failures = output_failures(summary, dialogue)
    assert len(set(failures)) == len(failures)
    score = score_sample("s", summary, ["A word."], dialogue, facts)
    assert score.failures == failures
    assert all(0 <= getattr(score, m) <= 1 for m in METRICS)


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, max_size=12), st.integers(1, 4))
def test_novelty_is_a_share_and_nothing_said_is_novel(own: list[str], said: list[str], n: int) -> None:
    share = novel_ngrams(own, said, n)
    assert (share is None) == (len(own) < n)
    assert share is None or 0 <= share <= 1
    assert not novel_ngrams(own, said + own, n)


@given(TEXTS, st.lists(st.sampled_from(["Ana", "pay", "3.50", "Frid|bill"]), min_size=1))
def test_saying_more_never_lowers_key_fact_recall(summary: str, facts: list[str]) -> None:
    before, after = key_fact_recall(summary, facts), key_fact_recall(summary + "\nAna pays 3.50 on Friday.", facts)
    assert before is not None
    assert after == 1 >= before


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


@settings(max_examples=50)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_every_cell_of_a_csv_is_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path: Path = tmp_path_factory.mktemp("rows") / "p.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("summary", "reference"), *((a, "ref " + b) for a, b in rows)])
    pairs = list(PredictionFile(path, PredictionColumns("summary", ("reference",))).rows())
    expected = [(visible(a), (visible("ref " + b),)) for a, b in rows]
    assert [(pair.summary, pair.references) for pair in pairs] == expected
