"""Drawings as inline SVG: read aloud, in the page's colours and font, the same each time, and safe with any label."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.report.components.figures import curves
from helpers.report.components.line_chart import Curve, LevelLine, Plot
from helpers.report.components.svg import COLOURS, fitted, text_width
from tests.drawings import drawing, style_of


def lines(name: str = "c", label: str = "p50", longest: float = 3.0) -> Markup:
    each = Curve("each", [0.0, longest], [1.0, 2.0], "cloud")
    found = [
        Curve(label, [0.0, longest], [1.0, 2.0], "dots"),
        Curve("far", [0.0, longest], [2.0, 3.0], "quiet"),
        each,
    ]
    plot = Plot(found, [LevelLine("alert above", 2.5)], "s", "s", "since the start")
    return curves(name, "It is fast", "seconds", plot, data=Markup("<table></table>"))


def test_drawings_have_a_text_alternative_and_ids_of_their_own() -> None:
    soup = BeautifulSoup(lines() + lines("other"), "html.parser")
    ids = [str(tag["id"]) for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for svg in soup.find_all("svg"):
        assert svg["role"] == "img"
        title, description = (soup.find(id=name) for name in str(svg["aria-labelledby"]).split())
        assert title is not None
        assert title.get_text() == "It is fast"
        assert description is not None
        assert re.match(r"A chart of \d series; its numbers are in the table below it", description.get_text())
        assert all(str(use["href"])[1:] in ids for use in svg.find_all("use"))


def test_drawings_take_colour_and_font_from_the_page() -> None:
    html = lines()
    assert not re.search(r"#[0-9a-f]{6}\b|font-family|DejaVu|<metadata|<\?xml|xmlns|xlink", html)
    assert all(f"var(--{name})" in html for name in ("ink", "muted", "rule", "accent"))
    sheet = resources.files("helpers.report").joinpath("templates", "style.css").read_text()
    assert all(f"--{name}: " in sheet for name in COLOURS)
    for svg in BeautifulSoup(html, "html.parser").find_all("svg"):
        rules = [rule for sheet in svg.find_all("style") for rule in sheet.get_text().split("}")[:-1]]
        assert all(rule.startswith(f"#{svg['id']} .s") for rule in rules)  # they reach no other drawing


def test_the_same_result_gives_the_same_bytes() -> None:
    assert lines() == lines()


@pytest.mark.parametrize("longest", [0.99, 400.0, 12345.0, 20000.0])
def test_what_spells_a_tick_at_the_end_of_a_scale_stays_in_the_drawing(longest: float) -> None:
    svg = drawing(lines(longest=longest), "narrow")
    width = float(str(svg["viewbox"]).split()[2])
    for text in svg.find_all("text"):
        x, own = float(str(text["x"])), text_width(text.get_text(), 12.5)
        anchor = re.search(r"text-anchor: (middle|end)", style_of(svg, text))
        start = x - own * {"middle": 0.5, "end": 1.0}[anchor[1]] if anchor else x
        assert start >= -1, text
        assert start + own <= width + 1, text


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("label", ["<b>&", "a $x^2$ and $5", "漢字 🦊", "“quotes”"])
def test_any_label_is_drawn_as_text(label: str) -> None:
    svg = drawing(lines(label=label))
    assert label in [text.get_text() for text in svg.find_all("text")]
    assert not svg.find("b")


def test_a_cut_label_fits() -> None:
    assert fitted("short", 14, 200) == "short"
    assert fitted("support-retail-006", 14, 80) == "support-r…"
    assert text_width("support-r…", 14) <= 80 < text_width("support-re…", 14)
    assert fitted("anything", 14, 1) == "…"
