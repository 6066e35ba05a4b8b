"""Whole reports over recorded answers and over a scripted deployment: seconds each, no model."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from helpers.core.paths import PROJECT
from tests.environment import clean_environment

Report = Callable[..., "Finished"]


@dataclass(frozen=True)
class Finished:
    """A finished ``helpers`` process: exit code, what it told the terminal, and where its run and pages are."""

    code: int
    told: str
    out: Path
    run: Path | None

    def page(self, stem: str) -> str:
        """Return a published page."""
        return (self.out / f"{stem}.html").read_text(encoding="utf-8")

    def result(self, page: str) -> dict[str, object]:
        """Return a page's result."""
        assert self.run is not None
        return json.loads((self.run / "results" / f"{page}.json").read_text())


def pytest_configure() -> None:
    """Hear Ctrl-C, which a shell has its jobs in the background ignore, and with them all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of these tests are kept, away from the user's."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded predictions for the bundled ten: references of the corpus, some cut, one empty, with times."""
    corpus = PROJECT / "src" / "helpers" / "data" / "corpus" / "demo.jsonl"
    path = tmp_path_factory.mktemp("recorded") / "predictions.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, line in enumerate(corpus.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            text = "" if number == 3 else row["summaries"][0][: 60 if number % 4 == 0 else None]
            recorded = {
                "id": row["id"],
                "prediction": text,
                "seconds": 1 + number / 7,
                "input_tokens": 100 + number,
                "output_tokens": 30,
            }
            file.write(json.dumps(recorded, ensure_ascii=False) + "\n")
    return path


@pytest.fixture(scope="session")
def helpers(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Run ``python -m helpers`` as a user would, and return the outcome."""

    def run(
        *arguments: str,
        out: Path | None = None,
        environment: dict[str, str] | None = None,
        stdin: str | None = None,
        limit: float = 240,
    ) -> Finished:
        out = out or tmp_path_factory.mktemp("out") / "reports"
        before, publishes = set(runs.iterdir()), arguments[0] in ("report", "render") and "--out" not in arguments
        quiet = {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "HELPERS_RUNS": str(runs)}
        done = subprocess.run(
            [sys.executable, "-m", "helpers", *arguments, *(["--out", str(out)] if publishes else [])],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=limit,
            env=clean_environment(**quiet | (environment or {})),
            check=False,
        )
        new = sorted(set(runs.iterdir()) - before)
        return Finished(done.returncode, done.stderr + done.stdout, out, new[-1] if new else None)

    return run


@pytest.fixture(scope="session")
def replayed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, helpers: Report, recorded: Path
) -> Finished:
    """One report over recorded answers, shared by the tests that only read it, in whichever process they run."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if hasattr(request.config, "workerinput") else base
    with FileLock(folder / "replayed.lock"):
        done = folder / "replayed.pickle"
        if done.is_file():
            return pickle.loads(done.read_bytes())
        found = helpers("report", "params/replay.yaml", *replay(recorded))
        assert found.code == 0, found.told
        done.write_bytes(pickle.dumps(found))
    return found


def replay(path: Path) -> list[str]:
    """Return the overrides that replay a file."""
    pairs = [f"replay.predictions={path}", "replay.latency=seconds", f"baseline.predictions={path}"]
    return [part for pair in pairs for part in ("--set", pair)]


def shown_on_a_page(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of a notebook that a report executes and shows."""
    return [cell for cell in notebook["cells"] if "explore" not in cell["metadata"].get("tags", ())]
