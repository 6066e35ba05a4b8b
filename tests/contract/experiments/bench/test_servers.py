"""The bench of servers: what batching and workers buy, over real loopback sockets, and what its page says of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import Failure, RequestError, RunError
from helpers.engines.served import wait_until_ready
from helpers.experiments.bench import servers
from helpers.experiments.bench.result import Machine, ServedModel, ServerLoad, Servers, ServingStrategy
from helpers.experiments.bench.servers import ALONE, BATCHING, LOADS, STRATEGIES, ModelUnderTest, judge, measure
from helpers.params import Endpoint, Generation, Params
from helpers.params.files import load_params
from helpers.report.views import bench, bench_servers
from tests.local_server import served
from tests.page_checks import loose_digits, remote_references, repeated_ids, wrong_citations

LIMITS = Machine(threads=2, memory_gb={"2": 20.0}, matrix_gflops={"float32": 50.0})


class Quick:
    """A backend that takes ``seconds`` for a request, or fails it."""

    kind = "quick"

    def __init__(self, seconds: float = 0.0, *, fails: bool = False) -> None:
        self.seconds, self.fails = seconds, fails

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        time.sleep(self.seconds)
        if self.fails:
            raise RequestError(Failure.SERVER_ERROR, "broken")
        return [Answer("Ann has lunch.", 5, 4, 0, self.seconds) for _ in dialogues]

    def close(self) -> None:
        pass


@pytest.fixture
def asked(small_machine: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the strategies answered in this process; return which were brought up."""
    brought_up: list[str] = []

    def here(params: Params, folder: Path, opened: ExitStack) -> tuple[None, EndpointBackend]:
        brought_up.append(folder.name)
        fails = params.title == "broken" and params.serving.workers == 2
        server = opened.enter_context(served(lambda: Quick(0.02 / params.serving.workers, fails=fails)))
        backend = opened.enter_context(EndpointBackend(server.url, Endpoint()))
        assert wait_until_ready(backend) == ""
        return None, backend

    monkeypatch.setattr(servers, "bring_up", here)
    return brought_up


def subject(limits: Machine, title: str = "fine") -> ModelUnderTest:
    params = load_params("demo").model_copy(update={"title": title})
    return ModelUnderTest(
        "demo", params, ["Ann: Lunch?\nBo: Yes.", "Cy: Noon?\nDi: No."], possible=limits.threads * 10.0
    )


@pytest.mark.slow
def test_every_strategy_is_asked_in_rounds_and_held_against_one_at_a_time(asked: list[str]) -> None:
    told: list[str] = []
    found = measure(2, 1.0, "python -m helpers bench --servers", told.append, [subject])
    assert asked == [name.replace(" ", "-") for name in STRATEGIES]
    (model,) = found.models
    assert {load.concurrency: [one.name for one in load.strategies] for load in model.loads} == {
        concurrency: list(names) for concurrency, (_, names) in LOADS.items()
    }
    by_name = {one.name: one for one in model.loads[0].strategies}
    assert by_name[ALONE].ratio is None
    assert model.share == pytest.approx(max(one.rate for one in by_name.values()) / 20)
    for one in by_name.values():
        assert len(one.rates) == 2
    workers = by_name["two workers"]
    assert workers.ratio is not None
    each = [mine / alone for mine, alone in zip(workers.rates, by_name[ALONE].rates, strict=True)]
    assert workers.ratio.value == pytest.approx(sum(each) / 2)
    assert {bar.verdict for bar in found.bars if bar.reached} == {"undecided"}, "two rounds decide nothing"
    assert told[-1] == "demo: round 2 of 2"


def test_a_request_that_fails_is_no_throughput(asked: list[str]) -> None:
    with pytest.raises(RunError, match="demo, two workers: 0 of 2 requests were answered"):
        measure(1, 1.0, "", lambda line: None, [lambda limits: subject(limits, "broken")])


def result(ratios: dict[str, float], rounds: int = 6) -> Servers:
    """Return a bench of the demonstration model whose strategies reach given ratios."""

    def strategy(name: str) -> ServingStrategy:
        values = [ratios.get(name, 1.0)] * rounds
        ratio = None if name == ALONE else servers.median_of(values)
        return ServingStrategy(name=name, rates=tuple(values), rate=values[0], ratio=ratio)

    loads = tuple(
        ServerLoad(concurrency=concurrency, requests=requests, strategies=tuple(map(strategy, names)))
        for concurrency, (requests, names) in LOADS.items()
    )
    manifest: Any = {"run": "r", "command": "python -m helpers bench --servers", "started_at": "2026-01-01T00:00:00Z"}
    found = Servers(
        manifest=manifest, engine="CTranslate2 int8", rounds_asked=rounds, seconds=9.0, machine=LIMITS,
        models=(
            ServedModel(name="demo", loads=loads),
            ServedModel(name="bart-large", possible=4.5, share=0.4, loads=loads),
        ),
    )  # fmt: skip
    return found.model_copy(update={"bars": judge(found)})


def test_bars_are_held_by_the_best_strategy_of_a_model_under_a_load() -> None:
    found = result({BATCHING: 0.9, "two workers": 1.4, "both": 1.3})
    verdicts = {(bar.label.split(":")[0], bar.engine, bar.reached): bar.verdict for bar in found.bars}
    assert verdicts == {
        ("BART-large, eight at a time", "two workers", 1.4): "met",
        ("BART-large, two at a time", BATCHING, 0.9): "missed",
        ("BART-large, one at a time", BATCHING, 0.9): "missed",
        ("Demonstration model, eight at a time", "two workers", 1.4): "missed",
        ("Demonstration model, one at a time", BATCHING, 0.9): "missed",
    }
    alone = found.model_copy(update={"models": ()})
    assert {bar.verdict for bar in judge(alone)} == {"not measured"}


def test_the_page_cites_every_figure_and_says_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = result({BATCHING: 1.5, "both": 1.25})
    monkeypatch.setattr(servers, "measure", lambda *told: found)
    assert main(["bench", "--servers", "--out", str(tmp_path)]) == 0
    html = (tmp_path / "servers.html").read_text()
    written = json.loads((tmp_path / "servers.json").read_text())
    assert Servers.model_validate(written) == found
    assert loose_digits(html, [r"CTranslate2"]) == []
    assert wrong_citations(html, {"servers.json": written}) == []
    assert remote_references(html) == repeated_ids(html) == []
    assert "keeps both cores busy" in html
    assert "At the machine" not in html, "columns of engines alone"
    assert [link.href for link in bench.nav(tmp_path, bench.PAGE)] == ["index.html", "servers.html"]
    assert [link.href for link in bench.nav(tmp_path, bench_servers.PAGE)] == ["servers.html"]


def test_what_is_of_engines_alone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--servers", "--engine", "ctranslate2-int8"]) == 2
    assert "--servers: has engines and requests of its own" in capsys.readouterr().err
