"""The drawing of page 05: what it shows, what its heading says, and that every figure has its address."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from helpers.params.files import load_params
from helpers.report.components.row_chart import FEW
from helpers.report.views import load_capacity, load_curve
from helpers.report.views.load_capacity import sweep
from helpers.runs.results.cited import Cited
from helpers.runs.results.load_capacity import Assumed, LoadCapacity, LoadPoint, LoadVerdict, Predicted, ServerFigures
from helpers.runs.results.quantization import Quantization
from helpers.runs.results.store import Results
from helpers.stats.intervals import Estimate
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.verdicts.test_recommendation import REFERENCE, RIVAL, quality, variant
from tests.unit.verdicts.test_recommendation import estimate as measured


def estimate(value: float | None) -> Estimate:
    ends = (None, None) if value is None else (value * 0.8, value * 1.2)
    return Estimate(value=value, low=ends[0], high=ends[1], n=3, unit="repeat", method="independent-repeats")


#: What has no replicas has neither configured traffic nor a capacity to draw.
PROVIDER: Any = SimpleNamespace(params=SimpleNamespace(provider=True))
STATES: dict[bool | None, LoadVerdict] = {True: "saturated", False: "keeps up", None: "too few requests"}


def result(saturated: tuple[bool | None, ...], p95: float | None = None) -> LoadCapacity:
    points = [
        LoadPoint(
            rate=rate, utilisation=rate, requests=60, errors={}, saturated=state, verdict=STATES[state],
            throughput=estimate(rate),
            goodput=rate, response=estimate(1 / (1.1 - rate)), p95=estimate(p95), dispatch_p99=None, predicted=None,
            predicted_here=2.0,
        )
        for rate, state in zip((0.25, 0.5, 1.0), saturated, strict=True)
    ]  # fmt: skip
    curve = [
        Predicted(rate=r / 40, utilisation=r / 40, response=40 / (40 - r), p95=90 / (40 - r)) for r in range(1, 39)
    ]
    told = Assumed(target_p95=4.0, cold_start=None, repeat_rate=0.1, max_replicas=3, idle_minutes=60, spot_hours=6)
    return LoadCapacity(page="05", points=tuple(points), curve=tuple(curve), assumed=told)


@pytest.mark.parametrize(
    ("saturated", "finding"),
    [
        ((False, False, True), "It does not keep up with 3,600 requests an hour"),
        ((False, False, False), "It keeps up with every rate that was sent"),
        ((None, False, None), "Too few requests to tell whether it keeps up"),
    ],
)
def test_the_heading_says_whether_it_keeps_up(saturated: tuple[bool | None, ...], finding: str) -> None:
    found = result(saturated, p95=3.0)
    html = sweep(PROVIDER, Cited(found, "results/05.json"))
    soup = BeautifulSoup(html, "html.parser")
    assert soup.select_one(".finding").get_text() == finding  # type: ignore[union-attr]
    names = {text.get_text() for text in soup.select("svg.wide text")}
    assert {"mean, measured", "p95, measured", "mean, predicted", "target of p95 4.00 s"} <= names
    assert ("saturated" in names) == (True in saturated)
    assert (loose_digits(html), wrong_citations(html, {"results/05.json": json.loads(found.model_dump_json())})) == (
        [],
        [],
    )


def test_what_the_server_said_of_itself_stands_beside_the_rates_or_why_it_is_not_known() -> None:
    said = ServerFigures(
        looks=7, running=1.5, most_running=2, queue=0.25, most_queue=3, cache_use=0.4, output_rate=81.0
    )
    found = result((False,) * 3)
    found = found.model_copy(
        update={"points": (found.points[0].model_copy(update={"server": said}), *found.points[1:])}
    )
    html = sweep(PROVIDER, Cited(found, "results/05.json"))
    table = BeautifulSoup(html, "html.parser").select_one("#server-figures")
    assert table
    assert len(table.select("tbody tr")) == 1
    assert "Cache in use" in table.get_text()
    assert "GPU in use" not in table.get_text()
    tree = {"results/05.json": json.loads(found.model_dump_json())}
    assert (loose_digits(html), wrong_citations(html, tree)) == ([], [])
    without = result((False,) * 3).model_copy(update={"no_server_figures": "its /metrics answers HTTP 404"})
    html = sweep(PROVIDER, Cited(without, "results/05.json"))
    assert "is not known" in html
    assert loose_digits(html) == []


def test_a_percentile_that_no_run_supports_is_not_drawn() -> None:
    soup = BeautifulSoup(sweep(PROVIDER, Cited(result((False,) * 3), "results/05.json")), "html.parser")
    names = {text.get_text() for text in soup.select("svg.narrow text")}
    assert "mean, measured" in names
    assert "p95, measured" not in names


def test_few_repeats_are_dots_without_an_interval() -> None:
    found = [estimate(1.0), estimate(2.0).model_copy(update={"n": FEW})]
    assert load_curve._measured("mean", [900.0, 1800.0], found, "dots").reach == [(None, None), (1.6, 2.4)]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1.0, "page 04: ctranslate2 int8, 2.00 × as fast as the reference"),
        (None, "page 04: none is shown to save anything, transformers float32 stays"),
    ],
)
def test_the_row_of_quantization_is_what_page_04_recommends(seconds: float | None, told: str) -> None:
    rival = variant(RIVAL, seconds, **quality(True), speedup=measured(2.0))
    compared = Quantization(page="04", variants=(variant(REFERENCE, 4.0), rival))
    params = load_params("demo", ["targets.average_latency.max=3"])
    run: Any = SimpleNamespace(results=lambda upto="99": Results(quantization=compared), params=params)
    html = load_capacity._quantization(run)
    assert told == BeautifulSoup(html, "html.parser").get_text()
    assert wrong_citations(html, {"results/04.json": compared.model_dump(mode="json")}) == []
