"""A report over recorded answers: complete, self-contained, and the same bytes whenever it is rendered."""

import csv
import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from bs4 import BeautifulSoup

from helpers.verdicts.looks import LEDGER
from tests.conftest import Finished, Report, replay
from tests.page_checks import broken_links, broken_rules

PAGES = ["index", "history", "01-deploy-check", "02-sample-eval", "02-summaries", "03-latency-cost", "06-monitoring"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_self_contained_and_every_number_cited(replayed: Finished, page: str) -> None:
    html = replayed.page(page)
    assert broken_rules(f"{page}.html", html, json.loads((replayed.out / "results.json").read_text())) == []
    assert str(replayed.run) not in html


def test_links_between_pages_lead_somewhere(replayed: Finished) -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in replayed.out.glob("*.html")}
    files = [path.name for path in replayed.out.iterdir() if path.suffix != ".html"]
    assert broken_links(pages, files) == []


def test_what_was_recorded_is_judged_and_the_rest_says_so(replayed: Finished) -> None:
    judged = {
        row["name"]: row
        for row in json.loads((replayed.out / "results.json").read_text())["results/judged.json"]["rows"]
    }
    # the recorded predictions are the baseline itself, which says nothing of quality
    assert (judged["rouge_l"]["verdict"], judged["rouge_l"]["estimate"]["value"]) == ("informative", 0)
    assert "a regression check: 10 of 10 answers" in judged["rouge_l"]["reason"]
    assert judged["average_latency"]["verdict"] == "met"
    assert judged["rouge_l_gain"]["verdict"] == "not measured"
    assert judged["success_rate"]["verdict"] == "not measured"
    assert "recorded predictions are replayed" in replayed.page("01-deploy-check")
    scored = replayed.result("02")
    assert scored["failures"]["empty"] == 1  # type: ignore[index]


