"""What cells hold: turns become lines, lists are several texts, ids are compared as numbers, columns are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.params import Columns
from helpers.samples.formats import dialogue_of, found_columns, id_key, texts_of

SEVERAL = ("summary1", "summary2", "summary3")
LINES = "Ann: Lunch at one?\nBen: Yes."


@pytest.mark.parametrize(
    "value",
    [
        LINES,
        LINES.replace("\n", "\r\n"),
        LINES.replace("\n", "<br>"),
        LINES.replace("\n", "<BR />"),
        LINES.split("\n"),
        [{"speaker": "Ann", "text": "Lunch at one?"}, {"speaker": "Ben", "text": "Yes."}],
        [{"role": "Ann", "content": "Lunch at one?"}, {"role": "Ben", "content": [{"type": "text", "text": "Yes."}]}],
        [
            {"from": "Ann", "value": "Lunch at one?"},
            {"from": "Ben", "value": " Yes.\n"},
            {"from": "Ben", "value": None},
        ],
        [{"name": "Ann:", "role": "user", "utterance": "Lunch at one?"}, {"name": "Ben\n", "utterance": "Yes."}],
        [["Ann", "Lunch at one?"], ("Ben", "Yes.")],
        {"speaker": ["Ann", "Ben"], "text": ["Lunch at one?", "Yes."]},
        {"turns": [{"speaker": "Ann", "text": "Lunch at one?"}, None, {"speaker": "Ben", "text": "Yes."}]},
        '[{"speaker": "Ann", "text": "Lunch at one?"}, {"speaker": "Ben", "text": "Yes."}]',
        "['Ann: Lunch at one?', 'Ben: Yes.']",
        str(np.array([{"speaker": "Ann", "text": "Lunch at one?"}, {"speaker": "Ben", "text": "Yes."}])),
        str(np.array(LINES.split("\n"))),
    ],
)
def test_turns_become_lines(value: Any) -> None:
    assert dialogue_of(value) == LINES


def test_the_sides_of_dialogstudio_have_a_line_each() -> None:
    log = [
        {"turn id": 1, "user utterance": "Hi.", "system response": "Hello."},
        {"turn id": 2, "user utterance": "Bye.", "system response": ""},
    ]
    assert dialogue_of(log) == "User: Hi.\nSystem: Hello.\nUser: Bye."


@pytest.mark.parametrize("text", ["[door opens] Ann: hi [laughs]", "[1, 2]", "{x}", "[]", "['a', __import__('os')]"])
def test_a_text_that_only_looks_like_a_list_stays_one(text: str) -> None:
    assert dialogue_of(text) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "holds int; give a text"),
        ([5], "turn 1 holds int; give a speaker and a text"),
        ([{"speaker": "Ann"}], "turn 1 has none of text, content, value"),
        ([{"speaker": "Ann", "text": {"x": 1}}], "turn 1 holds dict"),
        ({"a": 1}, "holds a mapping of a; give the turns as a list"),
    ],
)
def test_what_is_no_dialogue_is_told_without_its_content(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dialogue_of(value)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        (" ", []),
        ("One.", ["One."]),
        (["One.", "", None, "Two."], ["One.", "Two."]),
        ("['One.', 'Two.']", ["One.", "Two."]),
        ('["One.", "Two."]', ["One.", "Two."]),
        (str(np.array(["One, or so.", "Two's."])), ["One, or so.", "Two's."]),
        (pd.Series([["One.", "Two."]]).to_csv(index=False, header=False).strip().strip('"'), ["One.", "Two."]),
        ('{"summary": "One."}', ["One."]),
        ({"summaries": {"abstractive_summaries": [["One.", "And more."], ["Two."]]}}, ["One. And more.", "Two."]),
    ],
)
def test_a_cell_may_hold_several_texts(value: Any, texts: list[str]) -> None:
    assert texts_of(value) == texts


@pytest.mark.parametrize(("name", "key"), [("1.0", "1"), ("1", "1"), ("-3.00", "-3"), ("1.5", "1.5"), ("v1.0", "v1.0")])
def test_ids_are_compared_as_numbers_where_they_are_whole(name: str, key: str) -> None:
    assert id_key(name) == key


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["id", "dialogue", "summary", "topic"], ("id", "dialogue", ("summary",))),
        (["fname", "dialogue", *SEVERAL], ("fname", "dialogue", SEVERAL)),
        (["new dialog id", "log", "original dialog info"], ("new dialog id", "log", ("original dialog info",))),
        (["conversation_id", "messages", "summary"], ("conversation_id", "messages", ("summary",))),
        (["id", "conversations", "references"], ("id", "conversations", ("references",))),
        (["dialogue", "summary"], ("id", "dialogue", ("summary",))),
    ],
)
def test_the_columns_of_known_data_sets_are_found(present: list[str], expected: tuple[Any, ...]) -> None:
    found = found_columns(Columns(), present)
    assert (found.id, found.dialogue, found.references) == expected


def test_what_was_named_is_not_looked_for() -> None:
    names = ["fname", "dialogue", "chat", "summary1", "summary2", "summary3"]
    found = found_columns(Columns(dialogue="chat", references=("summary1",)), names)
    assert (found.id, found.dialogue, found.references) == ("fname", "chat", ("summary1",))
    assert found_columns(Columns(references=()), ["messages"]).references == ()
