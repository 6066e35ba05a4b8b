"""The pages, the workbook, the data and the command line say the same of the same thing, and each of it once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from helpers.core.paths import PROJECT
from tests.conftest import Finished, Report
from tests.one_answer import collect, disagreements, spellings

REPORTS = PROJECT / "reports"


@pytest.fixture(params=["published", "replayed"])
def site(request: pytest.FixtureRequest) -> Path:
    """The published demonstration, measured whole; and a run in which most was not measured."""
    if request.param == "published":
        return REPORTS
    done: Finished = request.getfixturevalue("replayed")
    return done.out


def test_every_quantity_has_one_value(site: Path) -> None:
    said = collect(site)
    assert disagreements(said) == []
    places = {quantity: len(where) for quantity, where in said.items()}
    assert all(places[name] >= 3 for name in ("cost of 1,000 requests", "service time", "replicas")), places


def test_every_figure_is_spelled_in_one_way(site: Path) -> None:
    """A figure with a unit and the same in a column without one have the same digits."""
    several = {where: texts for where, texts in spellings(site).items() if len(texts) > 1}
    assert several == {}


def test_the_demonstration_says_everything_of_itself_in_several_places() -> None:
    said = collect(REPORTS)
    assert {"latency of the deployment", "cheapest instance", "utilisation", "memory"} <= set(said)
    assert min(len(places) for places in said.values()) >= 2


def test_advice_is_given_once() -> None:
    """The front page's card on engines is how page 04 begins; its step, where latency is open, is of the same words."""
    advice = _text(REPORTS / "04-quantization.html", "p.answer")
    soup = BeautifulSoup((REPORTS / "index.html").read_text(), "html.parser")
    front = " ".join(soup.get_text(" ").split())
    steps = [" ".join(step.get_text(" ").split()) for step in soup.select(".decision .next li")]
    engines = [text.removeprefix("Engine: ") for text in steps if text.startswith("Engine: ")]
    rows = json.loads((REPORTS / "results.json").read_text())["results/judged.json"]["rows"]
    latency = next(row["verdict"] for row in rows if row["name"] == "average_latency")
    assert len(engines) == (latency in ("missed", "undecided"))
    first = advice.split(". ")[0]
    assert front.count(first) == 1 + len(engines), "on the card, and in the step"
    for step in engines:
        assert [one for one in step.rstrip(".").split(". ") if one not in advice] == []


def test_the_command_line_says_what_the_pages_say(helpers: Report, replayed: Finished, tmp_path: Path) -> None:
    target = tmp_path / "cost.json"
    done = helpers("cost", "params/replay.yaml", "--run", str(replayed.run), "--json", str(target))
    assert done.code == 0, done.told
    ours = json.loads(target.read_text())
    pages = json.loads((replayed.out / "results.json").read_text())["results/cost.json"]
    for name in ("declared", "bills", "choices", "throughput", "break_even"):
        mine, theirs = ours[name], pages[name]
        if name == "declared":  # what the run itself cost is of the run, not of the deployment
            mine, theirs = ({k: v for k, v in one.items() if k != "run"} for one in (mine, theirs))
        assert mine == theirs, name


def _text(page: Path, selector: str) -> str:
    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select_one(selector)
    assert found is not None
    return " ".join(found.get_text(" ").split())
