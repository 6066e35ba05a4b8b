"""Secrets of the environment are in nothing that is written, however they are spelled there."""

import base64
import html
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from helpers.cli.main import main
from helpers.core import environment

TOKEN = 'hf_pl[a]nted.(to"k&n)+\\d'


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HELPERS_SERVE_TOKEN", "another-secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize(
    "spelled",
    [
        TOKEN,
        json.dumps(TOKEN)[1:-1],
        json.dumps(json.dumps(TOKEN)[1:-1])[1:-1],
        repr(TOKEN)[1:-1],
        html.escape(TOKEN),
        html.escape(TOKEN, quote=False),
        quote(TOKEN),
        quote(TOKEN, safe=""),
        base64.b64encode(TOKEN.encode()).decode(),
        "another-secret",
        "hf_" + "a" * 34,
    ],
)
def test_a_secret_is_found_in_every_spelling(spelled: str) -> None:
    found = environment.redact(f"before {spelled} after")
    assert found.rstrip("=").startswith("before [redacted]")
    assert found.endswith(" after")
    assert "nted" not in found


def test_ordinary_words_and_settings_stay() -> None:
    text = "HF_HUB_OFFLINE is 1, and hf_hub_download is a function."
    assert environment.redact(text) == text
    assert set(environment.secrets()) >= {TOKEN, "another-secret"}
    assert "1" not in environment.secrets()


def test_a_value_too_short_to_be_a_secret_blots_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "e")
    assert environment.redact("three") == "three"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_dotenv_file_is_read_in_any_unicode(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    (tmp_path / ".env").write_bytes('OF_THE_FILE="Zoë"\r\nHF_TOKEN=not this\r\n'.encode(encoding))
    found = environment.environment()
    assert (found["OF_THE_FILE"], found["HF_TOKEN"]) == ("Zoë", TOKEN)


def test_a_dotenv_file_that_is_no_text_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    (tmp_path / ".env").write_bytes(b"NAME=caf\xe9\n")
    assert main(["check", "demo"]) == 2
    assert capsys.readouterr().err == "helpers: .env: is not UTF-8 text; save it as UTF-8\n"
