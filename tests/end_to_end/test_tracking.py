"""W&B beside a finished run: an offline run holds the log's own numbers, and no fault of W&B's is the run's."""

import json
import os
import re
import shutil
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from helpers.params import Tracking
from helpers.report.tracking import KEY, chosen_mode, track
from helpers.report.wandb_upload import contents, is_complete
from helpers.runs.directory import attach
from helpers.runs.run import Run
from tests.conftest import Finished
from tests.scripted_server import ScriptedServer, answer, stall

SECRET = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def run(replayed: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A copy of a finished run, and an environment that says nothing of W&B."""
    for name in ("WANDB_MODE", "WANDB_BASE_URL", KEY):
        monkeypatch.delenv(name, raising=False)
    assert replayed.run is not None
    return attach(Path(shutil.copytree(replayed.run, tmp_path / "run")))


def online(run: Run, monkeypatch: pytest.MonkeyPatch, url: str, limit: float) -> Run:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv(KEY, SECRET)
    monkeypatch.setenv("WANDB_BASE_URL", url)
    tracking = run.params.tracking.model_copy(update={"limit": limit})
    run.params = run.params.model_copy(update={"tracking": tracking})
    return run


def kept(run: Run) -> Path:
    return next(run.directory.glob("wandb/offline-run-*/*.wandb"))


def values(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def test_an_offline_run_holds_the_logs_own_numbers(run: Run) -> None:
    line = track(run)
    assert line.startswith("tracking: kept for W&B, not sent; to send it: wandb sync ")
    assert line.endswith(kept(run).parent.name)
    assert is_complete(kept(run))
    kinds: dict[str, list[Any]] = defaultdict(list)
    for content in contents(kept(run)):
        record = Record.FromString(content)
        kinds[record.WhichOneof("record_type")].append(record)
    points = [values(r.history.item) for r in kinds["history"]]
    log = run.log.read()
    for name in ("service_time", "input_tokens", "output_tokens"):
        assert [p[f"request/{name}"] for p in points if "request/ok" in p] == [getattr(r, name) for r in log]
    counted = next(p["distribution/service_time/values"] for p in points if "distribution/service_time/values" in p)
    assert sum(counted) == len([r for r in log if r.phase == "steady"])
    summary = {k: v for r in kinds["summary"] for k, v in values(r.summary.update).items()}
    assert (summary["requests"], summary["attempts"], summary["failed_attempts"]) == (len(log), len(log), 0)
    scored = run.results().sample_eval
    assert scored is not None
    assert summary["score/rougeL"] == scored.scores["rougeL"].value
    assert summary["output_failures/empty"] == scored.failures["empty"] == 1
    assert summary["verdict/rouge_l"] == "informative"
    config = values(kinds["run"][0].run.config.update)
    assert (config["model.id"], config["samples.source"]) == ("demo", run.params.samples.source)
    assert "generation.num_beams" not in config, "recorded answers are not asked for with any"
    assert {"results", "request-log", "pages"} <= {r.artifact.type for r in kinds["artifact"]}
    table = json.loads(next(kept(run).parent.rglob("requests_*.table.json")).read_text())
    assert [row[0] for row in table["data"]] == [r.request for r in log]
    kept(run).write_bytes(kept(run).read_bytes()[:-20])
    assert not is_complete(kept(run)), "as a full disk leaves it"


@pytest.mark.slow
def test_a_host_that_hangs_costs_the_limit_and_the_run_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with ScriptedServer(stall(b"")) as server:
        line = track(online(run, monkeypatch, server.url, 4))
    assert "not sent (W&B did not finish within 4 s); to send it: wandb sync" in line
    assert time.monotonic() - began < 4 + 15
    assert is_complete(kept(run))


@pytest.mark.slow
def test_a_key_that_is_refused_is_said_and_in_no_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(answer(401, {"errors": [{"message": f"{SECRET} is not valid"}]})) as server:
        line = track(online(run, monkeypatch, server.url, 20))
    assert server.requests
    assert "not sent (W&B refused: " in line
    assert "to send it: wandb sync" in line
    texts = [path.read_text(errors="replace") for path in run.directory.rglob("*") if path.is_file()]
    assert [text for text in [line, *texts] if SECRET in text] == []


def test_a_missing_package_is_said(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "wandb.py").write_text("raise ModuleNotFoundError(\"No module named 'wandb'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"), prepend=os.pathsep)
    line = track(run)
    assert line.startswith("tracking: nothing is kept for W&B: the package wandb cannot be used (No module named")
    assert "'make setup' installs it" in line


def test_a_run_that_cannot_be_written_to_is_said(run: Run) -> None:
    (run.directory / "wandb").write_text("in the way")
    assert track(run).startswith("tracking: nothing is kept for W&B: cannot write to ")


def test_a_full_disk_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.report.tracking.ROOM", 10**18)
    assert re.fullmatch(r"tracking: nothing is kept for W&B: the disk under .*wandb is full", track(run))


@pytest.mark.parametrize(
    ("asked", "environment", "mode"),
    [
        ("offline", {}, "offline"),
        ("offline", {KEY: SECRET}, "offline"),
        ("online", {KEY: SECRET}, "online"),
        ("online", {}, "offline"),
        ("disabled", {KEY: SECRET}, "disabled"),
        ("offline", {KEY: SECRET, "WANDB_MODE": "online"}, "online"),
        ("offline", {"WANDB_MODE": "disabled"}, "disabled"),
        ("offline", {"WANDB_MODE": "nonsense"}, "offline"),
    ],
)
def test_nothing_is_sent_unless_asked_for_and_with_a_key(asked: Any, environment: dict[str, str], mode: str) -> None:
    assert chosen_mode(Tracking(mode=asked), environment)[0] == mode
