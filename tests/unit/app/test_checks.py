"""What the app flags in an answer, and in which of its words."""

from __future__ import annotations

import time

import pytest

import helpers.app.checks as checks
from helpers.app.checks import CheckedAnswer, checked, checking_process, segments
from helpers.app.client import Answered
from helpers.app.html import checks_html
from helpers.params.files import load_params
from helpers.runs.review_summary import recorded_samples, recorded_summaries
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection

DIALOGUE = "Ann: Could you send me the report by Friday? It costs 40 dollars.\nBo: I'll send it on Thursday at noon."


def marked(summary: str, found: CheckedAnswer) -> dict[str, list[str]]:
    """Return by what is flagged the pieces of a summary that are marked for it."""
    pieces = list(segments(summary, found.flags))
    assert "".join(text for text, _ in pieces) == summary
    return {flag.label: [t for t, about in pieces if place in about] for place, flag in enumerate(found.flags)}


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Bo sends Ann the report on Thursday at noon.", {}),
        (
            "Bo sends the report, and Zoë pays 17 dollars.",
            {"Name not in the dialogue": ["Zoë"], "Number not in the dialogue": ["17"]},
        ),
        ("The report costs seventeen dollars.", {"Number not in the dialogue": ["seventeen"]}),
        ("the report comes on", {"Ends within a sentence": ["report comes on"], "Begins within a sentence": ["the"]}),
        ("Ann wants a report by Friday at noon from Bo.", {"When": ["Friday"]}),
        ("", {"Empty": []}),
        (
            "𝕬nn \u202e👩‍👩‍👧 ٤٢",
            {"Ends within a sentence": ["𝕬nn \u202e👩‍👩‍👧 ", "٤٢"], "Number not in the dialogue": ["٤٢"]},
        ),
    ],
)  # fmt: skip
def test_each_flag_marks_its_words(summary: str, expected: dict[str, list[str]]) -> None:
    found = checked(summary, DIALOGUE)
    if "When" in expected:
        value = Objection(check=FaithfulnessCheck.WHEN, strength=3.0, words=f"Friday in: {summary}")
        found = checked(summary, DIALOGUE, objecting=lambda *_: [value])
    assert marked(summary, found) == expected


def test_every_flag_of_the_recorded_summaries_marks_words() -> None:
    """Of 137 summaries of the demonstration model, no flag about words is without a mark."""
    params = load_params("demo")
    dialogues = {one.id: one.dialogue for one in recorded_samples(params)}
    found = [(one, checked(one, dialogues[id])) for id, one in recorded_summaries(params).items() if id in dialogues]
    flags = [flag for _, one in found for flag in one.doubted]
    assert len(flags) > 40
    assert [flag for flag in flags if not flag.spans] == []


def test_what_is_flagged_is_said_with_its_kind_and_no_flag_proves_nothing() -> None:
    summary = "Zoë sends the report on Thursday."
    html = checks_html(Answered("", summary=summary, checked=checked(summary, DIALOGUE)))
    assert (
        "Output checks: 1 failed. Faithfulness checks: no flags. No flag does not mean that a summary is right." in html
    )
    assert "<mark class='failed'>Zoë<sup>1</sup></mark>" in html
    late = checks_html(Answered("", summary=summary, checked=CheckedAnswer(in_time=False)))
    assert "took them too long" in late
    assert "<mark" not in late


def test_a_dialogue_that_takes_the_checks_minutes_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = "\n".join(f"S{place}: I go at {place % 12} Monday." for place in range(900))
    summary = "".join(f"S{place} goes home at {place % 12} Monday. " for place in range(130))
    with checking_process() as objecting:
        assert [one.check for one in objecting("Ann and Ann will meet.", DIALOGUE) or ()] == [FaithfulnessCheck.AT_ODDS]
        monkeypatch.setattr(checks, "LIMIT", 0.5)
        began = time.monotonic()
        assert objecting(summary, hard) is None
        assert time.monotonic() - began < 10
        monkeypatch.setattr(checks, "LIMIT", 60.0)
        assert objecting("Ann and Ann will meet.", DIALOGUE), "another process has taken its place"
