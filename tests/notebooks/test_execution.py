"""The notebooks as JupyterLab and nbval run them: on their own, and again over a finished run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.core.paths import PROJECT
from tests.conftest import Finished

NOTEBOOKS = [path.name for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))]


def nbval(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", "--rootdir=/", "-c", os.devnull]
    return subprocess.run(
        [*command, "--override-ini=addopts=", *arguments],
        capture_output=True, text=True, timeout=280, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_an_executed_copy_gives_the_same_outputs_again(replayed: Finished, runs: Path) -> None:
    assert replayed.run is not None
    copies = [str(path) for path in sorted((replayed.run / "notebooks").glob("*.ipynb"))]
    assert len(copies) >= 3
    done = nbval("--nbval", *copies, environment={"HELPERS_RUNS": str(runs)})
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.slow
def test_the_sources_run_cell_by_cell_on_their_own(runs: Path, recorded: Path, tmp_path: Path) -> None:
    """Lax nbval on the sources: each makes its own run; here on recorded answers, so that no model is needed."""
    for name in NOTEBOOKS:
        notebook = json.loads((PROJECT / "notebooks" / name).read_text())
        own = (PROJECT / "params" / "replay.yaml").read_text().replace("baselines/demo-tuned-fp32.jsonl", str(recorded))
        for room in ("targets", "prices", "alerts"):
            own = own.replace(f"{room}: {room}.yaml", f"{room}: {PROJECT / 'params' / room}.yaml")
        own = own.replace("reviews/", f"{PROJECT / 'params' / 'reviews'}/")
        (tmp_path / "own.yaml").write_text(own)
        for cell in notebook["cells"]:
            if "run_dir" in "".join(cell["source"]) and "parameters" in cell["metadata"].get("tags", []):
                cell["source"] = [f'params: str = "{tmp_path / "own.yaml"}"\n', 'run_dir: str = ""']
        (tmp_path / name).write_text(json.dumps(notebook))
    done = nbval("--nbval-lax", *(str(tmp_path / name) for name in NOTEBOOKS), environment={"HELPERS_RUNS": str(runs)})
    assert done.returncode == 0, done.stdout[-3000:]
    made = sorted(runs.glob("interactive-*"))
    assert len(made) >= len(NOTEBOOKS) - 2  # the first and the last need no run
