"""A run against an inference provider: what page 01 names as observed, and what no page states of its cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.backends.providers import ADDRESS
from helpers.cli.main import main
from helpers.core.errors import InputError
from helpers.cost.costs import BY_USE
from helpers.experiments import deploy_check, latency_cost, load_capacity
from helpers.params.files import load_params
from helpers.report.data_files import site_data
from helpers.report.views import common, cost, index
from helpers.report.views import deploy_check as deploy_check_view
from helpers.report.views import latency_cost as latency_cost_view
from helpers.report.views import load_capacity as load_view
from helpers.report.views import settings as settings_view
from helpers.runs import launch
from helpers.runs.budget import announcement, no_load
from helpers.runs.launch import finish, start_run
from helpers.runs.run import Run
from helpers.verdicts.compute import judgement, projection
from tests.chat_server import ROUTER, ChatServer
from tests.page_checks import loose_digits, wrong_citations

TOKEN = "hf_" + "planted" * 5
SETTINGS = ["endpoint.provider=together", "samples.n=5", "measure.warmup=0", "measure.repeats=1"]
COSTS = ("cost_per_1000_requests", "cost_per_1000_tokens", "total_cost")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ChatServer]:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(launch, "_tokenizer", lambda params: None)  # which would be looked for on the Hub
    monkeypatch.delenv("HF_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with ChatServer() as found:
        monkeypatch.setenv(ADDRESS, found.url(ROUTER))
        yield found


def declared(run: Run) -> dict[str, tuple[str | None, bool | None]]:
    found = run.results().deploy_check
    assert found
    return {row.name: (row.observed, row.agrees) for row in found.declared}


def test_a_run_names_provider_and_model_and_states_no_cost_by_an_instance(server: ChatServer, tmp_path: Path) -> None:
    run = start_run("params/provider.yaml", [*SETTINGS, "model.id=run/streams-quickly"])
    try:
        checked, timed = run.measured(deploy_check), run.measured(latency_cost)
    finally:
        run.close()
    where = server.url(ROUTER).removeprefix("http://").removesuffix(f"/{ROUTER}")
    rows = declared(run)
    assert rows["provider"] == (f"asked at {where} by the route /together/v1/chat/completions", None)
    assert rows["model"] == (
        "asked for as Vendor/streams-quickly; answers name Vendor/streams-quickly",
        True,
    )
    assert "engine" not in rows
    told = {check.name: (check.passed, check.detail) for check in checked.raw.checks}
    assert told["authentication"] == (True, "it was refused")
    assert told["health"] == (None, "a provider has no such page")
    paths = {request["path"].partition("?")[0] for request in server.routed()}
    assert paths == {"api/models/run/streams-quickly", "together/v1/chat/completions"}, "and nobody's /metrics"
    assert timed.raw.streaming.requests == 5
    assert not (run.directory / "metrics.jsonl").exists()

    rows_judged = {row.name: row for row in judgement(run).rows}
    assert {(rows_judged[name].verdict, rows_judged[name].reason) for name in COSTS if name in rows_judged} == {
        ("not measured", BY_USE)
    }
    assert projection(run) is None
    data = site_data(run)
    assert not {"results/cost.json", "results/load_cost.json"} & set(data)
    assert "USD" not in latency_cost_view.cost(run)
    assert cost.month(run) + cost.break_even(run) + cost.tornado(run) + cost.choice(run) + cost.platforms(run) == ""
    shown = [
        deploy_check_view.answer(checked),
        latency_cost_view.answer(run, timed),
        latency_cost_view.cost(run),
        index.deployed(run),
        common.provenance(run),
        *common.stamps(run),
    ]
    html = "".join(map(str, shown))
    assert html.count(BY_USE) == 3
    assert "a provider of the Hugging Face Inference Providers (together), by the chat protocol" in html
    assert "answers name Vendor/streams-quickly" in common.provenance(run)
    assert "managed endpoint" not in html
    assert "$" not in html
    assert TOKEN not in html + json.dumps(data) + (run.directory / "server.json").read_text()
    assert wrong_citations(html, data) == []
    assert loose_digits("".join(map(str, shown[:3]))) == []


def test_the_router_that_chooses_is_named_as_it_tells(server: ChatServer) -> None:
    settings = ["endpoint.provider=auto", "endpoint.stream=false", "model.id=org/plain"]
    run = start_run("params/provider.yaml", [*SETTINGS, *settings])
    try:
        run.measured(deploy_check)
    finally:
        finish(run, 0.0)
    observed, agrees = declared(run)["provider"]
    assert str(observed).endswith("/v1/chat/completions; together answered, as the router tells")
    assert agrees is None
    assert "(chosen by the router)" in common.answered_by(run.params)


def test_load_on_a_provider_is_measured_and_no_replicas_are_planned(server: ChatServer) -> None:
    load = ["load.allow_remote=true", "load.rates=[10]", "load.seconds=0.5", "load.repeats=2"]
    run = start_run("params/provider.yaml", [*SETTINGS, *load, "model.id=org/streams-quickly"])
    try:
        run.measured(latency_cost)
        found = run.measured(load_capacity)
    finally:
        run.close()
    (point,) = found.raw.points
    assert point.streaming.first_token
    assert point.errors == {}
    assert (found.raw.assumptions, found.raw.sizing, found.raw.strategies) == ((), (), ())
    view = load_view.answer(run, found) + load_view.assumptions(run, found) + load_view.sizing(found)
    html = view + load_view.strategies(run, found) + load_view.held(found) + load_view.sweep(run, found)
    assert "what it sustains is not predicted" in html
    assert "replicas complete" not in html
    assert html.count("not predicted") == 3
    assert wrong_citations(html, site_data(run)) == []
    assert loose_digits(html) == []


def test_settings_that_are_tried_have_no_price(server: ChatServer) -> None:
    tried = ["settings.tried=[{max_new_tokens: 64}]", "settings.dialogues=2", "model.id=org/streams-quickly"]
    run = start_run("params/provider.yaml", [*SETTINGS, *tried])
    try:
        timed = run.measured(latency_cost)
    finally:
        run.close()
    html = settings_view.answer(run, timed) + settings_view.speed(run, timed)
    assert "a summary (" in html
    assert "busy time per thousand" not in html
    assert f"No time is priced: {BY_USE}" in html
    assert "$" not in html


def test_credits_that_are_used_up_end_a_run_with_their_name(server: ChatServer) -> None:
    run = start_run("params/provider.yaml", [*SETTINGS, "model.id=org/http-402"])
    try:
        found = run.measured(deploy_check).raw
    finally:
        run.close()
    (record, *_) = run.log.read()
    assert (record.kind, record.status) == ("payment_required", 402)
    assert found.failure == "payment_required"
    assert "payment_required" in found.reason


def test_a_bill_by_use_is_announced_and_no_estimate_by_the_hour_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    params = load_params("provider", SETTINGS)
    assert "load.allow_remote=true" in no_load(params, "http://127.0.0.1:9/together/v1/chat/completions")
    said = announcement(params, 5, ("01", "03"), "https://router.huggingface.co/together/v1/chat/completions")
    assert "billed by use at the rates of together" in said
    assert "$" not in said
    assert main(["cost", "provider"]) == 2
    assert BY_USE in capsys.readouterr().err
    with pytest.raises(InputError, match="a provider bills by use"):
        load_params("provider", ["budget.usd=1"])
