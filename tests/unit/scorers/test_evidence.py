"""Marks are on the words that a check is about, in the summary and in the turns that contradict it."""

from __future__ import annotations

import pytest

from helpers.scorers.evidence import LONGEST, evidence
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection
from helpers.scorers.mentions import turns_of

TALK = (
    "Ann: Can you call Bob at four, Cem?\nCem: Sure. Shall I ask forty people to come?\n"
    "Ann: Please. And I'll bake the big chocolate cake for the party on Saturday."
)


def marked(summary: str, talk: str, failures: tuple[str, ...] = (), objections: tuple = ()) -> list[tuple]:  # type: ignore[type-arg]
    """Return flag, turn and words of every mark."""
    turns = turns_of(talk)
    return [
        (str(one.flag), one.turn, (summary if one.turn is None else turns[one.turn].text)[one.start : one.end])
        for one in evidence(summary, talk, failures, objections)
    ]


@pytest.mark.parametrize(
    ("summary", "kind", "words"),
    [
        ("Zoe calls Bob and Zoe is late.", "unknown_person", ["Zoe", "Zoe"]),
        ("Cem asks 17 people, not 40.", "unspoken_number", ["17"]),
        ("Cem asks seventeen people.", "unspoken_number", ["seventeen"]),
        ("Cem asks 2,500 people.", "unspoken_number", ["2,500"]),
        ("Ann bakes a cake for the", "cut_off", ["cake for the"]),
        ("and Ann bakes a cake.", "head_lost", ["and"]),
        ("They go on and on, they go on and stop.", "loop", ["they go on and"]),
        ("Ann ann ann bakes.", "loop", ["ann", "ann"]),
        ("N/A", "missing_value", ["N/A"]),
        ("", "empty", []),
        ("", "cut_off", []),
    ],
)
def test_a_failed_output_check_marks_what_it_is_about(summary: str, kind: str, words: list[str]) -> None:
    assert marked(summary, TALK, (kind,)) == [(kind, None, one) for one in words]


def test_a_copy_is_marked_where_it_was_taken_from() -> None:
    found = marked("Sure. Shall I ask forty people to come?", TALK, ("copy",))
    assert found == [
        ("copy", None, "Sure. Shall I ask forty people to come?"),
        ("copy", 1, "Sure. Shall I ask forty people to come?"),
    ]


CAKE = "bake the big chocolate cake for the party on Saturday."
BAKES = "And I'll bake the big chocolate cake for the party on Saturday."
SHOW = "Ann: The show on Tuesday is full.\nCem: Then let's see the show on Friday.\nAnn: Friday it is."


@pytest.mark.parametrize(
    ("summary", "talk", "check", "about", "words", "against"),
    [
        (f"Cem will {CAKE}", TALK, "who_does_what", f"Cem will {CAKE}", f"Cem will {CAKE}", (2, BAKES)),
        (f"Cem asks. He will {CAKE}", TALK, "who_does_what", f"Cem will {CAKE}", f"will {CAKE}", (2, BAKES)),
        (f"Ann will not {CAKE}", TALK, "negation", f"Ann will not {CAKE}", f"Ann will not {CAKE}", (2, BAKES)),
        ("They see the show on Tuesday.", SHOW, "when", "Tuesday in: They see the show on Tuesday.", "Tuesday",
         (1, "Friday")),
    ],
)  # fmt: skip
def test_an_objection_is_marked_in_both_texts(
    summary: str, talk: str, check: str, about: str, words: str, against: tuple[int, str]
) -> None:
    one = Objection(check=FaithfulnessCheck(check), strength=5.0, words=about)
    assert marked(summary, talk, objections=(one,)) == [(check, None, words), (check, *against)]


def test_what_is_said_twice_is_marked_each_time() -> None:
    one = Objection(check=FaithfulnessCheck.AT_ODDS, strength=5.0, words="four, Ann … Ann")
    found = marked("Ann and Ann ask four at Four.", TALK, objections=(one,))
    assert [words for _, _, words in found] == ["four", "Four", "Ann", "Ann"]


def test_a_text_that_no_page_shows_whole_is_not_searched() -> None:
    assert evidence("Zoe " * LONGEST, TALK, ("loop", "unknown_person")) == ()
