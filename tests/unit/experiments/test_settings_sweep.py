"""Page 03's other settings: how they are asked, which is named, and what is said of one that was not measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.backends.base import Answer
from helpers.core.errors import Failure, ParamsError, RequestError
from helpers.experiments.settings_sweep import compare_settings
from helpers.experiments.variants import qualities
from helpers.params import Generation, Params, Settings
from helpers.params.files import load_params
from helpers.report.views import settings as view
from helpers.runs.request_log import RequestLog
from helpers.runs.results.cited import Cited
from helpers.runs.results.latency_cost import LatencyCost, SettingResult, SettingsSweep
from helpers.runs.sender import Limits, RequestSender
from helpers.samples.dataset import Sample
from helpers.samples.readers import read_rows
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate
from helpers.verdicts.recommendation import SettingChoice, choose_setting
from helpers.verdicts.targets import Judgement
from tests.page_checks import loose_digits, wrong_citations

SAMPLES = tuple(Sample(id=f"d{n}", dialogue="x" * n) for n in (1, 2, 3))
#: The run's own 4 beams and 128 tokens, and two settings beside it.
TRIED = "[{num_beams: 1, max_new_tokens: 64}, {num_beams: 2, max_new_tokens: 128}]"
OWN, LEAST, MIDDLE = "4 beams, 128 tokens", "1 beam, 64 tokens", "2 beams, 128 tokens"


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
    assert [s.speedup.value for s in sweep.settings if s.speedup] == [1.0, 4.0, 2.0]
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


def test_the_runs_own_setting_comes_first_and_each_stands_once() -> None:
    plan = load_params("demo").settings
    assert [setting.name for setting in plan.beside(1, 128)][:2] == ["1 beam, 128 tokens", LEAST]
    assert len(plan.beside(1, 128)) == 6
    assert plan.beside(3, 128)[0].predictions is None
    assert Settings().beside(1, 128) == ()
    with pytest.raises(ParamsError, match="'tried' names 1 beam, 64 tokens more than once"):
        load_params("demo", ["settings.tried=[{num_beams: 1, max_new_tokens: 64}, {num_beams: 1, max_new_tokens: 64}]"])


def test_recorded_answers_differ_only_where_fewer_tokens_cut_them() -> None:
    params = load_params("demo")
    own, fewer, *_ = params.settings.beside(1, 128)
    found = qualities(params, "settings", [own, fewer])[fewer.name]
    whole, cut = ({row["id"]: row for row in read_rows(Path(s.predictions or ""))} for s in (own, fewer))
    same = [row["prediction"] == whole[name]["prediction"] for name, row in cut.items()]
    assert same == [whole[name]["output_tokens"] <= 64 for name in cut]
    assert found["quality"].n == 127
    assert found["agreement"].value == pytest.approx(sum(same) / 127)


def setting(name: str, seconds: float | None, half: float = 0.5, **fields: Any) -> SettingResult:
    if seconds is None:
        return SettingResult(name=name, reason="refused", **fields)
    latency = Estimate(value=seconds, low=seconds - half, high=seconds + half, n=3, method="student-t")
    return SettingResult(name=name, latency=latency, requests=3, **fields)


def chosen(*settings: SettingResult, overrides: Sequence[str] = ()) -> tuple[SettingChoice, Params]:
    params = load_params("demo", overrides)
    return choose_setting(SettingsSweep(dialogues=3, rounds=1, settings=settings), params), params


CASES = [
    ("the cheapest of those that meet it", [(OWN, 4.0), (LEAST, 1.0), (MIDDLE, 2.0)], LEAST, "met"),
    ("the deployment's own", [(OWN, 1.0), (LEAST, 1.5)], OWN, "met"),
    ("undecided", [(OWN, 4.0), (LEAST, 2.8), (MIDDLE, 3.1)], LEAST, "undecided"),
    ("met goes before faster and undecided", [(OWN, 4.0), (LEAST, 2.4, 0.9), (MIDDLE, 2.45)], MIDDLE, "met"),
    ("none", [(OWN, 9.0), (LEAST, 4.0)], LEAST, "missed"),
    ("nothing measured", [(OWN, None), (LEAST, None)], None, "not measured"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rows", "best", "outcome"), CASES, ids=[case[0] for case in CASES])
def test_the_cheapest_that_meets_it_is_named(name: str, rows: list[Any], best: str | None, outcome: str) -> None:
    made, _ = chosen(*(setting(*row) for row in rows))
    assert (made.chosen if made.chosen is None else made.fits[made.chosen].name, made.outcome) == (best, outcome)


def test_a_setting_that_failed_a_request_is_not_chosen_and_without_a_target_the_fastest_is() -> None:
    made, _ = chosen(setting(OWN, 2.0), setting(LEAST, 1.0, failed=1))
    assert made.chosen == 0
    made, _ = chosen(setting(OWN, 2.0), setting(LEAST, 1.0), overrides=["targets={}"])
    assert (made.chosen, made.outcome, made.threshold) == (1, "no target", None)


def test_busy_time_is_priced_at_the_declared_instance() -> None:
    made, _ = chosen(setting(OWN, 3.6))
    floor = made.fits[0].floor_per_1000_requests
    assert floor is not None
    assert floor.value == pytest.approx(0.268)


MEASURED = {
    "rouge_l": Estimate(value=0.4, low=0.35, high=0.45, n=127, method="student-t"),
    "quality": Paired(difference=-0.02, low=-0.03, high=-0.015, n=127, margin=0.01, non_inferior=False),
    "facts": Paired(difference=-0.01, low=-0.04, high=0.02, n=127),
    "agreement": Estimate(value=0.5, low=0.4, high=0.6, n=127, method="wilson"),
    "speedup": Estimate(value=4.0, low=3.5, high=4.5, n=3, method="cluster-bootstrap"),
    "output_tokens": Estimate(value=32.0, low=30.0, high=34.0, n=3, method="student-t"),
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            [setting(OWN, 4.0, rouge_l=MEASURED["rouge_l"]), setting(LEAST, 1.0, **MEASURED)],
            ["The cheapest setting that meets the latency target of 3.00 s is 1 beam, 64 tokens, with 1.00 s a summary",
             "it changes ROUGE-L by −0.020 (−0.030 to −0.015) and the share of key facts by −0.010",
             "which is shown to be worse"],
        ),
        ([setting(OWN, 1.0), setting(LEAST, None, failed=1, requests=1)],
         ["is 4 beams, 128 tokens", "it is the deployment's own", "1 of 1 requests failed"]),
        ([setting(OWN, 3.1), setting(LEAST, 2.9)], ["No setting is shown to meet",
                                                   "what it costs in quality is not measured"]),
        ([setting(OWN, 9.0)], ["No setting meets the latency target"]),
        ([], ["Not measured: other settings were not part of this run"]),
    ],
    ids=["worse", "own", "undecided", "missed", "nothing"],
)  # fmt: skip
def test_the_section_says_it_and_cites_every_figure(settings: list[SettingResult], said: list[str]) -> None:
    made, params = chosen(*settings)
    fields = {"sweep": SettingsSweep(dialogues=3, rounds=1, settings=tuple(settings))} if settings else {}
    result = LatencyCost(page="03", **fields)
    run: Any = SimpleNamespace(params=params, judged=lambda upto: Judgement(rows=()))
    cited = Cited(result, "results/03.json")
    parts = (view.answer(run, cited), view.speed(run, cited), view.quality(run, cited), view.trade(cited))
    html = "\n".join(parts)
    text = " ".join(_text(html).split())
    assert [words for words in said if words not in text] == []
    assert loose_digits(html) == []
    tree = {"results/03.json": json.loads(result.model_dump_json()),
            "results/settings_choice.json": json.loads(made.model_dump_json())}  # fmt: skip
    assert wrong_citations(html, tree) == []


def _text(html: str) -> str:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser").get_text()
