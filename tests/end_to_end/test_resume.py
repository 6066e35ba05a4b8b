"""A report that is killed goes on where it was: nothing answered is sent again, and the pages are the same."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from helpers.runs.request_log import RequestLog
from tests.conftest import Report
from tests.environment import clean_environment
from tests.scripted_server import ScriptedServer, hold, summary

SPOKEN = "Ann and Bo agree to meet on Sunday."
SETTINGS = ["measure.warmup=1", "measure.repeats=3", "privacy.text=full", "budget.requests=1000", "settings.rounds=1"]
PAGES = ["--only", "02", "--only", "03"]
#: Every run measures its own times, and other fields say when something ran; what is left is what was answered.
TIMES = {"mean", "percentiles", "times", "groups", "busy_seconds", "latency", "speedup", "service_time"}
CHANGING = {"request", "requests", "seconds", "run_seconds", "down_since"}


def command(*arguments: str) -> list[str]:
    overrides = [part for setting in SETTINGS for part in ("--set", setting)]
    start = (
        ["report", "params/endpoint.yaml", *overrides, *PAGES] if "--resume" not in arguments else ["report", *PAGES]
    )
    return [sys.executable, "-m", "helpers", *start, *arguments]


def environment(runs: Path, url: str) -> dict[str, str]:
    return clean_environment(HELPERS_RUNS=str(runs), HF_HUB_OFFLINE="1", HF_ENDPOINT_URL=url, HF_TOKEN="hf_planted")


def kill_after(seconds: float, arguments: list[str], env: dict[str, str]) -> bool:
    """Start a report, kill it without warning after a while; return whether it was still running."""
    process = subprocess.Popen(arguments, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        return True
    return False


def answered(run: Path) -> Counter[tuple[str, ...]]:
    records = RequestLog(run / "requests.jsonl").every()
    return Counter((r.page, r.variant, r.phase, r.sample, str(r.repeat)) for r in records if r.ok)


def measured(run: Path, page: str) -> object:
    return without(json.loads((run / "results" / f"{page}.json").read_text()))


def without(tree: object) -> object:
    if isinstance(tree, dict):
        return {k: without(v) for k, v in tree.items() if k not in CHANGING | TIMES}
    return [without(item) for item in tree] if isinstance(tree, list) else tree


def kills(tmp_path: Path, moments: list[float]) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    with ScriptedServer(hold(0.15, summary(SPOKEN))) as server:
        env = environment(runs, server.url)
        undisturbed = subprocess.run(
            command("--out", str(tmp_path / "whole")), env=env, capture_output=True, text=True, timeout=240, check=False
        )
        assert undisturbed.returncode == 0, undisturbed.stderr
        (whole,) = runs.iterdir()
        asked_by_whole = len(server.requests)
        killed, run = 0, None
        for moment in moments:
            going_on = ["--resume", str(run)] if run else []
            killed += kill_after(moment, command(*going_on, "--out", str(tmp_path / "part")), env)
            run = unfinished(runs)
        time.sleep(1)
        last = command(*(["--resume", str(run)] if run else []), "--out", str(tmp_path / "part"))
        done = subprocess.run(last, env=env, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        asked = len(server.requests) - asked_by_whole
    resumed = [path for path in runs.iterdir() if path != whole and (path / "requests.jsonl").exists()]
    assert resumed
    for run in resumed:
        assert answered(run) == answered(whole), "exactly one answer per question"
        for page in ("02", "03"):
            assert measured(run, page) == measured(whole, page)
    assert set(answered(whole).values()) == {1}
    assert asked - len(resumed) * answered(whole).total() <= killed, "only what was under way is asked again"
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == names


def unfinished(runs: Path) -> Path | None:
    """Return the run that can be gone on with, if one has come so far."""
    for path in runs.iterdir():
        if (path / "server.json").exists() and not json.loads((path / "manifest.json").read_text())["finished_at"]:
            return path
    return None


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_twenty_random_moments(tmp_path: Path) -> None:
    moments = random.Random(4)
    kills(tmp_path, [moments.uniform(2.0, 12.0) for _ in range(20)])


@pytest.mark.slow
def test_killed_once(tmp_path: Path) -> None:
    kills(tmp_path, [8.0])


def test_a_finished_run_is_not_gone_on_with(helpers: Report, replayed: object) -> None:
    found = helpers("report", "--resume", str(replayed.run))  # type: ignore[attr-defined]
    assert (found.code, "this run is finished" in found.told) == (2, True)


def test_other_parameters_are_another_run(helpers: Report, tmp_path: Path) -> None:
    stopped = helpers("report", "params/replay.yaml", environment={"HELPERS_NOTEBOOKS": str(tmp_path)})
    assert stopped.run is not None
    (stopped.run / "manifest.json").write_text(
        json.dumps(json.loads((stopped.run / "manifest.json").read_text()) | {"finished_at": None})
    )
    found = helpers("report", "params/replay.yaml", "--set", "samples.n=3", "--resume", str(stopped.run))
    assert found.code == 2
    assert "'samples' has changed since the run began" in found.told


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--budget", "5m"], "leave --set, --budget and --strict away"),
        (["--set", "samples.n=3"], "leave --set, --budget and --strict away"),
        (["--until-decided"], "was not started with --until-decided"),
    ],
)
def test_what_a_resumed_run_was_not_told_is_not_silently_ignored(
    helpers: Report, tmp_path: Path, option: list[str], message: str
) -> None:
    stopped = helpers("report", "params/replay.yaml", environment={"HELPERS_NOTEBOOKS": str(tmp_path)})
    assert stopped.run is not None
    found = helpers("report", "--resume", str(stopped.run), *option)
    assert (found.code, message in found.told) == (2, True), found.told
