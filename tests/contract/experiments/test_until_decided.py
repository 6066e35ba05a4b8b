"""Looks at growing data against a real server: new dialogues first, each asked once, until nothing is open."""

from __future__ import annotations

import itertools
import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.core.errors import InputError
from helpers.experiments import until_decided
from helpers.experiments.until_decided import ask_until_decided
from helpers.params import Params, Samples
from helpers.runs import launch
from helpers.runs.directory import open_interrupted
from helpers.runs.launch import resume_run, start_run
from helpers.runs.run import Run
from helpers.samples.dataset import load_samples
from helpers.verdicts.looks import Look
from tests.chat_server import ChatServer
from tests.scripted_server import Play, ScriptedServer, answer, summary

TEST = load_samples(Samples(source="bundled:test"))
SPOKEN = summary("Ann and Bo agree to meet on Sunday.")
#: Rates are the open question; ten of ten does not show 80 %.
SETTINGS = (
    "samples.source=bundled:test",
    "privacy.text=full",
    "measure.warmup=0",
    "baseline.predictions=null",
    "targets.success_rate.min=0.8",
    "targets.error_rate=null",
    "budget.requests=1000",
)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(launch, "_tokenizer", lambda params: None)  # which would be looked for on the Hub
    monkeypatch.setenv("HF_TOKEN", "hf_planted")


@contextmanager
def started(monkeypatch: pytest.MonkeyPatch, *script: Play, settings: tuple[str, ...] = ()) -> Iterator[Run]:
    with ScriptedServer(*script) as server:
        monkeypatch.setenv("HF_ENDPOINT_URL", server.url)
        run = start_run("params/endpoint.yaml", [*SETTINGS, *settings], until_decided=True)
        try:
            yield run
        finally:
            run.close()


def asked(run: Run) -> Counter[str]:
    return Counter(r.sample for r in run.log.read() if r.is_judged)


def latest(taken: list[Look], target: str) -> Look:
    return [look for look in taken if look.target == target][-1]


def test_it_goes_on_until_nothing_is_open(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Look] = []
    with started(monkeypatch, SPOKEN) as run:
        ask_until_decided(run, taken.extend)
    last = latest(taken, "success_rate")
    assert last.verdict == "met"
    assert last.n == len(run.samples) == run.manifest.dialogues
    assert 10 < run.manifest.dialogues < len(TEST)
    assert set(asked(run).values()) == {1}, "every dialogue is asked once"
    assert list(asked(run)) == [sample.id for sample in run.samples], "the first ones come first"
    # time was decided by the first look, and is not looked at again
    assert run.manifest.looks["average_latency"] == (10,)
    assert run.manifest.looks["success_rate"][0] == 10
    numbers = [look.look for look in taken if look.target == "success_rate"]
    assert numbers[-1] == len(run.manifest.looks["success_rate"])
    said = capsys.readouterr().err
    assert "10 dialogues, " in said
    assert "Success rate undecided (60 % to 100 %, look 1 of 5)" in said
    assert "every target that more dialogues could decide is decided" in said


def test_a_judge_is_asked_once_after_the_last_look(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as judge:
        url = judge.url("judge-affirms")
        few = ("served_model=m", "planted=1", "references=1", f"url={url}")
        settings = ("samples.source=bundled:demo", *(f"scoring.judge.{one}" for one in few))
        with started(monkeypatch, SPOKEN, settings=settings) as run:
            ask_until_decided(run, lambda looks: None)
            found = run.results().sample_eval
        assert found is not None
        assert found.judge is not None
        assert [one.id for one in found.judge.summaries] == [sample.id for sample in run.samples]
        assert found.judge.requests == len(judge.bodies("judge-affirms")) > 0


def test_it_ends_with_its_budget(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Look] = []
    with started(monkeypatch, SPOKEN, settings=("budget.requests=35", "targets.success_rate.min=0.99")) as run:
        ask_until_decided(run, taken.extend)
        assert run.log.count() == 35
        last = latest(taken, "success_rate")
        assert (last.verdict, last.look, last.n) == ("undecided", 2, len(asked(run)))
    assert "budget.requests=35 is spent" in capsys.readouterr().err


def test_it_ends_with_its_dialogues_and_with_its_looks(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with started(monkeypatch, SPOKEN, settings=("samples.source=bundled:demo", "targets.success_rate.min=0.99")) as run:
        ask_until_decided(run, lambda looks: None)
    assert "all 10 dialogues of bundled:demo are answered; still open: Success rate" in capsys.readouterr().err
    # half of all fail, and half is asked for: no number of looks decides it
    failing = [SPOKEN, answer(400, {"error": "no"}), SPOKEN]  # the third asks whether the server refuses all
    monkeypatch.setattr(until_decided, "MOST_GROWTH", 2.0)
    script = list(itertools.islice(itertools.cycle(failing), 600))
    settings = ("targets.success_rate.min=0.5", "samples.n=5", "measure.warmup=0", "endpoint.attempts=1")
    taken: list[Look] = []
    with started(monkeypatch, *script, settings=settings) as run:
        ask_until_decided(run, taken.extend)
    assert (latest(taken, "success_rate").look, latest(taken, "success_rate").verdict) == (5, "undecided")
    assert "the looks are used up; still undecided: Success rate" in capsys.readouterr().err


def test_a_service_that_dies_ends_it(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(client: socket.socket) -> None:
        client.close()

    settings = ("endpoint.attempts=1", "endpoint.wake_timeout=1", "endpoint.retry_timeout=1")
    with started(monkeypatch, *[SPOKEN] * 20, gone, settings=settings) as run:
        ask_until_decided(run, lambda looks: None)
        assert run.down()
    assert "endpoint unreachable" in capsys.readouterr().err


def test_an_interrupted_one_goes_on_where_it_was(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after its first look: what was answered is not sent again, and no look is taken twice."""

    class Killed(BaseException):
        pass

    def die(looks: object) -> None:
        raise Killed

    taken: list[Look] = []
    with ScriptedServer(SPOKEN) as server:
        monkeypatch.setenv("HF_ENDPOINT_URL", server.url)
        run = start_run("params/endpoint.yaml", list(SETTINGS), until_decided=True)
        try:
            with pytest.raises(Killed):
                ask_until_decided(run, die)
        finally:
            run.close()
        again = resume_run(open_interrupted(run.directory, "params/endpoint.yaml", list(SETTINGS)))
        try:
            ask_until_decided(again, taken.extend)
        finally:
            again.close()
    assert set(asked(again).values()) == {1}
    found = [(look.look, look.n) for look in dict.fromkeys(taken) if look.target == "success_rate"]
    assert found == list(enumerate(again.manifest.looks["success_rate"], 1))


@pytest.mark.parametrize("settings", [["execution.engine=dask", "budget={}"]])
def test_where_all_answers_come_at_once_it_is_refused(
    environment: None, monkeypatch: pytest.MonkeyPatch, settings: list[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="leave it out"):
        start_run("params/endpoint.yaml", settings, until_decided=True)
    with pytest.raises(InputError, match="leave it out"):
        start_run("params/replay.yaml", [], until_decided=True)


def test_its_first_look_is_of_ten_or_as_many_as_are_named(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, n in (("samples.n=null", 10), ("samples.n=25", 25), ("samples.n=2", 5)):
        with started(monkeypatch, SPOKEN, settings=(setting,)) as run:
            params: Params = run.params
            assert (params.samples.n, params.measure.repeats, run.manifest.dialogues) == (n, 1, n)
            assert "--until-decided" in run.manifest.command
            assert json.loads((run.directory / "manifest.json").read_text())["available"] == len(TEST)
