"""A real llama.cpp server: found by its address, streamed, its cache of prompts switched off, measured to a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from helpers.backends.chat import Chat
from helpers.backends.discovery import discover
from helpers.backends.endpoint import EndpointBackend
from helpers.params import Endpoint, Generation
from helpers.runs.poller import Poller, metrics_paths, read_looks
from helpers.samples.prompts import load_prompt
from tests.conftest import Report
from tests.llama_server import llama_server
from tests.unit.serving.serving_helpers import until

DIALOGUE = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan, please."

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def read_all(log: Path) -> list[dict[str, float]]:
    return [seen for looks in read_looks([log]) for _, seen in looks] or [{}]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with llama_server() as url:
        yield url


def test_what_it_says_is_read_and_its_cache_can_be_switched_off(server: str) -> None:
    found = discover(server, {})
    assert (found.protocol, found.engine, found.precision, found.streams) == ("chat", "llama.cpp", "Q4_1", True)
    assert found.context_tokens == 4096
    chat = Chat(found.model, load_prompt("zero-shot"), streams=True)
    with EndpointBackend(server, Endpoint(), None, chat) as backend:
        answers = [backend.summarise([DIALOGUE], Generation(max_new_tokens=6))[0] for _ in range(2)]
        anew = backend.reusing("cache_prompt").summarise([DIALOGUE], Generation(max_new_tokens=6))[0]
    assert answers[1].cached_tokens
    assert answers[1].cached_tokens > 16
    assert anew.cached_tokens == 0
    assert (anew.output_tokens, anew.finish) == (6, "length")
    assert anew.first_token
    assert anew.inter_token
    assert anew.service_time
    assert anew.first_token + 5 * anew.inter_token == pytest.approx(anew.service_time, rel=0.2)


def test_its_own_figures_are_read_beside_the_requests(server: str, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    log.write_text("a first line\n")
    found = discover(server, {})
    watching = Poller(server, log, 0.05, paths=metrics_paths(server))
    with EndpointBackend(server, Endpoint(), None, found.chat) as backend:
        answers = [backend.summarise([DIALOGUE], Generation(max_new_tokens=24))[0] for _ in range(2)]
    until(lambda: read_all(log)[-1].get("running") == 0)
    watching.stop()
    looks = read_all(log)
    assert {"running", "queue", "input_tokens", "output_tokens"} <= looks[0].keys()
    assert max(look["running"] for look in looks) == 1
    made = looks[-1]["output_tokens"] - looks[0]["output_tokens"]
    assert 0 < made <= sum(answer.output_tokens or 0 for answer in answers)


def test_from_its_address_to_a_published_verdict(server: str, helpers: Report, tmp_path: Path) -> None:
    small = ["samples.n=5", "measure.repeats=1", "measure.warmup=1", "generation.max_new_tokens=16"]
    small += ["load.repeats=1", "load.count=3", "generation.extra={seed: 7}"]
    given = [part for pair in small for part in ("--set", pair)]
    done = helpers("report", "--url", f"{server}/v1/?from=here", *given, limit=800)
    assert done.code == 0, done.told
    assert "llama.cpp Q4_1 speaks the chat protocol" in done.told
    assert "no bill, as it runs on this machine" in done.told
    found = done.result("03")
    assert found["cached"]["handled"] == "cache_prompt"  # type: ignore[index]
    assert found["streaming"]["first_token"]["value"] > 0  # type: ignore[index]
    assert "Streaming: time to first token" in done.page("03-latency-cost")
    points = done.result("05")["points"]
    assert any(one["server"] and one["server"]["running"] is not None for one in points)  # type: ignore[attr-defined]
    assert "Server metrics at each rate" in done.page("05-load-capacity")
    assert all(one["streaming"]["first_token"]["value"] > 0 for one in points)  # type: ignore[attr-defined]
    assert "Streaming under load: time to first token" in done.page("05-load-capacity")
    told = {stem: text_of(done.page(stem)) for stem in ("index", "01-deploy-check", "03-latency-cost", "06-monitoring")}
    assert "Answered by a server on the machine that asked, over loopback, by the chat protocol" in told["index"]
    assert "Engine and numbers llama.cpp Q4_1, as the server tells" in told["index"]
    assert "Decoding at most 16 new tokens, temperature 0, seed 7" in told["index"]
    assert f"report --url '{server}/v1/?from=here' --set samples.n=5" in told["index"]
    assert "room for 4,096, as the server tells" in told["01-deploy-check"]
    assert "answers that the server cut off at its limit" in told["06-monitoring"]
    for text in told.values():
        assert "max_new_tokens=16, temperature=0, seed=7 →" in text
        assert "managed endpoint" not in text
        assert "transformers float32" not in text
        assert "num_beams" not in text.replace("generation.num_beams, generation.min_new_tokens", "")
        assert "/models/smollm2" not in text.replace(" models/smollm2", "").replace("=models/smollm2", "")


def text_of(html: str) -> str:
    return " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())
