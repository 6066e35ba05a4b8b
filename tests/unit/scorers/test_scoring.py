import random
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from helpers.core.errors import SamplesError
from helpers.samples.dataset import CORPUS
from helpers.samples.readers import read_rows
from helpers.scorers import (
    METRICS,
    SampleScore,
    ScoredPair,
    SemanticFailure,
    score_all,
    score_sample,
    semantic_failures,
    signature,
)
from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people
from helpers.scorers.rouge import novel_ngrams, rouge, sentences
from helpers.scorers.scoring import key_fact_recall

ROWS = [row for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]
REFERENCES = [(row, reference) for row in ROWS for reference in row["summaries"]]

DIALOGUE = """\
Alexandra: Did you book the table for half past three?
Tomás: For a couple of people, yes. It's 25 each, so fifty together.
Alexandra: My brother Milo can't come before 4. Take the 21st, and the Spanish place.
Tomás: ok, I ask pgbot to move it, it's on db-3"""


# ROUGE


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
    recipe = r"rouge\|nrefs:2\|multi-ref:max\|.*stem:porter\|split:.*lib:rouge_score [\d.]+\|.*helpers [\d.]+\|.*ci:bca"
    assert re.fullmatch(recipe, signature("2", "bca"))


# Other measures


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


@pytest.mark.parametrize(("n", "expected"), [(1, 1 / 4), (2, 2 / 3), (5, None)])
def test_novel_ngrams(n: int, expected: float | None) -> None:
    assert novel_ngrams(list("abxc"), list("abc"), n) == pytest.approx(expected)


def test_score_sample_measures_lengths_against_references_and_dialogue() -> None:
    score = score_sample("s", "Ana pays it.", ["Ana pays.", "Ana pays for it all."], "Ana: I pay it all now", ["Ana"])
    assert (score.words, score.key_fact_recall) == (3, 1)
    assert score.length_ratio == pytest.approx(3 / 3.5)
    assert score.compression == pytest.approx(3 / 6)
    assert score.novel_unigrams == pytest.approx(1 / 3)


@pytest.mark.parametrize("summary", [None, "", " \n", "...", "word " * 3_000, "y" * 5_000_000])
def test_a_summary_that_cannot_be_scored_scores_nothing_and_says_so(summary: str | None) -> None:
    score = score_sample("s", summary, ["A word."], DIALOGUE, ["word"])
    assert [getattr(score, metric) for metric in METRICS] == [0, 0, 0, 0]
    assert score.key_fact_recall == 0
    assert score.failures == (SemanticFailure.TOO_LONG if len(summary or "") > 99 else SemanticFailure.EMPTY,)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ([], "sample s: reference: none; give one or more"),
        (["fine", " "], "sample s: reference: empty"),
        (["会议改到周五。"], "sample s: reference: no word ROUGE can read"),
        (["word " * 3_000], "sample s: reference: over 2,048 words"),
    ],
)
def test_a_reference_that_cannot_be_scored_against_is_an_error(references: list[str], message: str) -> None:
    with pytest.raises(SamplesError, match=message):
        score_sample("s", "A summary.", references)


def test_scores_are_in_order_and_equal_for_any_number_of_processes() -> None:
    pairs = [
        ScoredPair(row["id"], other["summaries"][0], tuple(row["summaries"]), row["dialogue"], tuple(row["key_facts"]))
        for row, other in pairwise(ROWS[:71])
    ]
    counted: list[int] = []
    alone = score_all(iter(pairs), progress=counted.append)
    assert [score.id for score in alone] == [pair.id for pair in pairs]
    assert sum(counted) == len(pairs)
    assert score_all(iter(pairs), processes=2) == alone


# Semantic failures: each with texts that show it and texts that do not

K = SemanticFailure
GOOD = "Tomás moves the table to four on the 21st, so that Milo can come."