def test_the_published_summaries_say_who_made_them_when_and_how_fast(replayed: Finished, recorded: Path) -> None:
    rows = list(csv.DictReader((replayed.out / "demo_summaries.csv").read_text(encoding="utf-8").splitlines()))
    asked = [json.loads(line) for line in recorded.read_text().splitlines()]
    assert [float(row["service_time"]) for row in rows] == [row["seconds"] for row in asked]
    assert {row["model"] for row in rows} == {"demo"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"]) for row in rows)


@pytest.mark.slow
def test_rendering_again_gives_the_same_bytes(replayed: Finished, helpers: Report, tmp_path: Path) -> None:
    done = helpers("render", str(replayed.run), "--out", str(tmp_path / "again"))
    assert done.code == 0, done.told
    names = sorted(p.name for p in (tmp_path / "again").iterdir())
    # the ledger of looks belongs to what is published: rendering is no look
    assert names == sorted(p.name for p in replayed.out.iterdir() if p.name != LEDGER)
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (replayed.out / name).read_bytes(), name


@pytest.mark.slow
def test_another_target_changes_the_verdict_and_asks_nobody(
    replayed: Finished, helpers: Report, tmp_path: Path
) -> None:
    log = (replayed.run / "requests.jsonl").read_bytes()  # type: ignore[operator]
    done = helpers("render", str(replayed.run), "--set", "targets.average_latency.max=0.5", "--out", str(tmp_path))
    assert done.code == 0, done.told
    judged = json.loads((tmp_path / "results.json").read_text())["results/judged.json"]["rows"]
    assert {row["name"]: row["verdict"] for row in judged}["average_latency"] == "missed"
    assert (replayed.run / "requests.jsonl").read_bytes() == log  # type: ignore[operator]
    assert (tmp_path / "01-deploy-check.html").read_bytes() == (replayed.out / "01-deploy-check.html").read_bytes()
    done = helpers("render", str(replayed.run), "--set", "samples.n=2", "--out", str(tmp_path))
    assert (done.code, "'samples' cannot change for a finished run" in done.told) == (2, True)


@pytest.mark.slow
def test_two_reports_on_the_same_answers_differ_in_nothing_measured(
    replayed: Finished, helpers: Report, recorded: Path, tmp_path: Path
) -> None:
    shutil.copytree(replayed.out, tmp_path / "reports")
    again = helpers("report", "params/replay.yaml", *replay(recorded), out=tmp_path / "reports")
    changing = ("request", "requests", "seconds", "run_seconds")
    for page in ("02", "03"):
        first, second = (_without(found.result(page), changing) for found in (replayed, again))
        assert first == second
    compared = helpers("compare", str(replayed.run), str(again.run))
    assert compared.code == 0
    assert "Verdicts:\n  the same" in compared.told
    since = json.loads((again.out / "results.json").read_text())["results/changes.json"]
    assert since["a"] == replayed.run.name  # type: ignore[union-attr]
    assert (since["verdicts"], since["paired"]["rougeL"]["difference"]) == ([], 0)
    assert "No verdict has changed." in again.page("index")
    assert "no earlier published report" in replayed.page("index")


def test_the_data_behind_the_pages_is_as_its_schema_says(replayed: Finished) -> None:
    schema, data = (json.loads((replayed.out / f"results.{kind}").read_text()) for kind in ("schema.json", "json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(data, schema)
    data["results/03.json"]["mean"]["n"] = "ten"
    with pytest.raises(jsonschema.ValidationError, match="'ten' is not"):
        jsonschema.validate(data, schema)


def test_the_picture_says_what_the_run_exercised(replayed: Finished) -> None:
    soup = BeautifulSoup(replayed.page("index"), "html.parser")
    states = {
        (part.b.get_text(), part.small.get_text(), part.span["aria-label"])  # type: ignore[union-attr]
        for part in soup.select(".path > li")
    }
    assert {("client", "none", "not in this run"), ("endpoint", "none", "not in this run")} <= states
    assert {("summary", "recorded", "stand-in"), ("request log", "every attempt", "exercised")} <= states


@pytest.mark.parametrize(("gate", "code"), [("missed", 3), ("undecided", 3)])
def test_the_gate_closes(helpers: Report, recorded: Path, tmp_path: Path, gate: str, code: int) -> None:
    summary = tmp_path / "summary.md"
    done = helpers(
        "report", "params/replay.yaml", *replay(recorded), "--only", "03", "--gate", gate,
        environment={"GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert done.code == code, done.told
    assert summary.read_text().startswith(f"**Gate `{gate}`: closed**")


def test_the_gate_opens(helpers: Report, recorded: Path) -> None:
    easy = ["--set", "targets.cost_per_1000_requests.below=2"]
    assert (
        helpers("report", "params/replay.yaml", *replay(recorded), *easy, "--only", "03", "--gate", "missed").code == 0
    )


def test_an_estimate_over_a_run_takes_its_times_and_says_where_they_are_from(
    replayed: Finished, helpers: Report, tmp_path: Path
) -> None:
    done = helpers("cost", "params/endpoint.yaml", "--run", str(replayed.run), "--json", str(tmp_path / "cost.json"))
    assert (done.code, "(measured in " in done.told, "priced as aws intel-spr x8" in done.told) == (0, True, True)
    page = json.loads((replayed.out / "results.json").read_text())["results/cost.json"]
    found = json.loads((tmp_path / "cost.json").read_text())
    assert found["basis"]["service_time"] == page["basis"]["service_time"]


@pytest.mark.slow
def test_a_report_over_dask_workers_scores_the_same_and_gives_no_times(
    replayed: Finished, helpers: Report, recorded: Path
) -> None:
    dask = ["--set", "execution={engine: dask, workers: 2, chunk: 3}"]
    done = helpers("report", "params/replay.yaml", *replay(recorded), *dask)
    assert done.code == 0, done.told
    assert "10 dialogues over Dask workers: 10 asked, 0 without an answer" in done.told
    assert done.result("02")["scores"] == replayed.result("02")["scores"]
    assert done.result("03")["mean"] is None
    assert "give no service times" in done.page("02-sample-eval")


def _without(tree: object, names: tuple[str, ...]) -> object:
    if isinstance(tree, dict):
        return {key: _without(value, names) for key, value in tree.items() if key not in names}
    return [_without(item, names) for item in tree] if isinstance(tree, list) else tree
