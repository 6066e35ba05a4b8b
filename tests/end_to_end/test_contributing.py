"""The worked examples of CONTRIBUTING.md: their edits are made in a copy, and their command does what it says there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.core.paths import PROJECT
from tests.environment import clean_environment

TEXT = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### Add an? (\w+)\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))
STEP = re.compile(
    r"^\d\. `(?P<file>[^`]+)`: (?P<how>after|before|replace) `(?P<anchor>[^`]+)` (?:add|by) (?P<new>`.+`)$", re.M
)
NEW_FILE = re.compile(r"^\d\. [\w ]+, `([^`]+)`:$", re.MULTILINE)
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^python (?P<arguments>.+?) +# (?P<file>\S+): (?P<words>.+)$", re.MULTILINE)


def test_each_edit_of_an_example_still_finds_its_place(tmp_path: Path) -> None:
    """Here and not only in the slow tests, because whoever changes an anchored line runs these."""
    files = {step["file"] for example in EXAMPLES.values() for step in STEP.finditer(example)}
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    assert [follow(step, tmp_path) for example in EXAMPLES.values() for step in STEP.finditer(example)]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["metric", "target", "engine", "notebook"])
def test_a_worked_example_works(what: str, tmp_path: Path) -> None:
    example, copy = EXAMPLES[what], tmp_path / "copy"
    for part in ("src", "params", "notebooks"):
        shutil.copytree(PROJECT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    steps = [follow(step, copy) for step in STEP.finditer(example)]
    blocks = BLOCK.findall(example)
    code = [text for kind, text in blocks if kind == "python"]
    if new := NEW_FILE.search(example):
        (copy / new[1]).write_text(code[0], encoding="utf-8")
    elif code:
        python(copy, "-c", code[0])
    assert len(steps) + sum(text.count("\n") for text in code) <= 15
    commands = [found for kind, text in blocks if kind == "sh" for found in COMMAND.finditer(text)]
    assert commands
    for command in commands:
        assert not any(command["words"] in path.read_text("utf-8") for path in copy.glob(command["file"]))
        python(copy, *shlex.split(command["arguments"]))
        assert command["words"] in (copy / command["file"]).read_text(encoding="utf-8")


def follow(step: re.Match[str], copy: Path) -> str:
    """Make one edit of an example, whose anchor must be in its file once; return the file."""
    path = copy / step["file"]
    text = path.read_text(encoding="utf-8")
    assert text.count(step["anchor"]) == 1, f"{step['file']}: {step['anchor']}"
    lines = "\n".join(re.findall(r"`([^`]+)`", step["new"]))
    made = {"after": f"{step['anchor']}\n{lines}", "before": f"{lines}\n{step['anchor']}", "replace": lines}
    path.write_text(text.replace(step["anchor"], made[step["how"]]), encoding="utf-8")
    return step["file"]


def python(copy: Path, *arguments: str) -> None:
    """Run Python in the copy, with the copy's package and the models that are already built."""
    own = {"PYTHONPATH": str(copy / "src"), "HELPERS_CACHE": str(PROJECT / ".cache"), "WANDB_MODE": "disabled"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=clean_environment(**own),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
