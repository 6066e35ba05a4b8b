"""Failed output checks: each with texts that show it and texts that do not, and how often each is right."""

import random
import re
from functools import cache

import pytest

from helpers.scorers import OutputFailure, as_told, output_failures
from tests.unit.scorers.scored_texts import DIALOGUE, REFERENCES

K = OutputFailure
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
def test_semantic_failure(kind: OutputFailure, summary: str, shown: bool) -> None:
    assert (kind in output_failures(summary, DIALOGUE)) == shown


def test_a_good_summary_shows_nothing_and_no_dialogue_means_not_judged() -> None:
    assert output_failures(GOOD, DIALOGUE) == ()
    assert output_failures("Giulia pays 99.", None) == ()


def test_the_references_tell_the_house_style() -> None:
    assert output_failures("milo comes at 4", DIALOGUE, ["milo is late", "tomás books"]) == ()
    assert output_failures("milo comes at 4", DIALOGUE, ["milo is late", "Tomás books."]) == (K.CUT_OFF, K.HEAD_LOST)


@cache
def _failures_of_references() -> list[tuple[OutputFailure, ...]]:
    return [output_failures(reference, row["dialogue"]) for row, reference in REFERENCES]


@pytest.mark.parametrize("kind", K)
def test_false_alarms_on_the_corpus_references(kind: OutputFailure) -> None:
    assert len(REFERENCES) > 1900
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
def test_hits_on_broken_references(kind: OutputFailure) -> None:
    breaker, floor = BREAKERS[kind]
    rng = random.Random(7)
    broken = [(row, breaker(text, row, rng)) for row, text in REFERENCES[::2]]
    hits = [kind in output_failures(text, row["dialogue"]) for row, text in broken if text]
    assert len(hits) > 300
    assert sum(hits) / len(hits) > floor


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("length", (K.CUT_OFF, K.LOOP)),
        ("stop", (K.LOOP,)),
        ("eos_token", (K.LOOP,)),
        ("", (K.CUT_OFF, K.LOOP)),
        ("content_filter", (K.CUT_OFF, K.LOOP)),
    ],
)
def test_the_server_knows_whether_an_answer_was_cut_off(finish: str, told: tuple[OutputFailure, ...]) -> None:
    assert as_told((K.CUT_OFF, K.LOOP), finish) == told
    assert as_told((K.LOOP,), "length") == (K.CUT_OFF, K.LOOP)
