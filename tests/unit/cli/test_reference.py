"""The command reference is what ``--help`` says, and its examples are commands."""

from __future__ import annotations

import shlex

import pytest

from helpers.cli.examples import EXAMPLES
from helpers.cli.main import VERBS, parser_of
from helpers.cli.reference import reference
from helpers.core.paths import PROJECT

COMMANDS = [command for examples in EXAMPLES.values() for _, command in examples]


def test_the_committed_reference_is_made_of_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    committed = (PROJECT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert committed == reference(), "make it anew: make docs"
    assert str(PROJECT) not in committed


def test_every_verb_has_an_example_and_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert EXAMPLES.keys() == VERBS.keys()
    for verb, examples in EXAMPLES.items():
        with pytest.raises(SystemExit):
            parser_of(verb).parse_args([verb, "--help"])
        told = capsys.readouterr().out
        assert all(does in told and command in told for does, command in examples)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_a_command(command: str) -> None:
    verb, *arguments = shlex.split(command)
    assert verb in VERBS
    parser_of(verb).parse_args([verb, *arguments])
