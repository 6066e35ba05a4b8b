"""A report on deployments that fail: the failure is the finding. And on a tool that fails: nothing is published."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from helpers.core.paths import PROJECT
from tests.conftest import Finished, Report, shown_on_a_page
from tests.page_checks import loose_digits, wrong_citations
from tests.scripted_server import Play, ScriptedServer, answer, reset, summary

QUICK = ["--set", "load.repeats=1", "--set", "load.count=5", "--set", "endpoint.attempts=1",
         "--set", "measure.warmup=1", "--set", "endpoint.total_timeout=5",
         "--set", "endpoint.wake_timeout=1", "--set", "privacy.text=full"]  # fmt: skip
FIRST_PAGES = ["--only", "01", "--only", "02", "--only", "03"]
SPOKEN = "Ann and Bo agree to meet on Sunday."


def report(helpers: Report, server: ScriptedServer | str, *more: str, token: str = "hf_planted.(token)+") -> Finished:
    url = server if isinstance(server, str) else server.url
    return helpers(
        "report", "params/endpoint.yaml", *QUICK, *more, environment={"HF_ENDPOINT_URL": url, "HF_TOKEN": token}
    )


@pytest.mark.slow
def test_a_fifth_of_errors_is_a_success_rate_of_four_fifths(helpers: Report) -> None:
    script: list[Play] = [summary(SPOKEN)] * 8 + [answer(500, "oops"), *[summary(SPOKEN)] * 4] * 20
    with ScriptedServer(*script) as server:
        found = report(helpers, server, *FIRST_PAGES)
    assert found.code == 0, found.told
    timed = found.result("03")
    assert timed["success_rate"]["value"] == pytest.approx(0.8, abs=0.05)  # type: ignore[index]
    assert timed["errors"] == {"server_error": round(30 * (1 - timed["success_rate"]["value"]))}  # type: ignore[index]
    everything = [p for base in (found.run, found.out) for p in base.rglob("*") if p.is_file()]  # type: ignore[union-attr]
    assert all(b"hf_planted" not in p.read_bytes() for p in everything)
    assert "hf_planted" not in found.told


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (answer(401, {"error": "bad token"}), "auth"),
        pytest.param(answer(404, ""), "not_found", marks=pytest.mark.slow),
        pytest.param(reset, "connection", marks=pytest.mark.slow),
    ],
)
def test_a_deployment_that_does_not_answer_is_the_finding(helpers: Report, play: Play, kind: str) -> None:
    with ScriptedServer(play) as server:
        found = report(helpers, server, *FIRST_PAGES)
    assert found.code == 1
    assert f"endpoint unreachable ({kind}) since" in found.told
    assert not found.out.exists()
    site = found.run / "site"  # type: ignore[operator]
    first = (site / "01-deploy-check.html").read_text()
    assert "The deployment does not answer." in first
    assert kind in first
    assert "HOLD" in (site / "index.html").read_text()
    for page in ("02-sample-eval", "03-latency-cost"):
        assert f"endpoint unreachable ({kind}) since" in (site / f"{page}.html").read_text()


@pytest.mark.slow
def test_a_failed_deployment_can_be_published_on_request(helpers: Report) -> None:
    with ScriptedServer(answer(401, "")) as server:
        found = report(helpers, server, "--publish-failed")
    assert found.code == 1
    assert "does not answer" in found.page("01-deploy-check")


@pytest.mark.slow
def test_a_server_that_dies_midway_keeps_what_was_measured(helpers: Report) -> None:
    script: list[Play] = [summary(SPOKEN)] * 24 + [reset]
    with ScriptedServer(*script) as server:
        found = report(helpers, server, *FIRST_PAGES)
    assert found.code == 1
    assert "endpoint unreachable (connection) since" in found.told
    assert 0 < found.result("02")["answered"] < 10  # type: ignore[operator]
    assert found.result("03")["success_rate"]["value"] < 1  # type: ignore[index]


@pytest.mark.slow
def test_a_budget_stops_the_run_cleanly(helpers: Report) -> None:
    with ScriptedServer(summary(SPOKEN)) as server:
        found = report(helpers, server, "--set", "budget.requests=12")
    assert found.code == 0, found.told
    assert len(server.requests) <= 12 + 1  # and one look at /health
    assert "budget.requests=12 is spent" in found.page("03-latency-cost")


@pytest.mark.slow
def test_other_settings_are_asked_beside_the_steady_state(helpers: Report) -> None:
    with ScriptedServer(summary(SPOKEN)) as server:
        found = report(helpers, server, "--only", "03", "--set", "settings.rounds=1")
    assert found.code == 0, found.told
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests if b"inputs" in request]
    sent = Counter((b["parameters"]["num_beams"], b["parameters"]["max_new_tokens"]) for b in bodies[-48:])
    assert sent == {(beams, most): 8 for beams in (1, 2, 4) for most in (64, 128)}
    measured, page = found.result("03"), found.page("03-latency-cost")
    assert (measured["success_rate"]["n"], measured["success_rate"]["requests"]) == (10, 30)  # type: ignore[index]
    assert [row["requests"] for row in measured["sweep"]["settings"]] == [8] * 6  # type: ignore[index]
    assert "The cheapest setting that meets the latency target of" in page
    assert "--set generation.num_beams=2 --set generation.max_new_tokens=64" in page
    assert wrong_citations(page, json.loads((found.out / "results.json").read_text())) == []
    assert loose_digits(page) == []


WRONG = [
    (
        ["report", "params/demo.yaml", "--set", "samples.n_sample=2"],
        "unknown key 'n_sample' under 'samples' (did you mean 'n'?)",
    ),
    (["report", "params/demo.yaml", "--only", "3"], "--only 3: no such page"),
    (["report", "params/demo.yaml", "--set", "samples.source=/nowhere.csv"], "no such file"),
    (["report", "params/endpoint.yaml"], "no endpoint address: set HF_ENDPOINT_URL"),
    (["render", "/nowhere"], "not a run directory"),
    (["serve", "params/demo.yaml", "--host", "0.0.0.0"], "set HELPERS_SERVE_TOKEN"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(w[0][:1] + w[0][-1:]) for w in WRONG])
def test_wrong_input_is_one_message_and_leaves_nothing(helpers: Report, arguments: list[str], message: str) -> None:
    found = helpers(*arguments)
    assert found.code == 2
    assert message in found.told
    assert "Traceback" not in found.told
    assert not found.out.exists()
    assert found.run is None


def test_a_folder_that_cannot_be_written_is_found_before_measuring(helpers: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = helpers("report", "params/replay.yaml", out=tmp_path / "file" / "reports")
    assert found.code == 2
    assert "cannot write to" in found.told
    assert found.run is None


def test_a_failing_notebook_publishes_nothing(helpers: Report, recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    shutil.copytree(PROJECT / "notebooks", folder)
    path = folder / "03-latency-cost.ipynb"
    notebook = json.loads(path.read_text())
    shown_on_a_page(notebook)[-1]["source"] = "raise ValueError('broken on purpose')"
    path.write_text(json.dumps(notebook))
    overrides = ["--set", f"replay.predictions={recorded}", "--only", "03"]
    found = helpers("report", "params/replay.yaml", *overrides, environment={"HELPERS_NOTEBOOKS": str(folder)})
    assert found.code == 1
    assert "03-latency-cost.ipynb: cell" in found.told
    assert "raised ValueError: broken on purpose" in found.told
    assert not found.out.exists()
    assert (found.run / "results" / "03.json").exists()  # type: ignore[operator]
