"""A resumed run, against real servers: nothing settled is sent again, whatever the log may keep."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from helpers.core.errors import InputError, RunError
from helpers.experiments import deploy_check, latency_cost, sample_eval
from helpers.runs import launch
from helpers.runs.directory import mark_published, open_interrupted, state_of
from helpers.runs.launch import finish, resume_run, start_run
from helpers.runs.results.store import read_result, write_result
from helpers.runs.run import Run
from tests.scripted_server import Play, ScriptedServer, reset, summary

SPOKEN = "Ann and Bo agree to meet on Sunday."
SETTINGS = ("measure.warmup=1", "measure.repeats=2", "settings.tried=[]", "endpoint.attempts=1", "budget={}")
PAGES = (deploy_check, sample_eval, latency_cost)
#: What differs between two runs of the same.
CHANGING = {"request", "requests", "seconds", "service_time", "warm", "cold_start", "detail", "message", "down_since"}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(launch, "_tokenizer", lambda params: None)  # which would be looked for on the Hub
    monkeypatch.setenv("HF_TOKEN", "hf_planted")


def started(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, form: str) -> Run:
    monkeypatch.setenv("HF_ENDPOINT_URL", server.url)
    return start_run("params/endpoint.yaml", [*SETTINGS, f"privacy.text={form}"], only=("01", "02", "03"))


def measured(run: Run, pages: tuple[Any, ...] = PAGES) -> dict[str, Any]:
    return {page.PAGE: _plain(run.measured(page).raw.model_dump(mode="json")) for page in pages}


def _plain(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items() if key not in CHANGING}
    return [_plain(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", ["full", "hash"])
def test_what_was_answered_is_not_asked_again_and_no_text_is_kept(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    with ScriptedServer(summary(SPOKEN)) as server:
        whole = started(server, monkeypatch, form)
        expected = measured(whole)
        whole.close()
        in_all = len(server.requests)
        run = started(server, monkeypatch, form)
        measured(run, (deploy_check,))
        sample_eval.ask(run.params, run.sender("02"), run.samples[:6])
        run.close()  # as a kill leaves it: page 02 has no result
        (run.directory / "results" / "01.json").unlink()
        before = len(server.requests)
        again = resume_run(open_interrupted(run.directory, None, []))
        assert again.manifest.only == ("01", "02", "03")
        found = measured(again)
        again.close()
        asked = Counter((r.page, r.phase, r.sample, r.repeat) for r in again.log.every())
        looks = [request for request in server.requests[before:] if request.startswith(b"GET ")]
    assert {**found, "03": None} == {**expected, "03": None}
    assert [what for what, times in asked.items() if times > 1] == []
    assert len(server.requests) - in_all - len(looks) == in_all, "nothing but the look at /health is made twice"
    texts = [path for path in run.directory.rglob("*") if path.is_file() and SPOKEN in path.read_text(errors="replace")]
    assert (texts == []) is (form == "hash"), texts


@pytest.mark.timeout(120)
def test_a_run_whose_deployment_died_goes_on_and_counts_its_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(summary(SPOKEN)) as server:
        whole = started(server, monkeypatch, "hash")
        measured(whole, (deploy_check,))
        first_page = len(server.requests)
        whole.close()
    script: list[Play] = [summary(SPOKEN)] * (first_page + 4) + [reset]
    with ScriptedServer(*script) as server:
        run = started(server, monkeypatch, "hash")
        measured(run)
        finish(run, 0.0)
        assert (state_of(run), run.results().sample_eval.answered) == ("down", 4)  # type: ignore[union-attr]
        mark_published(run)  # on request
        run.close()
    with ScriptedServer(summary(SPOKEN)) as server:
        monkeypatch.setenv("HF_ENDPOINT_URL", server.url)
        again = resume_run(open_interrupted(run.directory, None, []))
        found = measured(again)
        assert found["02"]["answered"] == 10
        assert len([r for r in server.requests if b"POST" in r[:5]]) == 6 + 10
        timed = read_result(again.directory / "results", "03")
        assert timed.errors == {"connection": 3}  # type: ignore[union-attr]
        assert timed.success_rate.requests == 20 + 3  # type: ignore[union-attr]
        assert not again.down()
        finish(again, 0.0)
        assert json.loads((again.directory / "manifest.json").read_text())["finished_at"]
        again.close()


@pytest.mark.timeout(60)
def test_how_far_a_run_has_come_says_what_going_on_means(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(summary(SPOKEN)) as server:
        run = started(server, monkeypatch, "hash")
        assert state_of(run) == "unfinished"
        with pytest.raises(RunError, match="another process is reporting on or rendering this run"):
            open_interrupted(run.directory, None, [])
        write_result(run.directory / "results", deploy_check.DeployCheck(page="01"))
        finish(run, 0.0)
        assert state_of(run) == "measured"
        run.close()
        asked = len(server.requests)
        again = open_interrupted(run.directory, None, [])
        assert (again.measuring, len(server.requests)) == (False, asked)
        mark_published(again)
        again.close()
        with pytest.raises(InputError, match="this run is finished"):
            open_interrupted(run.directory, None, [])