@pytest.mark.parametrize(
    ("kind", "summary", "shown"),
    [
        (K.EMPTY, " \n", True),
        (K.EMPTY, "—", True),
        (K.EMPTY, "No.", False),
        (K.COPY, DIALOGUE, True),
        (K.COPY, DIALOGUE.replace("\n", " ")[:150] + ".", True),
        (K.COPY, re.sub(r"\w+: ", "", DIALOGUE).replace("\n", " "), True),
        (K.COPY, "Tomás booked the table for half past three, and Milo is late.", False),
        (K.CUT_OFF, "Tomás moves the table to four on the", True),
        (K.CUT_OFF, "Tomás moves the table,", True),
        (K.CUT_OFF, "Tomás moves the table to...", True),
        (K.CUT_OFF, "They are going to see Dr.", True),
        (K.CUT_OFF, 'Tomás says: "I move the table."', False),
        (K.CUT_OFF, "Tomás moves the table. 🎉", False),
        (K.CUT_OFF, "- the table is moved\n- Milo comes at 4", False),
        (K.HEAD_LOST, "moves the table to four on the 21st.", True),
        (K.HEAD_LOST, ", so that Milo can come.", True),
        (K.HEAD_LOST, "'s brother cannot come before 4.", True),
        (K.HEAD_LOST, "- The table is moved.", False),
        (K.HEAD_LOST, "iPhones ring at 4.", False),
        (K.HEAD_LOST, "db-3 holds the booking.", False),
        (K.HEAD_LOST, "25 each is the price.", False),
        (K.LOOP, " ".join([GOOD] * 4), True),
        (K.LOOP, f"{GOOD} {GOOD}", True),
        (K.LOOP, GOOD + " the table the table the table the table", True),
        (K.LOOP, "No no no no.", True),
        (K.LOOP, "Ana pays 25 and Tomás pays 25, fifty together.", False),
        (K.LOOP, "He had had enough.", False),
        (K.UNKNOWN_PERSON, "Tomás moves the table for Giulia.", True),
        (K.UNKNOWN_PERSON, "Giulia moves the table.", True),
        (K.UNKNOWN_PERSON, "It's full. Giulia's brother is late.", True),
        (K.UNKNOWN_PERSON, "Giulia and Tomás meet at four.", True),
        (K.UNKNOWN_PERSON, "Alex and TOMAS see Milo's friend on Fridays in May.", False),
        (K.UNKNOWN_PERSON, "Before four, Milo is busy. Instead the Spanish place it is.", False),
        (K.UNKNOWN_PERSON, "Booking is hard. Therefore they ask IT.", False),
        (K.UNSPOKEN_NUMBER, "They meet on the 22nd.", True),
        (K.UNSPOKEN_NUMBER, "They pay 250.", True),
        (K.UNSPOKEN_NUMBER, "They pay sixty together.", True),
        (K.UNSPOKEN_NUMBER, "They meet at half past five.", True),
        (K.UNSPOKEN_NUMBER, "Two people meet at 15:30 or 4pm on the twenty-first.", False),
        (K.UNSPOKEN_NUMBER, "One of them pays £50 for both, twenty-five each.", False),
    ],
)
def test_semantic_failure(kind: SemanticFailure, summary: str, shown: bool) -> None:
    assert (kind in semantic_failures(summary, DIALOGUE)) == shown


def test_a_good_summary_shows_nothing_and_no_dialogue_means_not_judged() -> None:
    assert semantic_failures(GOOD, DIALOGUE) == ()
    assert semantic_failures("Giulia pays 99.", None) == ()


def test_the_references_tell_the_house_style() -> None:
    assert semantic_failures("milo comes at 4", DIALOGUE, ["milo is late", "tomás books"]) == ()
    assert semantic_failures("milo comes at 4", DIALOGUE, ["milo is late", "Tomás books."]) == (K.CUT_OFF, K.HEAD_LOST)


