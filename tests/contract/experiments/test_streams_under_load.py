"""Streams of a chat server whose truth is known, alone and under load: clocks, reports, page 05, repeated prompts."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from helpers.backends.base import Answer
from helpers.backends.chat import Chat
from helpers.backends.endpoint import EndpointBackend
from helpers.cli.main import main
from helpers.core.errors import RequestError
from helpers.experiments.load.arrivals import Plan
from helpers.experiments.load.sending import Span, send
from helpers.experiments.load_capacity import _sweep
from helpers.params import Endpoint, Generation
from helpers.params.files import load_params
from helpers.report.views import streaming
from helpers.runs.request_log import Record, RequestLog
from helpers.runs.results.base import Streaming
from helpers.runs.results.cited import Cited
from helpers.runs.results.latency_cost import CachedAnswers, LatencyCost
from helpers.runs.results.load_capacity import LoadCapacity
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample
from helpers.samples.prompts import load_prompt
from helpers.stats.intervals import mean, percentile
from tests.chat_server import FRESH, STREAMS, ChatServer, Streamed
from tests.page_checks import loose_digits, wrong_citations

CHAT = Chat("m", load_prompt("zero-shot"), streams=True)
CLOSED = ["--arrival", "closed", "--duration", "20", "--count", "4"]
#: A machine with other work may be late now and then; a wrong clock is wrong every time.
TRIES = 3


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as found:
        yield found


class Heard:
    """Keeps every answer of a run with the time at which its request was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, Answer]] = []

    def begin(self, place: int) -> str:
        return ""

    def end(
        self, place: int, sample: int, span: Span, error: RequestError | None, answer: Answer | None = None
    ) -> None:
        assert answer, error
        self.answers.append((span.sent, answer))


def alone(server: ChatServer, folder: Path) -> list[tuple[float | None, Record]]:
    with EndpointBackend(server.url("streams"), Endpoint(), None, CHAT) as backend:
        log = RequestLog(folder / "requests.jsonl")
        sender = RequestSender(backend, Generation(), log, "03")
        for number in range(4):
            sender.ask(f"{number}", "Ann: Noon?")
    return [(None, record) for record in log.read()]


def many(server: ChatServer, folder: Path) -> list[tuple[float | None, Answer]]:
    """Send so often that 32 streams are concurrent most of the time."""
    heard = Heard()
    with EndpointBackend(server.url("streams"), Endpoint(), None, CHAT) as backend:
        run = send(backend, ["Ann: Noon?"], Generation(), Plan("constant", 1.6, 48), observer=heard)
    return [(run.zero + sent, answer) for sent, answer in heard.answers]


def off(sent: Sequence[Streamed], found: Sequence[tuple[float | None, Any]]) -> tuple[float, float]:
    """Return how far the clocks of the middle answer are off what was sent, of what may be: 2 % or 2 ms."""
    first, between = [], []
    for began, answer in found:
        one = sent[int(answer.summary.split()[-1])]
        true = one.written[0] - (one.received if began is None else began)
        first.append(abs(answer.first_token - true) / max(0.002, 0.02 * true))
        between.append(abs(answer.inter_token - one.inter_token) / max(0.002, 0.02 * one.inter_token))
    return statistics.median(first), statistics.median(between)


@pytest.mark.parametrize(("asked", "under_way"), [(alone, 1), (many, 32)])
def test_the_clocks_are_those_of_what_was_sent(server: ChatServer, tmp_path: Path, asked: Any, under_way: int) -> None:
    """A role is no first token, an event holds two tokens, and the end of the stream is not that of the last token."""
    for number in range(TRIES):
        before = len(server.streamed())
        (folder := tmp_path / str(number)).mkdir()
        found = asked(server, folder)
        sent = server.streamed()
        at_once = max(
            sum(other.received <= one.received < other.done for other in sent[before:]) for one in sent[before:]
        )
        worst = max(off(sent, found))
        if worst <= 1 and at_once >= under_way:
            break
    assert at_once >= under_way
    assert max(off(sent, found)) <= 1


