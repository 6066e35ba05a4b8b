"""An option that what is asked for has no use for is refused, and not silently ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo-model", "--set", "epochs=3"], "--set: a recipe is for 'demo-model train' and 'choose'"),
        (["compare", "a", "b", "--pages-url", "https://pages.example.org"], "--pages-url is for a comment"),
        (["review", "RUN", "--language-model", "--json", "out.json"], "--language-model, --json: for 'review import'"),
        (["review", "import", "ratings.json", "-n", "3"], "-n: for writing a review"),
        (
            ["summarise", "params/full.yaml", "--output", "out.csv", "--strict"],
            "--strict, --encoding: with Dask they are for --input",
        ),
    ],
)
def test_it_is_said(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path))
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
