"""``helpers monitor``: states, exit code, JSON, the webhook, and the exports as their own parsers read them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from helpers.cli.main import main
from helpers.core.paths import PROJECT
from helpers.monitoring import export, notify
from helpers.params import Alerts
from helpers.params.files import load_params, read_alerts, write_params
from helpers.serving.metrics import ServerMetrics
from helpers.serving.worker import Worker
from tests.local_server import Scripted
from tests.logs import attempt, traffic, write_log
from tests.scripted_server import ScriptedServer, answer, drip, raw, reset

Command = Callable[..., tuple[int, str, str]]
SLOW = traffic(0, 300, seconds=5.0)


@pytest.fixture
def monitor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.delenv(notify.VARIABLE, raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["monitor", *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_slow_deployment_fires_and_exits_with_three(monitor: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [attempt(0, 9.0, phase="cold"), *SLOW])
    code, out, _ = monitor(log, "--json", tmp_path / "out.json")
    assert code == 3
    found = json.loads((tmp_path / "out.json").read_text())
    states = {rule["name"]: rule["state"] for rule in found["rules"]}
    assert states == {
        "latency_p50": "firing",
        "latency_p99": "pending",
        "time_to_first_token": "not applicable",
        "inter_token_latency": "not applicable",
        "error_rate": "quiet",
        "throughput": "firing",
        "tokens_per_request": "quiet",
        "gpu_utilisation": "not applicable",
        "cpu_utilisation": "not enough data",
    }
    assert (found["attempts"], found["aside"]) == (300, 1)
    first = next(change for change in found["timeline"] if change["state"] == "firing")
    assert (first["rule"], first["seconds"], first["value"], first["n"]) == ("latency_p50", 70.0, 5.0, 66)
    assert "above 2.50 s: fired 1 times, 234 s in total, seen 5.00 s; 5.00 s at the end" in out
    assert "at most 0 of 6 in 60 s" in out


def test_what_fired_and_resolved_has_fired(monitor: Command, tmp_path: Path) -> None:
    rules = {"error_rate": {"label": "Errors", "unit": "rate", "source": "test", "above": 0.1, "window": 60, "hold": 0}}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    good = write_log(tmp_path / "good.jsonl", traffic(100, 200))
    bad = write_log(tmp_path / "bad.jsonl", traffic(0, 20, kind="timeout"))
    code, out, _ = monitor(good, bad, "--alerts", tmp_path / "rules.yaml")
    assert (code, "resolved" in out) == (3, True)
    code, out, _ = monitor(good, "--alerts", tmp_path / "rules.yaml")
    assert (code, "never fired" in out) == (0, True)


def test_the_rules_of_a_run_are_its_own(monitor: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "requests.jsonl", SLOW)
    given = ["alerts.latency_p50.above=9", "alerts.throughput.below=0.5", "instance.type=nvidia-t4", "instance.size=x1"]
    write_params(tmp_path, load_params("demo", given))
    code, out, _ = monitor(log)
    assert (code, "above 9.00 s: never fired" in out, "no sample of the load" in out) == (0, True, True)
    assert "the processor is watched instead" not in out


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("error_rat: {}", "unknown key 'error_rat' under 'alerts' (did you mean 'error_rate'?)"),
        ("error_rate: {label: a, unit: rate, source: b}", "alerts.error_rate: give 'above', 'below' or both"),
        ("error_rate: {label: a, unit: rate, source: b, above: 1, windo: 2}", "(did you mean 'window'?)"),
    ],
)
def test_wrong_rules_are_told(monitor: Command, tmp_path: Path, rules: str, message: str) -> None:
    (tmp_path / "rules.yaml").write_text(rules)
    code, _, told = monitor(write_log(tmp_path / "log.jsonl", SLOW), "--alerts", tmp_path / "rules.yaml")
    assert code == 2
    assert message in told


def test_a_log_that_is_none_is_told(monitor: Command, tmp_path: Path) -> None:
    code, _, told = monitor(tmp_path / "no.jsonl")
    assert (code, "no.jsonl: no such log" in told) == (2, True)
    (tmp_path / "odd.jsonl").write_text("{}\n")
    code, _, told = monitor(tmp_path / "odd.jsonl")
    assert (code, "odd.jsonl line 1: not a request record" in told) == (2, True)


def test_the_webhook_is_told_in_slacks_json(monitor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write_log(tmp_path / "<log>.jsonl", SLOW)
    with ScriptedServer(answer(200, "ok")) as server:
        monkeypatch.setenv(notify.VARIABLE, f"{server.url}/services/planted")
        code, out, told = monitor(log, "--webhook")
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (code, "webhook: delivered" in told) == (3, True)
    assert head.startswith(b"POST /services/planted HTTP/1.1")
    text = json.loads(body)["text"]
    assert text.startswith("*2 of 6 alert rules fired* over &lt;log&gt;.jsonl\n• Median latency: firing, above 2.50 s")
    assert "planted" not in out + told + text


@pytest.mark.parametrize(
    ("play", "told"),
    [
        (answer(403, "no"), "refused (HTTP 403)"),
        (answer(302, "", ["Location: http://127.0.0.1:9/planted"]), "refused (HTTP 302)"),
        (reset, "not delivered"),
        (raw(b"no HTTP"), "not delivered"),
        (drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10, 0.05), "no answer within 0.5 s"),
    ],
)
def test_a_webhook_that_refuses_or_hangs_fails_nothing(play: Any, told: str) -> None:
    with ScriptedServer(play) as server:
        began = time.monotonic()
        answered = notify.send("hi", {notify.VARIABLE: f"{server.url}/planted"}, limit=0.5)
        assert time.monotonic() - began < 2
    assert told in answered
    assert "planted" not in answered


@pytest.mark.parametrize("url", ["", "http://example.org/planted", "ftp://127.0.0.1/planted", "http://[planted"])
def test_an_address_that_will_not_do_is_told_without_it(url: str) -> None:
    told = notify.send("hi", {notify.VARIABLE: url})
    assert told.startswith("webhook: not sent")
    assert "planted" not in told


def test_nobody_is_told_when_nothing_fired(monitor: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(notify.VARIABLE, "http://127.0.0.1:9/planted")
    assert "webhook" not in monitor(write_log(tmp_path / "log.jsonl", traffic(0, 30)), "--webhook")[2]


def names_in(expression: str) -> set[str]:
    """Return the metrics that a PromQL expression asks for; it must parse."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(str(node.name))
        for name in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            below = getattr(node, name, None)
            for child in below if isinstance(below, list) else [below]:
                if child is not None and not isinstance(child, str):
                    look(child)

    look(promql_parser.parse(expression))
    return found


