"""Tiles: where a figure, its interval and its target lie on a track."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from helpers.report.components.page import headline
from helpers.report.components.tracks import scale_for, tiles
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Judged

sizes = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(st.lists(sizes, min_size=1, max_size=4))
def test_a_scale_holds_its_values_and_zero(values: list[float]) -> None:
    scale = scale_for(values, is_rate=False)
    assert scale.low <= min(*values, 0) or scale.low == pytest.approx(min(*values, 0))
    assert scale.high >= max(values) or scale.high == pytest.approx(max(values))
    assert scale.low < scale.high
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_a_scale_of_rates_stays_within_its_bounds(values: list[float]) -> None:
    scale = scale_for(values, is_rate=True)
    assert 0 <= scale.low <= min(values) <= max(values) <= scale.high + 1e-9 <= 1 + 2e-9


def judged(**changed: object) -> Judged:
    estimate = Estimate(value=4.0, low=2.0, high=5.0, n=10, method="t", unit="dialogue")
    row = {
        "name": "average_latency", "label": "Average latency", "unit": "s", "direction": "max", "threshold": 3.0,
        "estimate": estimate, "verdict": "undecided", "reason": "", "source": "", "page": "03",
        "address": "results/03.json#/x", "look": 2,
    }  # fmt: skip
    return Judged.model_validate({**row, **changed})


def drawn(row: Judged) -> BeautifulSoup:
    return BeautifulSoup(tiles(Cited([row], "results/judged.json"), {row.name: "03.html"}), "html.parser")


def test_a_tile_draws_what_its_figures_say() -> None:
    tile = drawn(judged())
    place = {name: tile.select_one(f"i.{name}")["style"] for name in ("ok", "ci", "goal", "dot")}  # type: ignore[index]
    assert place == {"ok": "left:0%;right:40%", "ci": "left:40%;right:0%", "goal": "left:60%", "dot": "left:80%"}
    assert [part.get_text() for part in tile.select(".axis > *")] == ["0 s", "≤ 3.00 s", "5.00 s"]
    assert "look 2 of 5" in tile.get_text()
    assert tile.select_one(".v a")["href"] == "03.html"  # type: ignore[index]


def test_what_is_wanted_near_an_end_takes_its_place() -> None:
    tile = drawn(judged(threshold=4.9))
    assert [part.get_text() for part in tile.select(".axis > *")] == ["0 s", "≤ 4.90 s"]


def test_nothing_is_drawn_of_what_was_not_measured() -> None:
    tile = drawn(
        judged(
            estimate=Estimate(value=None, low=None, high=None, n=0, method="none", unit="dialogue"),
            verdict="not measured",
            look=None,
        )
    )
    assert tile.select(".track, .axis") == []
    assert "not measured" in tile.get_text()


def test_a_headline_keeps_its_marks() -> None:
    body = Markup(
        "<p class='answer'>It takes <data value='1.5'>1.5 s</data> (1.2 to 2): <b>met</b>. More <i>here</i>.</p>"
    )
    found = headline(body)
    assert re.sub(r"<[^>]*>", "", found) == "It takes 1.5 s (1.2 to 2): met."
    assert found.endswith("<b>met</b>.")
    assert headline(Markup("<ul><li>It is up.</li><li><b>missed</b> Not so. Why.</li></ul>")) == (
        "It is up.<br><b>missed</b> Not so. Why."
    ), "no item of a list hides behind the first"
    assert headline(Markup("<p>No end</p>")) == "No end"
