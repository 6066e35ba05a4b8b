"""The page on history: this model's targets over published reports, other models and data apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup

from helpers.params.files import load_params
from helpers.report.components.page import Frame, Link
from helpers.report.views.history import page
from helpers.runs.manifest import Manifest
from helpers.runs.results.store import Results
from helpers.verdicts import history as module
from helpers.verdicts.history import MOST, MOST_OF_ONE, History, history
from helpers.verdicts.looks import Look, Question, UnreadLine
from helpers.verdicts.targets import Case
from tests.page_checks import loose_digits, remote_references, repeated_ids, wrong_citations

START = datetime(2026, 11, 1, tzinfo=UTC)
OWN = [
    Question(target="average_latency", direction="max", threshold=3.0, system="timed", dialogues="bundled"),
    Question(target="rouge_l", direction="margin", threshold=-0.01, system="texts", dialogues="bundled"),
]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this run asks, without the results that it would take."""
    monkeypatch.setattr(module, "questions_of", lambda case: OWN)


@pytest.fixture
def case() -> Case:
    manifest = Manifest(run="now-demo", command="c", started_at=START, model="m", processor="p")
    return Case(Results(), load_params("demo"), manifest)


def look(question: Question, run: int, number: int = 1, **changes: Any) -> Look:
    found = {"n": 10, "value": 2.5, "low": 2.0, "high": 3.1, "level": 0.98, "verdict": "undecided"}
    told = {"run": f"{run}-demo", "at": START + timedelta(days=run), "look": number, "system_name": "m, own engine"}
    return Look.model_validate(question.model_dump() | told | found | changes)


def shown(found: History) -> BeautifulSoup:
    frame = Frame(nav=[Link("index.html", "Overview"), Link("history.html", "History")], current="history.html")
    html = page(frame, found)
    tree = {"results/history.json": found.model_dump(mode="json")}
    assert (loose_digits(html), wrong_citations(html, tree), remote_references(html)) == ([], [], [])
    assert repeated_ids(html) == []
    assert len(html.encode()) < 200_000
    return BeautifulSoup(html, "html.parser")


def test_each_target_has_its_looks_on_one_scale_and_others_are_apart(case: Case) -> None:
    latency, rouge = OWN
    other = latency.model_copy(update={"system": "quantized"})
    elsewhere = rouge.model_copy(update={"dialogues": "hub:a/b@main/test"})
    looks = [
        look(latency, 1, value=10.0, low=5.0, high=19.0, verdict="missed"),
        look(other, 2, value=0.5, low=0.4, high=0.6, verdict="met", system_name="m, int8 <b>"),
        look(elsewhere, 3, value=0.0, low=-0.2, high=0.2),
        look(latency, 4, 2, n=40, value=2.0, low=1.5, high=2.6, verdict="met"),
        look(rouge, 4, value=0.01, low=-0.005, high=0.03, verdict="met"),
    ]
    found = history(looks, case)
    assert [(one.target, one.own, len(one.looks)) for one in found.series] == [
        ("average_latency", True, 2),
        ("rouge_l", True, 1),
        ("rouge_l", False, 1),
        ("average_latency", False, 1),
    ]
    assert (found.runs, found.own_runs) == (4, 2)
    html = shown(found)
    own, others = html.select("figure"), html.select("details")
    assert [" ".join(figure.select_one(".finding").get_text(" ").split()) for figure in own] == [  # type: ignore[union-attr]
        "Now ✓ met , before ✗ missed",
        "✓ met at the only look so far",
    ]
    assert [row.select("td")[3].get_text() for row in own[0].select("tbody tr")] == ["1", "2"]
    assert [row.select("td")[-1].get_text() for row in own[0].select("tbody tr")] == ["✗missed", "✓met"]
    assert len(own[0].select(".track .ci")) == len(own[0].select(".track .goal")) == 2
    assert "m, int8 <b>" in others[1].get_text()
    assert "hub:a/b@main/test" in others[0].get_text()
    assert "2 published reports" in html.get_text()


@pytest.mark.parametrize(("runs", "sentence"), [(0, "No published report has looked"), (1, "One published report has")])
def test_with_one_run_or_none_one_sentence_says_so(case: Case, runs: int, sentence: str) -> None:
    looks = [look(OWN[0], n) for n in range(runs)]
    html = shown(history([*looks, look(OWN[0].model_copy(update={"system": "other"}), 7)], case))
    assert sentence in html.select_one(".answer").get_text()  # type: ignore[union-attr]


def test_what_could_not_be_read_is_told(case: Case) -> None:
    html = shown(history([look(OWN[0], 1)], case, (UnreadLine(line=3, why="not JSON at line 1 <script>"),)))
    assert "line 3: not JSON at line 1 <script>" in html.get_text()


def test_a_long_ledger_makes_no_long_page(case: Case) -> None:
    own = [look(OWN[0], n, value=n / 7) for n in range(300)]
    others = [look(OWN[1].model_copy(update={"system": f"s{n}"}), 300 + n) for n in range(300)]
    found = history([*own, *others], case)
    assert (len(found.series[0].looks), found.series[0].earlier) == (MOST_OF_ONE, 300 - MOST_OF_ONE)
    assert sum(len(one.looks) for one in found.series) == MOST
    assert sum(len(one.looks) + one.earlier for one in found.series) + found.left_out == 600
    assert "older looks are in history.jsonl" in shown(found).get_text()


def test_another_threshold_is_told_beside_its_look(case: Case) -> None:
    strict = OWN[0].model_copy(update={"threshold": 2.0})
    html = shown(history([look(strict, 1), look(OWN[0], 2)], case))
    first, last = (row.select("td")[-1].get_text() for row in html.select("figure tbody tr"))
    assert ("against ≤ 2.00 s" in first, "against" in last) == (True, False)
