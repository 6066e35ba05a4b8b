"""``helpers app``: what it says where it cannot start."""

import pytest

from helpers.cli.main import main


def test_without_gradio_the_verb_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("helpers.cli.app.find_spec", lambda name: None)
    assert main(["app"]) == 2
    assert "'make app' installs it" in capsys.readouterr().err
