"""The bench of busy neighbours: what is kept of a fair share, over real loopback sockets, and what its page says."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import Failure, RequestError, RunError
from helpers.engines.served import wait_until_ready
from helpers.experiments.bench import neighbours
from helpers.experiments.bench.neighbours import ENGINES, SPINNING, judge, measure
from helpers.experiments.bench.result import Neighbours
from helpers.params import Endpoint, Generation, Params
from helpers.params.files import load_params
from helpers.report.views import bench
from tests.local_server import served
from tests.page_checks import loose_digits, remote_references, repeated_ids, wrong_citations


class Counting:
    """A backend that counts its requests, or fails them."""

    kind = "counting"

    def __init__(self, name: str, *, fails: bool) -> None:
        self.name, self.fails = name, fails

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        if self.fails:
            raise RequestError(Failure.SERVER_ERROR, "broken")
        ASKED[self.name] += 1
        return [Answer("Ann has lunch.", 5, 4, 0, 0.1) for _ in dialogues]

    def close(self) -> None:
        pass


ASKED: Counter[str] = Counter()


@pytest.fixture
def here(small_machine: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Have servers answer in this process; return which were brought up, and how long their threads may spin."""
    brought_up: list[tuple[str, str]] = []
    broken = os.environ.get("BROKEN", "").split()

    def bring_up(params: Params, folder: Path, opened: ExitStack) -> tuple[None, EndpointBackend]:
        brought_up.append((folder.name, os.environ["GOMP_SPINCOUNT"]))
        fails = folder.parent.name in broken
        server = opened.enter_context(served(lambda: Counting(folder.name, fails=fails)))
        backend = opened.enter_context(EndpointBackend(server.url, Endpoint()))
        assert wait_until_ready(backend) == ""
        backend.name = folder.name  # type: ignore[attr-defined]
        return None, backend

    monkeypatch.setattr(neighbours, "bring_up", bring_up)
    monkeypatch.setattr(neighbours, "SECONDS", 0.0)
    return brought_up


def test_shares_are_of_the_fair_share_and_the_cost_is_of_threads_that_spin(
    here: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = neighbours._rate

    def rate(backend: Any, *told: Any) -> float:
        """Return 6 a second alone, 2 beside one and 1 beside two, and 5 with threads that spin."""
        asks(backend, *told)
        at_work = [t for t in threading.enumerate() if t.name.startswith("neighbour")]
        before = ASKED.copy()
        deadline = time.monotonic() + 10
        while any(ASKED[n] == before[n] for n in map(str, range(1, len(at_work) + 1))) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sum(ASKED[n] > before[n] for n in ("1", "2")) == len(at_work), "who is at work is asked meanwhile"
        return 5.0 if backend.name == "spinning" else {0: 6.0, 1: 2.0, 2: 1.0}[len(at_work)]

    monkeypatch.setattr(neighbours, "_rate", rate)
    before = os.environ["GOMP_SPINCOUNT"]
    told: list[str] = []
    found = measure(2, 1.0, "python -m helpers bench --neighbours", told.append)
    servers = [("0", before), ("1", before), ("2", before), ("spinning", SPINNING["GOMP_SPINCOUNT"])]
    assert here == servers * len(ENGINES)
    assert os.environ["GOMP_SPINCOUNT"] == before
    assert len(found.engines) == len(ENGINES)
    for one in found.engines:
        assert {n: share.value for n, share in one.shares.items()} == {"1": pytest.approx(2 / 3), "2": 0.5}
        assert one.cost.value == pytest.approx(6 / 5)
    assert {bar.verdict for bar in found.bars} == {"undecided"}, "two rounds decide nothing"
    assert told[-1].endswith("round 2 of 2")


def test_a_request_that_fails_is_no_rate(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("BROKEN", "ctranslate2-int8")
    request.getfixturevalue("here")
    with pytest.raises(RunError, match="CTranslate2 int8: a request failed"):
        measure(1, 1.0, "", lambda line: None)


def test_a_rate_takes_enough_requests_and_enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    backend: Any = SimpleNamespace(summarise=lambda dialogues, _: (asked.append(*dialogues), time.sleep(0.01)))
    for seconds, fewest in ((0.0, 3), (0.2, 4)):
        asked.clear()
        monkeypatch.setattr(neighbours, "SECONDS", seconds)
        rate = neighbours._rate(backend, load_params("demo"), "Ann: Hello", "an engine")
        assert fewest <= len(asked) <= 21
        assert 0 < rate <= 100
    assert 0.2 <= len(asked) / rate <= 2


def result(beside_two: float, rounds: int = 8) -> Neighbours:
    """Return a bench whose engine keeps a given share beside two."""
    alone, two = (1.0,) * rounds, (beside_two / 3,) * rounds
    one = {
        "name": "CTranslate2 int8", "alone": alone, "spinning": alone, "beside": {"1": (0.35,) * rounds, "2": two},
        "shares": {"1": neighbours.median_of([0.7] * rounds), "2": neighbours.median_of([beside_two] * rounds)},
        "cost": neighbours.median_of([1.0] * rounds),
    }  # fmt: skip
    manifest = {"run": "r", "command": "python -m helpers bench --neighbours", "started_at": "2026-01-01T00:00:00Z"}
    asked = {"rounds_asked": rounds, "requests": 3, "tokens": 24, "least_seconds": 4.0, "seconds": 9.0}
    found = Neighbours.model_validate({"manifest": manifest, **asked, "engines": [one]})
    return found.model_copy(update={"bars": judge(found)})


@pytest.mark.parametrize(("share", "verdict"), [(0.5, "met"), (0.3, "missed")])
def test_the_page_cites_every_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, verdict: str
) -> None:
    found = result(share)
    assert [bar.verdict for bar in found.bars] == ["met", verdict, "met"]
    monkeypatch.setattr(neighbours, "measure", lambda *told: found)
    assert main(["bench", "--neighbours", "--out", str(tmp_path)]) == 0
    html = (tmp_path / "neighbours.html").read_text()
    written = json.loads((tmp_path / "neighbours.json").read_text())
    assert Neighbours.model_validate(written) == found
    assert loose_digits(html, [r"CTranslate2", r"beside [12]", r"[12] busy", r"n \+ 1", r"95 %"]) == []
    assert wrong_citations(html, {"neighbours.json": written}) == []
    assert remote_references(html) == repeated_ids(html) == []
    assert [link.href for link in bench.nav(tmp_path, bench.PAGE)] == ["index.html", "neighbours.html"]


def test_one_bench_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--servers", "--neighbours"]) == 2
    assert "one at a time" in capsys.readouterr().err


def test_a_neighbour_that_has_gone_is_no_load(here: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the one that is measured would keep two or three times its fair share beside nobody."""
    asked = EndpointBackend.summarise

    def gone(self: Any, *told: Any) -> Any:
        if self.name == "1" and threading.current_thread().name == "neighbour":
            raise RequestError(Failure.CONNECTION, "refused")
        return asked(self, *told)

    monkeypatch.setattr(EndpointBackend, "summarise", gone)
    with pytest.raises(RunError, match="a neighbour was not at work: its request failed"):
        measure(1, 1.0, "", lambda line: None)
