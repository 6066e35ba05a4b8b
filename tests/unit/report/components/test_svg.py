"""Drawings as inline SVG: read aloud, in the page's colours and font, the same each time, and safe with any label."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from bs4 import BeautifulSoup

from helpers.report.components.figures import TargetLine, distribution, points
from helpers.report.components.svg import COLOURS, fitted, text_width
from helpers.runs.results.cited import Cited
from tests.drawings import drawing
from tests.unit.report.components.test_figures import chart, estimate, group, words


def test_drawings_have_a_text_alternative_and_ids_of_their_own() -> None:
    soup = BeautifulSoup(chart() + distribution("other", "f", "s", [group("a", [1.0])], unit="s"), "html.parser")
    ids = [str(tag["id"]) for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for svg in soup.find_all("svg"):
        assert svg["role"] == "img"
        title, description = (soup.find(id=name) for name in str(svg["aria-labelledby"]).split())
        assert title is not None
        assert title.get_text() in ("It is fast", "f")
        assert description is not None
        assert re.match(r"A chart of \d rows?; its numbers are in the table below it", description.get_text())
        assert all(str(use["href"])[1:] in ids for use in svg.find_all("use"))


def test_drawings_take_colour_and_font_from_the_page() -> None:
    html = chart(target=TargetLine(Cited(2.0, "t.json#/max"))) + distribution(
        "d", "f", "s", [group("a", [float(i) for i in range(99)], median=3.0)], unit="s"
    )
    assert not re.search(r"#[0-9a-f]{6}\b|font-family|DejaVu|<metadata|<\?xml|xmlns|xlink", html)
    assert all(f"var(--{name})" in html for name in ("ink", "muted", "rule", "accent", "paper"))
    sheet = resources.files("helpers.report").joinpath("templates", "style.css").read_text()
    assert all(f"--{name}: " in sheet for name in COLOURS)
    for svg in BeautifulSoup(html, "html.parser").find_all("svg"):
        rules = [rule for sheet in svg.find_all("style") for rule in sheet.get_text().split("}")[:-1]]
        assert all(rule.startswith(f"#{svg['id']} .s") for rule in rules)  # they reach no other drawing


def test_the_same_result_gives_the_same_bytes() -> None:
    assert chart() == chart()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("label", ["<b>&", "a $x^2$ and $5", "a\x00\x0b\nb", "漢字 🦊", "“quotes”", "x" * 5000])
def test_any_label_is_drawn_as_text(label: str) -> None:
    html = points("p", label, label, [(label, Cited(estimate(1.0), "r.json#/x"))], unit="s")
    svg = drawing(html)
    shown = words(svg)[-2]
    assert shown.endswith("…") or shown == "".join(c if c.isprintable() else " " for c in label)
    assert not svg.find("b")
    assert text_width(shown, 14) < 0.4 * 720


def test_a_cut_label_fits() -> None:
    assert fitted("short", 14, 200) == "short"
    assert fitted("support-retail-006", 14, 80) == "support-r…"
    assert text_width("support-r…", 14) <= 80 < text_width("support-re…", 14)
    assert fitted("anything", 14, 1) == "…"
