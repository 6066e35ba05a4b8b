"""A setting is said to be ignored where the answers show it, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.experiments.settings_seen import settings_seen
from helpers.params.files import load_params
from tests.logs import attempt

ANSWER = attempt(0, summary="Ann greets.")


@pytest.mark.parametrize(
    ("extra", "told", "alike", "ignored"),
    [
        ("{}", {"output_tokens": 128}, True, ""),
        ("{}", {"output_tokens": 129}, True, "max_new_tokens"),
        ("{}", {"output_tokens": 129, "tokens_by": "text"}, True, ""),
        ("{}", {}, False, "temperature"),
        ("{temperature: 0.7}", {}, False, ""),
        ("{temperature: 0.7, seed: 7}", {}, False, "seed"),
        ("{seed: 7}", {}, None, ""),
        ("{stop: greets}", {}, True, "stop"),
        ("{stop: [leaves]}", {}, True, ""),
        ("{stop: greets}", {"text_form": "hash"}, True, ""),
        ("{chat_template_kwargs: {enable_thinking: false}}", {"thought": 12}, True, "chat_template_kwargs"),
        ("{chat_template_kwargs: {enable_thinking: true}}", {"thought": 12}, True, ""),
        ("{cache_prompt: false}", {"cached_tokens": 90}, True, "cache_prompt"),
        ("{cache_prompt: false}", {"cached_tokens": 4}, True, ""),
    ],
)
def test_what_is_ignored(extra: str, told: dict[str, object], alike: bool | None, ignored: str) -> None:
    params = load_params("chat", [f"generation.extra={extra}"])
    found = settings_seen(params, [replace(ANSWER, **told)], (), alike)  # type: ignore[arg-type]
    assert list(found) == ([ignored] if ignored else [])
    assert all(row.agrees is False and row.observed for row in found.values())


def test_what_was_refused_is_said_once() -> None:
    found = settings_seen(load_params("chat"), [ANSWER], {"temperature", "stream_options"}, False)
    assert {name: row.observed for name, row in found.items()} == {
        "temperature": "refused, and left out of all further requests"
    }