def served_names() -> set[str]:
    """Return the names that the server has at ``/metrics``."""
    text = ServerMetrics(Worker(Scripted)).text()
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    return named | {"inf_queue_size", "gen_ai_server_request_duration_seconds_bucket"}


def test_prometheus_reads_the_rules_and_asks_for_what_the_server_has(monitor: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", traffic(0, 9))
    assert monitor(log, "--export-prometheus", tmp_path / "rules.yaml")[0] == 0
    (group,) = yaml.safe_load((tmp_path / "rules.yaml").read_text())["groups"]
    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert set(rules) == {"LatencyP50", "LatencyP99", "ErrorRate", "Throughput", "TokensPerRequest", "CpuUtilisation"}
    for rule in rules.values():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert names_in(rule["expr"])
        assert names_in(rule["expr"]) <= served_names()
        assert promql_parser.parse_duration(rule["for"]).total_seconds() == 60
    assert "> 2.5)" in rules["LatencyP50"]["expr"]
    assert "< 2" in rules["Throughput"]["expr"]


def test_grafana_shows_every_rule_with_its_thresholds(monitor: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", traffic(0, 9))
    assert monitor(log, "--export-grafana", tmp_path / "board.json")[0] == 0
    board = json.loads((tmp_path / "board.json").read_text())
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(board)
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) == 7
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}) == 7
    for panel in board["panels"]:
        (target,) = panel["targets"]
        assert names_in(target["expr"]) <= served_names()
        assert target["datasource"]["uid"] == "${datasource}"
    steps = {p["title"]: p["fieldConfig"]["defaults"]["thresholds"]["steps"] for p in board["panels"]}
    assert [step["value"] for step in steps["CPU utilisation"]] == [None, 0.2, 0.95]
    assert [step["color"] for step in steps["CPU utilisation"]] == ["red", "green", "red"]


def test_a_label_is_no_template() -> None:
    told = {"label": "{{ $labels }}", "unit": "rate", "source": "x", "above": 0.5, "window": 0.5}
    (rule,) = yaml.safe_load(export.prometheus(Alerts.model_validate({"error_rate": told})))["groups"][0]["rules"]
    assert rule["annotations"]["summary"] == "{ { $labels }} is {{ $value | humanizePercentage }}"
    assert "[500ms]" in rule["expr"]


def test_the_rules_that_come_along_are_the_published_ones() -> None:
    rules = read_alerts(PROJECT / "params" / "alerts.yaml")
    facts = yaml.safe_load((PROJECT / "params" / "published.yaml").read_text())["alerts"]
    ours = {name: (rule.above, rule.below) for name, rule in rules.rules() if rule.source == "publication"}
    names = {
        "latency_p50_s": "latency_p50",
        "latency_p99_s": "latency_p99",
        "throughput_rps": "throughput",
        "gpu_utilization": "gpu_utilisation",
    }
    assert ours == {names.get(name, name): (fact.get("above"), fact.get("below")) for name, fact in facts.items()}
