"""Page 03's other settings: how they are sent, and what is said of one that was not measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers.backends.base import Answer
from helpers.core.errors import Failure, RequestError
from helpers.experiments.settings_sweep import compare_settings
from helpers.params import Generation
from helpers.params.files import load_params
from helpers.runs.request_log import RequestLog
from helpers.runs.results.latency_cost import SettingsSweep
from helpers.runs.sender import Limits, RequestSender
from helpers.samples.dataset import Sample
from tests.unit.verdicts.test_recommendation import LEAST, MIDDLE, OWN

SAMPLES = tuple(Sample(id=f"d{n}", dialogue="x" * n) for n in (1, 2, 3))
#: The run's own 4 beams and 128 tokens, and two settings beside it.
TRIED = "[{num_beams: 1, max_new_tokens: 64}, {num_beams: 2, max_new_tokens: 128}]"


class Deployment:
    """Takes a second for each beam and each letter; ``fails`` says which request fails, counted from 0, and how."""

    kind = "scripted"

    def __init__(self, fails: Callable[[int, Generation], Failure | None] = lambda number, generation: None) -> None:
        self.fails, self.asked = fails, list[tuple[str, int, int]]()

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        kind = self.fails(len(self.asked), generation)
        self.asked.append((dialogues[0], generation.num_beams, generation.max_new_tokens))
        if kind:
            raise RequestError(kind, "no")
        seconds = float(generation.num_beams * len(dialogues[0]))
        return [Answer("It is settled.", 10, generation.max_new_tokens // 2, 0, seconds)]

    def close(self) -> None:
        pass


def compared(
    tmp_path: Path, deployment: Deployment, *overrides: str, most: int = 100, params: str = "endpoint"
) -> tuple[SettingsSweep, dict[str, Any]]:
    told = load_params(params, [f"settings.tried={TRIED}", "settings.rounds=2", *overrides])
    log = RequestLog(tmp_path / "requests.jsonl")

    def sender(page: str, variant: str, *, generation: Generation) -> RequestSender:
        stopped = lambda: "" if len(deployment.asked) < most else "the budget is spent"  # noqa: E731
        return RequestSender(deployment, generation, log, page, Limits(attempts=1), may_send=stopped, variant=variant)

    run: Any = SimpleNamespace(params=told, samples=SAMPLES, answers=tmp_path / "answers", sender=sender)
    sweep, ended = compare_settings(run, "")
    assert all(record.page == "03" and record.variant and not record.is_judged for record in log.read())
    return sweep, ended


def test_all_are_asked_in_turn_and_set_beside_the_deployments_own(tmp_path: Path) -> None:
    deployment = Deployment()
    sweep, ended = compared(tmp_path, deployment)
    assert (ended, sweep.rounds, sweep.dialogues, len(deployment.asked)) == ({}, 2, 3, 18)
    blocks = [deployment.asked[place : place + 3] for place in range(0, 18, 3)]
    assert all(len({text for text, *_ in block}) == 1 for block in blocks), "one dialogue after the other"
    assert all({beams for _, beams, _ in block} == {1, 2, 4} for block in blocks), "by every setting"
    found = {setting.name: setting for setting in sweep.settings}
    assert list(found) == [OWN, LEAST, MIDDLE]
    assert [setting.requests for setting in sweep.settings] == [6, 6, 6]
    assert [s.latency.value for s in sweep.settings if s.latency] == [8.0, 2.0, 4.0]
    assert [s.speedup.needs for s in sweep.settings if s.speedup] == [8, 8, 8], "three dialogues give no ratio"
    assert [s.output_tokens.value for s in sweep.settings if s.output_tokens] == [64, 32, 64]
    assert "--set generation.num_beams=2 --set generation.max_new_tokens=128" in found[MIDDLE].quality_reason


def test_a_dialogue_that_not_all_were_asked_for_counts_for_none(tmp_path: Path) -> None:
    sweep, ended = compared(tmp_path, Deployment(), most=8)
    assert [setting.requests for setting in sweep.settings] == [2, 2, 2]
    assert (sweep.rounds, ended["stopped"]) == (0, "the budget is spent")


def test_time_is_bounded(tmp_path: Path) -> None:
    deployment = Deployment()
    sweep, _ = compared(tmp_path, deployment, "settings.limit=1.0e-9")
    assert deployment.asked == []
    assert {setting.reason for setting in sweep.settings} == {"asking ended before its turn"}


def test_a_deployment_that_goes_down_is_asked_once_by_each_and_no_more(tmp_path: Path) -> None:
    deployment = Deployment(lambda number, generation: Failure.CONNECTION if number >= 3 else None)
    sweep, ended = compared(tmp_path, deployment)
    assert len(deployment.asked) == 6
    assert (ended["failure"], ended["down_since"] is not None) == ("connection", True)
    assert [(setting.requests, setting.failed) for setting in sweep.settings] == [(2, 1)] * 3


def test_a_setting_that_is_refused_is_not_measured_and_the_others_are(tmp_path: Path) -> None:
    refused = Deployment(lambda number, generation: Failure.SERVER_ERROR if generation.num_beams == 2 else None)
    sweep, ended = compared(tmp_path, refused)
    assert [setting.reason for setting in sweep.settings] == ["", "", "every request failed (server_error)"]
    assert ended == {}


def test_what_cannot_be_asked_says_why(tmp_path: Path) -> None:
    chat = ["endpoint.protocol=chat", "model.task=chat", "model.prompt=tuned", "generation.num_beams=1"]
    sweep, _ = compared(tmp_path, Deployment(), *chat)
    assert [bool(setting.latency) for setting in sweep.settings] == [True, True, False]
    assert "the chat protocol knows no beams" in sweep.settings[2].reason
    (tmp_path / "answers").mkdir()
    assert "Dask workers" in compared(tmp_path, Deployment())[0].reason
    assert "of one setting" in compared(tmp_path, Deployment(), params="replay")[0].reason
    assert "settings.tried" in compared(tmp_path, Deployment(), "settings.tried=[]")[0].reason