@pytest.mark.parametrize(
    ("said", "summary"),
    [
        ("at 3.30", "at half past three"),
        ("at quarter to five", "at 4:45"),
        ("at 4:45", "at a quarter to five"),
        ("at 15:10", "at ten past three"),
        ("ten to five", "at 4:50"),
        ("half six then", "at 6:30pm"),
        ("three fifty", "3.50"),
        ("a hundred and five", "105"),
        ("2,500 or 3k", "2500 and 3,000"),
        ("46 thousand", "46,000"),
        ("a dozen", "twelve"),
        ("an hour and a half", "1.5 hours"),
        ("a fortnight", "two weeks"),
        ("the 90-day trial", "90 days"),
        ("back in nineteen ninety-nine", "1999"),
        ("half of them", "50%"),
        ("half an hour", "30 minutes"),
    ],
)
def test_numbers_are_compared_by_value(said: str, summary: str) -> None:
    assert unspoken_numbers(summary, f"Ana: {said}.") == []
    assert unspoken_numbers(summary, "Ana: nothing of the kind.") != []


def test_people_and_numbers_are_named() -> None:
    assert unknown_people("Giulia met Milo and Omar.", DIALOGUE) == ["Giulia", "Omar"]
    assert unspoken_numbers("Milo paid 7 at 9:15.", DIALOGUE) == ["9:15", "7"]


@cache
def _failures_of_references() -> list[tuple[SemanticFailure, ...]]:
    return [semantic_failures(reference, row["dialogue"]) for row, reference in REFERENCES]


@pytest.mark.parametrize("kind", K)
def test_false_alarms_on_the_corpus_references(kind: SemanticFailure) -> None:
    assert len(REFERENCES) == 1006
    found = zip(REFERENCES, _failures_of_references(), strict=True)
    alarms = [text for (_, text), failures in found if kind in failures]
    assert len(alarms) / len(REFERENCES) < 0.02, alarms


def _swap_name(text: str, row: dict[str, str], rng: random.Random) -> str | None:
    names = [name for name in re.findall(r"^([A-Z][a-z]+):", row["dialogue"], re.M) if re.search(rf"\b{name}\b", text)]
    strangers = [name for name in ("Ottoline", "Jun", "Marisol", "Dmitri", "Kofi") if name not in row["dialogue"]]
    return re.sub(rf"\b{rng.choice(names)}\b", rng.choice(strangers), text) if names else None


def _change_digits(text: str, row: dict[str, str], rng: random.Random) -> str | None:
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return None
    number = rng.choice(numbers)
    return f"{text[: number.start()]}{int(number[0]) + rng.randint(1, 9)}{text[number.end() :]}"


BREAKERS = {
    K.COPY: (lambda text, row, rng: " ".join(row["dialogue"].split()[:60]), 0.99),
    K.CUT_OFF: (lambda text, row, rng: " ".join(text.split()[: rng.randint(5, len(text.split()) - 1)]), 0.95),
    K.HEAD_LOST: (lambda text, row, rng: " ".join(text.split()[rng.randint(1, 7) :]), 0.8),
    K.LOOP: (lambda text, row, rng: " ".join([text] * 4), 0.99),
    K.UNKNOWN_PERSON: (_swap_name, 0.95),
    K.UNSPOKEN_NUMBER: (_change_digits, 0.8),
}


@pytest.mark.parametrize("kind", BREAKERS)
def test_hits_on_broken_references(kind: SemanticFailure) -> None:
    breaker, floor = BREAKERS[kind]
    rng = random.Random(7)
    broken = [(row, breaker(text, row, rng)) for row, text in REFERENCES[::2]]
    hits = [kind in semantic_failures(text, row["dialogue"]) for row, text in broken if text]
    assert len(hits) > 300
    assert sum(hits) / len(hits) > floor


# The metric of the evaluate library


def test_evaluate_loads_the_metric_by_path_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    import evaluate

    import helpers

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", str(tmp_path))
    folder = Path(helpers.__file__).parent / "scorers" / "dialogue_rouge"
    metric = evaluate.load(str(folder), cache_dir=str(tmp_path))
    predictions, references = ["Ana pays Ben.", ""], [["Ana pays.", "Ben is paid."], ["Milo is late."]]
    found = metric.compute(predictions=predictions, references=references)
    one: SampleScore = score_sample("1", predictions[0], references[0])
    assert found == {**{name: getattr(one, name) / 2 for name in METRICS}, "signature": found["signature"]}
    assert "nrefs:var" in found["signature"]
    assert metric.compute(predictions=["Ana pays."], references=["Ana pays."])["rougeLsum"] == 1
