"""Prompts: what a chat model is told, from the package or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.core.errors import InputError
from helpers.samples.prompts import Prompt, Shot, load_prompt

PROMPT = Prompt(system="Be brief.", request="Sum up:\n{dialogue}", shots=(Shot(dialogue="A: hi", summary="A greets."),))


def test_the_conversation_ends_with_the_dialogue() -> None:
    assert PROMPT.messages("B: {dialogue} \\1") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Sum up:\nA: hi"},
        {"role": "assistant", "content": "A greets."},
        {"role": "user", "content": "Sum up:\nB: {dialogue} \\1"},
    ]


def test_the_hash_follows_what_is_said() -> None:
    assert PROMPT.sha256 == PROMPT.model_copy().sha256
    assert PROMPT.sha256 != PROMPT.model_copy(update={"system": "Be long."}).sha256


@pytest.mark.parametrize(("name", "shots"), [("two-shot", 2), ("zero-shot", 0), ("tuned", 0)])
def test_bundled(name: str, shots: int) -> None:
    assert len(load_prompt(name).shots) == shots


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("system: Be brief.\n")
    assert load_prompt(str(path)) == Prompt(system="Be brief.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("system: [", "not readable as YAML"),
        ("- a list", "Input should be a valid dictionary"),
        ("request: '{dialogue}'", "'system': Field required"),
        ("system: s\nshot: []", "'shot': Extra inputs are not permitted"),
        ("system: s\nshots: [{dialogue: d}]", r"'shots\.0\.summary': Field required"),
        ("system: s\nrequest: Sum up", r"'request' must say \{dialogue\}"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_prompt(str(path))


def test_an_unknown_name_names_the_known() -> None:
    with pytest.raises(InputError, match=r"'twoshot': .*did you mean 'two-shot'.*bundled: tuned, two-shot, zero-shot"):
        load_prompt("twoshot")
