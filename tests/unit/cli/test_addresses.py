"""``--url`` in place of a params file: what is found at an address is what a verb goes by."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.cli.main import main
from helpers.params.files import load_params
from tests.chat_server import ChatServer


def test_what_is_found_at_an_address_is_printed_as_a_params_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "mine.yaml"
    with ChatServer() as server:
        assert main(["check", "--url", server.url("streams-quickly"), "--set", "samples.n=5"]) == 0
        kept.write_text(capsys.readouterr().out)
        params = load_params(str(kept))
        assert params.endpoint.url == server.url("streams-quickly")
    assert (params.endpoint.protocol, params.endpoint.served_model, params.endpoint.stream) == ("chat", "m", True)
    assert params.samples.n == 5


@pytest.mark.parametrize("verb", ["app", "check", "summarise"])
def test_whom_to_ask_is_given_once(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "demo", "--url", "http://127.0.0.1:9"]) == 2
    assert f"{verb}: give a params file, such as params/demo.yaml, or --url URL" in capsys.readouterr().err


def test_a_verb_without_a_default_needs_one_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarise"]) == 2
    assert "or --url URL in its place" in capsys.readouterr().err
