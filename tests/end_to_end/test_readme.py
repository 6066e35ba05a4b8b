"""What the README tells a reader to type works as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from helpers.cli import VERBS, _parser
from helpers.project import PROJECT
from tests.conftest import Report

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Return every ``python -m helpers`` line of the shell blocks."""
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("python -m helpers")]


def test_the_workflow_gates_a_pull_request(helpers: Report, tmp_path: Path) -> None:
    (workflow,) = (yaml.safe_load(block) for block in blocks("yaml"))
    steps = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step]
    (command,) = (step for step in steps if " -m helpers " in step)
    verb, *arguments = shlex.split(command.split(" -m helpers ", 1)[1])
    summary = tmp_path / "summary.md"
    done = helpers(verb, *arguments, out=tmp_path / "pages", environment={"GITHUB_STEP_SUMMARY": str(summary)})
    assert done.code in (0, 3), done.told
    assert "| ROUGE-L" in summary.read_text()
    targets = [step.removeprefix("make ") for step in steps if step.startswith("make ")]
    assert all(re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE) for target in targets)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_that_helpers_takes(command: str) -> None:
    verb, *arguments = shlex.split(command.removeprefix("python -m helpers "))
    assert verb in VERBS or verb == "--help"
    if verb != "--help":
        _parser(verb).parse_args([verb, *arguments])


@pytest.mark.slow
def test_own_predictions_become_a_report_in_one_command(helpers: Report, tmp_path: Path) -> None:
    rows = ["id,dialogue,summary,prediction"]
    rows += [
        f'{n},"Ana: Can Ben come at {n % 9 + 1}?\nBen: Yes.",Ben comes at {n % 9 + 1}.,Ben will come.'
        for n in range(200)
    ]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    own = ["--set", f"samples.source={tmp_path}/mine.csv", "--set", f"replay.predictions={tmp_path}/mine.csv"]
    done = helpers("report", "params/replay.yaml", *own)
    assert done.code == 0, done.told
    assert done.result("02")["answered"] == 200
