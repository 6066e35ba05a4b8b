"""Pages 01 to 03 against chat servers whose truth is known: what they read, write and keep of earlier prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from tokenizers import Tokenizer, models, pre_tokenizers

from helpers.experiments import deploy_check, latency_cost, monitoring, sample_eval
from helpers.report.views import architecture, index
from helpers.report.views import deploy_check as deploy_check_view
from helpers.report.views import latency_cost as latency_cost_view
from helpers.report.views import monitoring as monitoring_view
from helpers.report.views.common import provenance, stamps
from helpers.runs.launch import start_run
from helpers.runs.results.cited import Cited
from helpers.runs.results.deploy_check import DeployCheck
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.run import Run
from tests.chat_server import FRESH, KNOWN, ChatServer

CHAT = (
    "endpoint.protocol=chat",
    "model.task=chat",
    "model.prompt=zero-shot",
    "generation.num_beams=1",
    "generation.max_new_tokens=128",
    "deployment=null",
    "samples.n=5",
    "measure.repeats=2",
    "measure.warmup=1",
    "privacy.text=full",
    "baseline.predictions=null",
)
Started = Callable[..., "Iterator[Run]"]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as found:
        yield found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of which this machine has the tokenizer alone: it counts letters."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@contextmanager
def measured(
    server: ChatServer, mode: str, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *more: str
) -> Iterator[Run]:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    run = start_run("params/endpoint.yaml", [*CHAT, f"model.id={model}", f"endpoint.url={server.url(mode)}", *more])
    try:
        yield run
    finally:
        run.close()


def check(run: Run) -> DeployCheck:
    found = run.measured(deploy_check).raw
    assert isinstance(found, DeployCheck)
    return found


def timed(run: Run) -> LatencyCost:
    run.measured(deploy_check)
    run.measured(sample_eval)
    found = run.measured(latency_cost).raw
    assert isinstance(found, LatencyCost)
    return found


def declared(found: DeployCheck, name: str) -> tuple[str | None, bool | None]:
    row = next(row for row in found.declared if row.name == name)
    return row.observed, row.agrees


@pytest.fixture
def measuring(
    server: ChatServer, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., object]:
    return lambda mode, *more: measured(server, mode, model, monkeypatch, tmp_path, *more)


def test_what_a_server_read_is_what_it_counts(measuring: Started) -> None:
    with measuring("reads-all") as run:
        found = check(run)
    read, agrees = declared(found, "context tokens")
    assert agrees is False
    assert read is not None
    assert read.startswith("read 1,") or int(read.split()[1]) > 1024
    probe = next(probe for probe in found.probes if probe.name == "over-context")
    assert probe.lost_tokens is None
    page = str(deploy_check_view.probes(Cited(found, "results/01.json")))
    assert "never read" not in page


def test_tokens_written_are_the_servers_and_not_those_of_a_tokenizer(measuring: Started) -> None:
    with measuring("bytes") as run:
        found = check(run)
        assert declared(found, "most new tokens") == ("128 at most", True)
        assert all(r.tokens_by == "server" for r in run.log.read())


def test_tokens_counted_from_the_text_carry_no_statement_on_what_was_read(measuring: Started) -> None:
    with measuring("no-usage") as run:
        found, times = check(run), timed(run)
        assert {r.tokens_by for r in run.log.read()} == {"text"}
    assert declared(found, "context tokens") == (None, None)
    observed, agrees = declared(found, "most new tokens")
    assert agrees is None
    assert observed is not None
    assert "does not count" in observed
    assert (times.tokens_by, times.lost_tokens, times.truncated) == ("text", None, None)
    page = str(latency_cost_view.tokens(Cited(times, "results/03.json")))
    assert "counted from the texts" in page
    assert "never read" not in page
    assert times.tokens_per_request is not None, "costs may rest on them"


@pytest.mark.parametrize(
    ("mode", "found", "handled"),
    [
        ("plain", "not reused", "allowed"),
        ("cached", "reused", "cache_prompt"),
        ("cached-salt", "reused", "cache_salt"),
        ("cached-always", "reused", "distinct"),
        ("cached-silent", "not told", "distinct"),
        ("no-usage", "not told", "distinct"),
    ],
)
def test_a_prompt_that_was_seen_is_not_what_is_timed(measuring: Started, mode: str, found: str, handled: str) -> None:
    settings = "settings.tried=[{num_beams: 1, max_new_tokens: 64}]"
    with measuring(mode, settings, "settings.dialogues=3") as run:
        times = timed(run)
        judged = [r for r in run.log.read() if r.is_judged]
        tried = [r for r in run.log.read() if r.variant]
    assert (times.cached.found, times.cached.handled) == (found, handled)
    # where nothing is told, page 02 may have been answered from the cache of an earlier run
    assert times.cached.requests == (5 if found == "not told" else 0)
    assert len(judged) == 10, "no repeat was lost"
    if mode.startswith("cached"):
        assert min(r.service_time or 0 for r in [*judged, *tried]) >= FRESH
    assert sum(setting.requests for setting in times.sweep.settings) == len(tried) == 6
    page = str(latency_cost_view.repeats(Cited(times, "results/03.json")))
    assert ("may come from it" in page) is (found == "not told")
    assert ("begins with a mark of its own" in page) is (handled == "distinct")


def test_an_answer_from_the_cache_leaves_the_steady_state_and_is_shown_apart(
    measuring: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.runs.prompt_cache.SWITCHES", ())
    monkeypatch.setattr("helpers.runs.prompt_cache.PromptCache.asked_with", lambda self, page: "allowed")
    settings = "settings.tried=[{num_beams: 1, max_new_tokens: 64}]"
    with measuring("cached-apart", settings) as run:
        times = timed(run)
    assert times.mean
    assert times.mean.value
    assert times.mean.value >= FRESH
    assert times.cached.requests >= 5
    assert times.cached.mean
    assert times.cached.mean.value
    assert KNOWN <= times.cached.mean.value < FRESH
    assert {setting.reason for setting in times.sweep.settings} == {
        "its answers came from the server's cache of prompts"
    }
    page = str(latency_cost_view.repeats(Cited(times, "results/03.json")))
    assert "they are in no other figure of this page" in page

    with measuring("cached-apart") as run:
        again = timed(run)
    assert again.reason == "every answer came from the server's cache of prompts"


def test_what_a_server_ignores_is_shown_as_ignored(measuring: Started) -> None:
    with measuring("sampling", "generation.extra={seed: 7, stop: [Take]}") as run:
        found, told = check(run), str(provenance(run))
    assert found.ignored == ("temperature", "seed", "stop")
    assert declared(found, "seed") == ("ignored, or not enough: equal requests were answered differently", False)
    assert declared(found, "stop")[1] is False
    assert "refused or ignored by the server: <code>temperature, seed, stop</code>" in told
    with measuring("over-limit") as run:
        found = check(run)
    assert found.ignored == ("max_new_tokens",)
    assert declared(found, "most new tokens") == ("133 at most", False)
    with measuring("plain", "generation.extra={seed: 7}") as run:
        assert check(run).ignored == ()


def test_pages_say_who_answers_and_name_no_setting_that_was_not_sent(measuring: Started) -> None:
    with measuring("plain", "model.engine=transformers") as run:
        run.measured(deploy_check)
        told = text_of(str(index.deployed(run)) + str(provenance(run)) + " ".join(map(str, stamps(run))))
        drawn = str(architecture.picture(run))
    assert "Answered by a server on the machine that asked, over loopback, by the chat protocol" in told
    assert "Engine and numbers transformers float32, as configured" in told
    assert "Decoding at most 128 new tokens, temperature 0" in told
    assert "Generation settings max_new_tokens=128, temperature=0 →" in told
    sent, _, ignored = told.partition("Not applied to who answers")
    assert "generation.num_beams" in ignored
    assert "generation.num_beams" not in sent.partition("Parameters given")[2]
    assert "model.dtype" not in sent
    assert "Measured on a server on the machine that asked" in ignored
    assert "managed" not in told.partition("What produced this run")[0] + drawn
    assert "intel-spr" not in drawn, "nobody asked an instance of the price list"
    with measuring("plain") as run:
        assert "Engine and numbers not known" in text_of(str(index.deployed(run)))


def text_of(html: str) -> str:
    return " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())


@pytest.mark.parametrize(
    ("mode", "asked", "observed", "agrees"),
    [
        ("plain", "m", "serves m", True),
        ("plain", "another", "serves m", False),
        ("reads-all", "m", "serves m:latest, other", True),
        ("reads-all", "another", "serves m:latest, other", None),
    ],
)
def test_the_served_model_is_held_against_the_declared_one(
    measuring: Started, mode: str, asked: str, observed: str, agrees: bool | None
) -> None:
    with measuring(mode, f"endpoint.served_model={asked}", "budget.requests=9") as run:
        assert declared(check(run), "model") == (observed, agrees)


def test_a_wrong_model_name_is_named_and_no_dialogue_is_told(measuring: Started) -> None:
    with measuring("no-model", "privacy.text=hash", "endpoint.attempts=1") as run:
        found = check(run)
    assert (found.failure, found.message) == (
        "not_found",
        "HTTP 400, it serves no model of the name it was asked for",
    )
    assert "it serves no model of the name" in deploy_check_view.answer(Cited(found, "results/01.json"))


def test_the_servers_word_for_a_cut_off_is_what_counts(measuring: Started) -> None:
    for privacy in ("full", "hash"):
        with measuring("cuts", f"privacy.text={privacy}") as run:
            found = check(run)
            scored, watched = run.measured(sample_eval).raw, run.measured(monitoring).raw
        short = next(probe for probe in found.probes if probe.name == "short")
        assert short.content_note.startswith("the server cut it off at the limit of new tokens")
        assert scored.failures["cut_off"] == 5
        assert watched.cut_off.value == 1
        assert watched.failures.get("cut_off") == (watched.judged or None)
        assert "answers that the server cut off" in monitoring_view.traffic(Cited(watched, "results/06.json"))


def test_every_repeated_request_of_the_run_is_compared(measuring: Started) -> None:
    with measuring("sampling") as run:
        times = timed(run)
    assert times.repeatability.different == times.repeatability.texts > 5
    with measuring("plain") as run:
        times = timed(run)
    assert (times.repeatability.different, times.repeatability.reason) == (0, "")
    assert times.repeatability.requests > 10


def test_the_page_shows_what_the_probes_were_answered_and_judges_it(measuring: Started) -> None:
    with measuring("plain") as run:
        found = check(run)
    by_name = {probe.name: probe for probe in found.probes}
    assert all(probe.passed for probe in found.probes), "the protocol was kept"
    assert by_name["empty"].content == "missed"
    assert by_name["in Arabic"].content == "missed"
    result = Cited(found, "results/01.json")
    assert "The two agree to meet on Friday" in str(deploy_check_view.probes(result))
    answer = str(deploy_check_view.answer(result))
    assert "Content at fault: " in answer
    assert "coped" not in answer


def test_a_private_answer_is_judged_and_not_shown(measuring: Started) -> None:
    with measuring("plain", "privacy.text=hash") as run:
        found = check(run)
    assert {probe.answer for probe in found.probes} == {None}
    assert next(probe for probe in found.probes if probe.name == "empty").content == "missed"
    page = str(deploy_check_view.probes(Cited(found, "results/01.json")))
    assert "hidden by privacy.text" in page
    assert "agree to meet" not in page
