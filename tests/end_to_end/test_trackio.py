"""A run in trackio, which needs no account: logged, read back, and seen in its own dashboard."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.report.tracked import tracked
from helpers.report.tracking import track
from helpers.runs.directory import attach
from helpers.runs.run import Run
from tests.conftest import Finished
from tests.environment import clean_environment
from tests.trackio_dashboard import PATIENCE, dashboard, opened

pytest.importorskip("trackio", reason="trackio is not installed: make test does it, or pip install -e '.[trackio]'")

#: What trackio itself says of a run, through its own reading of the project.
READ = """
import json, sys
from trackio.sqlite_storage import SQLiteStorage as Storage
project, name = sys.argv[1:]
told = {"runs": Storage.get_runs(project), "config": Storage.get_run_config(project, name)}
told |= {"logs": Storage.get_logs(project, name), "alerts": Storage.get_alerts(project)}
print(json.dumps(told))
"""


@pytest.fixture
def run(replayed: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of a finished run whose service is trackio, in a folder of its own."""
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "projects"))
    monkeypatch.setenv("TRACKIO_SERVER_URL", "http://127.0.0.1:9")  # nothing is sent, whatever the environment says
    assert replayed.run is not None
    run = attach(Path(shutil.copytree(replayed.run, tmp_path / "run")))
    tracking = run.params.tracking.model_copy(update={"backend": "trackio", "limit": 120.0})
    run.params = run.params.model_copy(update={"tracking": tracking})
    return run


@pytest.mark.slow
@pytest.mark.browser
def test_a_run_is_logged_read_back_and_seen_in_the_dashboard(run: Run, tmp_path: Path) -> None:
    line = track(run)
    assert line.startswith("tracking: in trackio; to see it: TRACKIO_DIR="), line
    folder, told = tmp_path / "projects", tracked(run)
    read = subprocess.run(
        [sys.executable, "-c", READ, told.project, told.name],
        env=clean_environment(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1"),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = json.loads(read.stdout.splitlines()[-1])
    assert found["runs"] == [run.manifest.run]
    assert found["config"]["decision"] == "HOLD"
    assert found["config"]["dataset_sha256"] == run.manifest.dataset_sha256
    *points, last = found["logs"]
    log = run.log.read()
    for name in ("service_time", "input_tokens", "output_tokens"):
        assert [point[f"request/{name}"] for point in points] == [getattr(record, name) for record in log]
    scored = run.results().sample_eval
    assert scored
    assert last["score/rougeL"] == scored.scores["rougeL"].value
    assert [row["request"] for row in last["table/requests"]["_value"]] == [record.request for record in log]
    with dashboard(folder, told.project) as address, opened(address) as (page, elsewhere):
        page.get_by_text("service_time").first.wait_for(timeout=PATIENCE * 1000)
        assert page.get_by_text(run.manifest.run).first.is_visible()
        assert page.get_by_text("rougeLsum").first.is_visible()
        assert elsewhere == [], "nothing is asked of anybody else"


def test_a_folder_that_cannot_be_written_to_is_said_and_the_run_is_none_the_worse(run: Run, tmp_path: Path) -> None:
    (tmp_path / "projects").write_text("")
    assert track(run).startswith("tracking: nothing is kept in trackio: cannot write to ")


def test_none_tells_nobody(run: Run, tmp_path: Path) -> None:
    tracking = run.params.tracking.model_copy(update={"backend": "none"})
    run.params = run.params.model_copy(update={"tracking": tracking})
    assert track(run) == ""
    assert not (tmp_path / "projects").exists()
