"""Tiles: where a figure, its interval and its target lie on a track."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.report.components.page import headline
from helpers.report.components.tiles import MOST_TILES, estimate_tile, judged_tile, key_figures, number_tile, tiles
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Judged


def judged(**changed: object) -> Judged:
    estimate = Estimate(value=4.0, low=2.0, high=5.0, n=10, method="t", unit="dialogue")
    row = {
        "name": "average_latency", "label": "Average latency", "unit": "s", "direction": "max", "threshold": 3.0,
        "estimate": estimate, "verdict": "undecided", "reason": "", "source": "", "page": "03",
        "address": "results/03.json#/x", "look": 2,
    }  # fmt: skip
    return Judged.model_validate({**row, **changed})


def drawn(row: Judged) -> BeautifulSoup:
    return BeautifulSoup(tiles([judged_tile(Cited(row, "results/judged.json"), "03.html")]), "html.parser")


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


def test_an_answer_has_at_most_four_figures_and_none_that_was_not_measured() -> None:
    found = Cited(
        {"mean": Estimate(value=0.3, low=0.2, high=0.4, n=10, method="t"), "none": None, "load": 2.5}, "r.json"
    )
    known = [estimate_tile("ROUGE-L", found["mean"], "score"), number_tile("Load", found["load"], "s", "in all")]
    absent = [estimate_tile("p95", found["none"], "s"), number_tile("p99", found["none"], "s")]
    soup = BeautifulSoup(key_figures(*known, *absent), "html.parser")
    assert [tile.select_one(".head").get_text() for tile in soup.select(".tile")] == ["ROUGE-L 10 dialogues", "Load"]  # type: ignore[union-attr]
    assert [data["data-from"] for data in soup.select(".v data")] == [
        "r.json#/mean/value",
        "r.json#/mean/low",
        "r.json#/mean/high",
        "r.json#/load",
    ]
    assert soup.select(".goal, .ok, .chip") == [], "nothing is judged without a target"
    assert key_figures(*absent) == ""
    with pytest.raises(ValueError, match=f"at most {MOST_TILES}"):
        key_figures(*known * 3)


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
