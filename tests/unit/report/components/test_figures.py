"""Figures: the numbers of a drawing as a table with their addresses, and what is missing or cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.report.components.figures import Chart, Observations, distribution, points, small_multiples
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate


def estimate(value: float | None, half: float | None = 0.5, **more: Any) -> Estimate:
    known = value is not None and half is not None
    ends = (value - half, value + half) if known else (None, None)  # type: ignore[operator]
    return Estimate(**{"value": value, "low": ends[0], "high": ends[1], "n": 10, "method": "t"} | more)


def cited(**found: Any) -> list[tuple[str, Cited]]:
    return list(Cited(found, "r.json").items())


def group(label: str, values: list[float | None], **summary: Any) -> Observations:
    whole = Cited({"values": values, **summary}, f"{label}.json")
    return Observations(label, whole["values"], {name: whole[name] for name in summary})


def chart(**more: Any) -> Markup:
    rows = cited(first=estimate(1.0), second=estimate(3.0))
    return points("times", "It is fast", "seconds, n of ten", rows, unit="s", **more)


def test_what_is_missing_is_said() -> None:
    rows = cited(
        good=estimate(1.0), none=estimate(None), few=estimate(None, needs=36, largest=3.1), bare=2.5, gone=None
    )
    html = points("p", "f", "s", rows, unit="s")
    shown = [value.get_text() for value in BeautifulSoup(html, "html.parser").select(".row .val")]
    assert shown == ["1.0 s", "not measured", "largest dialogue mean 3.10 sneeds n ≥ 36", "2.50 s", "not measured"]
    cells = [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in BeautifulSoup(html, "html.parser").select("tbody tr")
    ]
    assert cells == [
        ["good", "1.0", "0.50 to 1.5", "10 dialogues"],
        ["none", "not measured", "–", "10 dialogues"],
        ["few", "largest dialogue mean 3.10needs n ≥ 36", "–", "10 dialogues"],
        ["bare", "2.50", "–", "–"],
    ]
    assert "Not measured: gone." in BeautifulSoup(html, "html.parser").get_text()


@pytest.mark.parametrize(
    "html",
    [
        points("p", "f", "s", cited(one=estimate(None)), unit="s"),
        points("p", "f", "s", [], unit="s"),
        small_multiples("p", "f", "s", []),
        distribution("p", "f", "s", [], unit="s"),
        distribution("p", "f", "s", [group("a", [None])], unit="s"),
    ],
)
def test_nothing_measured_draws_nothing(html: Markup) -> None:
    assert 'class="rows"' not in html
    assert '<p class="none">not measured</p>' in html


def test_every_figure_of_the_table_has_its_address() -> None:
    found = BeautifulSoup(chart(), "html.parser").select("table data")
    assert [(data["data-from"], data["value"]) for data in found[:4]] == [
        ("r.json#/first/value", "1.0"),
        ("r.json#/first/low", "0.5"),
        ("r.json#/first/high", "1.5"),
        ("r.json#/first/n", "10"),
    ]


def test_a_missing_observation_is_no_dot() -> None:
    html = distribution("d", "f", "s", [group("a", [1.0, None, 2.0], mean=estimate(1.5))], unit="s")
    assert len(BeautifulSoup(html, "html.parser").select(".obs")) == 2
    cells = [cell.get_text() for cell in BeautifulSoup(html, "html.parser").select("tbody td")]
    assert cells == ["1.51.0 to 2.0", "1.00, not measured, 2.00"]


def test_small_multiples_share_their_rows() -> None:
    charts = [Chart(name, cited(short=estimate(0.4, 0.1), long=estimate(0.3, 0.1)), "score") for name in ("R1", "R2")]
    html = small_multiples("m", "f", "s", charts, by="Length")
    titles = [title.get_text() for title in BeautifulSoup(html, "html.parser").select(".panel-title")]
    assert titles == ["R1", "R2"]
    heads = [head.get_text() for head in BeautifulSoup(html, "html.parser").select("thead th")]
    assert heads == ["Length", "R1", "R2"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([["a"], ["b"]], "m: the charts have different rows; give each the same labels in the same order"),
        ([["a"]] * 6, "m: 6 charts do not fit side by side; give at most 5"),
    ],
)
def test_small_multiples_refuse_what_cannot_be_read(rows: list[list[str]], problem: str) -> None:
    charts = [Chart("t", [(label, Cited(1.0, "r.json")) for label in labels]) for labels in rows]
    with pytest.raises(ValueError, match=problem):
        small_multiples("m", "f", "s", charts)