def test_load_of_a_chat_server_is_reported_with_its_clocks(
    server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "load.json"
    quick = server.url("streams-quickly")
    assert main(["load", quick, *CLOSED, "--concurrency", "2", "--repeats", "2", "--json", str(out)]) == 0
    told, found = capsys.readouterr(), json.loads(out.read_text())
    _, first, _ = STREAMS["streams-quickly"]
    assert found["first_token"]["mean"] >= first
    assert found["inter_token"]["mean"] > 0
    assert (found["streaming"]["requests"], found["streaming"]["first_token"]["n"]) == (8, 2)
    assert found["streaming"]["percentiles"]["first_token"]["p95"]["needs"] == 59
    assert found["repeats"][0]["first_token"]["max"] >= first
    assert found["asked"] == {
        "provider": None,
        "protocol": "chat",
        "model": "m",
        "settings": {"max_new_tokens": 128, "temperature": 0},
        "prompts": "allowed",
    }
    assert "time to first token" in told.out
    assert "mean time between tokens, 95 % interval over 2 runs" in told.out
    assert "it streams" in told.err

    command = ["load", quick, "--arrival", "constant", "--rate", "10", "--rate", "20", "--duration", "0.3"]
    assert main([*command, "--json", str(out)]) == 0
    assert [one["streaming"]["requests"] for one in json.loads(out.read_text())["points"]] == [3, 6]
    assert "time between tokens" in capsys.readouterr().out


def test_without_streaming_nothing_is_said_of_it(
    server: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "load.json"
    assert main(["load", server.url("plain"), *CLOSED, "--max-new-tokens", "9", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert (found["first_token"], found["inter_token"], found["streaming"]) == (None, None, None)
    assert "token" not in capsys.readouterr().out
    assert [body["max_tokens"] for body in server.bodies("plain")[-4:]] == [9] * 4
    assert "num_beams" not in str(server.bodies("plain"))


@pytest.mark.parametrize(("mode", "handled"), [("cached", "cache_prompt"), ("cached-always", "distinct")])
def test_load_that_repeats_prompts_does_not_time_the_cache(
    server: ChatServer, tmp_path: Path, mode: str, handled: str
) -> None:
    out = tmp_path / "load.json"
    assert main(["load", server.url(mode), *CLOSED, "--count", "12", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["asked"]["prompts"] == handled
    assert found["service_time"]["p50"] >= FRESH
    assert found["cached"] == 0


def test_load_is_asked_as_a_params_file_says(server: ChatServer, tmp_path: Path) -> None:
    out = tmp_path / "load.json"
    extra = ["--params", "chat", "--set", "endpoint.stream=false", "--set", "generation.extra={seed: 7}"]
    assert main(["load", server.url("sampling"), *CLOSED, *extra, "--json", str(out)]) == 0
    assert json.loads(out.read_text())["asked"]["settings"] == {"max_new_tokens": 128, "temperature": 0, "seed": 7}
    last = server.bodies("sampling")[-1]
    assert (last["seed"], last["model"], last["stream"]) == (7, "served-model", False)


def chat_run(folder: Path, timed: LatencyCost) -> Any:
    params = load_params("chat", ["load.rates=[20]", "load.seconds=0.3", "load.repeats=2"])
    return SimpleNamespace(
        params=params,
        samples=[Sample(id="a", dialogue="Ann: Noon?")],
        log=RequestLog(folder / "requests.jsonl"),
        results=lambda page: SimpleNamespace(latency_cost=timed),
    )


def test_page_05_shows_the_clocks_under_load_beside_those_of_page_03(server: ChatServer, tmp_path: Path) -> None:
    times = [0.03, 0.031, 0.033, 0.03, 0.032]
    one = Streaming(
        requests=5,
        first_token=mean(times, floor=0.0),
        percentiles={"first_token": {f"p{p}": percentile(times, p) for p in (50, 90, 95, 99)}},
    )
    seen = CachedAnswers(found="reused", handled="cache_prompt")
    timed = LatencyCost(page="03", streaming=one, cached=seen)
    run = chat_run(tmp_path, timed)
    with EndpointBackend(server.url("streams-quickly"), Endpoint(), None, CHAT) as backend:
        sender = RequestSender(backend, run.params.generation, run.log, "05")
        points, _ = _sweep(run, sender, backend, {"a": np.array([0.1])}, 0.0, defaultdict(Counter))
    logged = run.log.read()
    assert {(r.kind, r.phase, r.output_tokens) for r in logged} == {("ok", "load", 22)}
    assert None not in [clock for r in logged for clock in (r.first_token, r.inter_token)]
    (point,) = points
    assert point.streaming
    assert point.streaming.first_token
    assert point.streaming.first_token.n == 2
    result = LoadCapacity(page="05", points=points)
    cited = Cited(result, "results/05.json")
    html = streaming.by_rate(run, cited)
    data = {"results/05.json": result.model_dump(mode="json"), "results/03.json": timed.model_dump(mode="json")}
    assert wrong_citations(html, data) == []
    assert loose_digits(html) == []
    assert "alone, as on page 03" in html
    assert html.count(streaming.DEFINITION) == 1, "two tables, one definition"
    assert "time between tokens by rate" in html
    assert "cache_prompt: false in every request" in html


def test_page_05_says_nothing_of_streams_where_there_are_none(server: ChatServer, tmp_path: Path) -> None:
    run = chat_run(tmp_path, LatencyCost(page="03"))
    with EndpointBackend(server.url("plain"), Endpoint(), None, CHAT) as backend:
        sender = RequestSender(backend, run.params.generation, run.log, "05")
        points, _ = _sweep(run, sender, backend, {"a": np.array([0.1])}, 0.0, defaultdict(Counter))
    assert points
    assert streaming.by_rate(run, Cited(LoadCapacity(page="05", points=points), "results/05.json")) == ""
