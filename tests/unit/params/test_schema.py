"""What applies to a run, by its service and protocol."""

from __future__ import annotations

import pytest

from helpers.core.errors import InputError
from helpers.params.files import load_params

CHAT = ("endpoint.protocol=chat", "model.task=chat", "model.prompt=zero-shot", "generation.num_beams=1")


def test_a_request_carries_what_its_protocol_has() -> None:
    plain = load_params("endpoint", ["generation.length_penalty=0.5"])
    assert plain.settings_sent == {"num_beams": 4, "max_new_tokens": 128, "length_penalty": 0.5}
    chat = load_params("chat", ["generation.extra={seed: 7, temperature: 0.5}"])
    assert chat.settings_sent == {"max_new_tokens": 128, "temperature": 0.5, "seed": 7}
    assert load_params("replay").settings_sent == {}


@pytest.mark.parametrize(
    ("params", "overrides", "applied", "not_applied"),
    [
        ("demo", [], ("generation.num_beams", "model.engine", "serving.workers"), ()),
        ("endpoint", [], ("generation.num_beams", "model.context_tokens"), ("model.dtype", "serving.cache")),
        ("chat", [], ("generation.max_new_tokens",), ("generation.num_beams", "generation.length_penalty")),
        ("provider", [], ("generation.max_new_tokens",), ("instance.size", "model.engine", "generation.num_beams")),
        ("replay", [], ("samples.n",), ("generation.max_new_tokens", "model.engine")),
    ],
)
def test_parameters_without_an_effect_are_named(
    params: str, overrides: list[str], applied: tuple[str, ...], not_applied: tuple[str, ...]
) -> None:
    found = load_params(params, overrides).not_applied
    assert set(not_applied) <= set(found)
    assert not set(applied) & set(found)


@pytest.mark.parametrize(
    ("params", "overrides", "here", "billed"),
    [
        ("demo", [], True, False),
        ("chat", [], True, False),
        ("chat", ["endpoint.url=http://[::1]:8080"], True, False),
        ("chat", ["endpoint.url=https://a.example/v1"], False, True),
        ("endpoint", [], False, True),
        ("provider", [], False, True),
        ("endpoint", ["endpoint.url=http://127.0.0.1:8000"], False, True),
        ("replay", [], False, False),
    ],
)
def test_a_foreign_server_on_this_machine_is_no_instance_of_the_price_list(
    params: str, overrides: list[str], here: bool, billed: bool
) -> None:
    found = load_params(params, overrides)
    assert (found.is_here, found.is_billed) == (here, billed)


def test_page_03_tries_no_beams_where_the_protocol_has_none() -> None:
    tried = (
        "settings.tried=[{num_beams: 1, max_new_tokens: 64}, {max_new_tokens: 32}, {num_beams: 4, max_new_tokens: 64}]"
    )
    names = [setting.name for setting in load_params("endpoint", [*CHAT, tried, "deployment=null"]).compared_settings]
    assert names == ["128 tokens", "64 tokens", "32 tokens", "4 beams, 64 tokens"]
    own = load_params("endpoint", [tried]).compared_settings
    assert [(setting.name, setting.changed) for setting in own][:3] == [
        ("4 beams, 128 tokens", {"num_beams": 4, "max_new_tokens": 128}),
        ("1 beam, 64 tokens", {"num_beams": 1, "max_new_tokens": 64}),
        ("32 tokens", {"max_new_tokens": 32}),
    ]


def test_a_harmless_change_is_named_once_and_none_is_made_unless_asked_for() -> None:
    assert load_params("demo").robustness.dialogues == 0
    for wrong, told in (
        ("[typos, typos]", "names typos more than once"),
        ("[]", "at least 1"),
        ("[shouting]", "typos"),
    ):
        with pytest.raises(InputError, match=told):
            load_params("demo", [f"robustness.changes={wrong}"])
