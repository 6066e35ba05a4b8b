"""Drawings in rows: where marks stand, how far a scale reaches, and when dots become bars."""

from __future__ import annotations

import random
import re

import pytest
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from helpers.report.components.figures import TargetLine, curves, distribution, points
from helpers.report.components.glyphs import interval_glyph
from helpers.report.components.line_chart import Curve, Plot
from helpers.report.components.row_chart import MOST_DOTS, Panel, Row
from helpers.report.components.svg import text_width
from helpers.runs.results.cited import Cited
from tests.drawings import drawing, place, style_of
from tests.unit.report.components.test_figures import chart, cited, estimate, group, words


def across(svg: Tag, word: str) -> float:
    return place(svg, word)[0]


def dots(svg: Tag) -> list[float]:
    return [float(str(use["x"])) for use in svg.find_all("use") if "var(--paper)" in style_of(svg, use)]


def lines(svg: Tag) -> list[list[float]]:
    """Return x and y of both ends of every straight line."""
    paths = [str(path["d"]) for path in svg.find_all("path") if path.parent is svg]
    return [
        list(map(float, re.findall(r"[-\d.]+", path))) for path in paths if re.fullmatch(r"M \S+ \S+ L \S+ \S+", path)
    ]


def test_marks_stand_where_their_values_are() -> None:
    svg = drawing(chart(target=TargetLine(Cited(2.0, "t.json#/max"), "at most")))
    zero, second = across(svg, "0 s"), (across(svg, "2 s") - across(svg, "0 s")) / 2
    assert [(x - zero) / second for x in dots(svg)] == pytest.approx([1.0, 3.0], abs=0.01)
    spans = [((a - zero) / second, (b - zero) / second) for a, y, b, other in lines(svg) if y == other]
    assert spans == [pytest.approx((0.5, 1.5), abs=0.01), pytest.approx((2.5, 3.5), abs=0.01)]
    upright = [(x - zero) / second for x, y, other, foot in lines(svg) if x == other and y != foot]
    assert upright[-1] == pytest.approx(2.0, abs=0.01)
    assert words(svg)[-1] == "at most 2.00 s"


@pytest.mark.parametrize("longest", [0.99, 400.0, 12345.0, 20000.0])
def test_what_spells_a_tick_at_the_end_of_a_scale_stays_in_the_drawing(longest: float) -> None:
    plot = Plot([Curve("", [0.0, longest], [0.0, 1.0], "solid")], (), "rate", "s", "")
    rows = drawing(points("times", "It is fast", "", cited(first=estimate(longest, 0.0)), unit="s"), "narrow")
    plane = drawing(curves("times", "It is fast", "", plot, data=Markup()), "narrow")
    width = float(str(rows["viewbox"]).split()[2])
    for svg, text in [(found, text) for found in (rows, plane) for text in found.find_all("text")]:
        x, own = float(str(text["x"])), text_width(text.get_text(), 12.5)
        anchor = re.search(r"text-anchor: (middle|end)", style_of(svg, text))
        start = x - own * {"middle": 0.5, "end": 1.0}[anchor[1]] if anchor else x
        assert start >= -1, text
        assert start + own <= width + 1, text


@pytest.mark.parametrize(
    ("values", "target", "span"),
    [
        ([1.0, 3.0], None, (0.0, 3.12)),
        ([1.0, 3.0], 5.0, (0.0, 5.2)),
        ([0.90, 1.0], None, (0.894, 1.006)),
        ([-0.02, 0.01], None, (-0.0218, 0.0118)),
        ([0.0], None, (0.0, 1.0)),
        ([2.0], None, (1.8, 2.2)),
        ([], None, (0.0, 1.04)),
    ],
)
def test_zero_is_on_the_scale_where_it_is_cheap(
    values: list[float], target: float | None, span: tuple[float, float]
) -> None:
    row = Row("a", "b", values, interval_glyph(None, None, None))
    assert Panel([row], "s", target).span() == pytest.approx(span)


def test_one_far_interval_leaves_the_scale_to_the_others() -> None:
    rows = cited(a=estimate(0.4, 0.1), b=estimate(0.5, 0.1), c=estimate(0.6, 5.0))
    svg = drawing(points("p", "f", "s", rows, unit="score"))
    zero, unit = across(svg, "0"), (across(svg, "1") - across(svg, "0"))
    spans = [((a - zero) / unit, (b - zero) / unit) for a, y, b, other in lines(svg) if y == other]
    # The widest may add three times the median width on either side, and a margin of 6 %.
    assert spans == [
        pytest.approx((0.3, 0.5), abs=0.01),
        pytest.approx((0.4, 0.6), abs=0.01),
        pytest.approx((-0.2 - 0.06 * 1.4, 1.2 + 0.06 * 1.4), abs=0.01),
    ]


def test_few_observations_are_dots_and_many_are_bars_from_zero() -> None:
    dice = random.Random(1)
    few = [group("a", [dice.uniform(1, 2) for _ in range(MOST_DOTS)], median=1.5)]
    many = [group("a", [dice.uniform(1, 2) for _ in range(MOST_DOTS + 1)], median=1.5)]
    svg = drawing(distribution("d", "f", "s", few, unit="s"))
    assert len(svg.find_all("use")) == MOST_DOTS
    html = distribution("d", "f", "s", many, unit="s")
    assert not drawing(html).find_all("use")
    assert "0 s" in words(drawing(html))
    assert len(BeautifulSoup(html, "html.parser").select("td data")) == 1
    assert {"median", "1.50 s"} <= set(words(svg)) & set(words(drawing(html)))


def test_bars_are_shares_of_their_own_group() -> None:
    def heights(html: Markup) -> list[float]:
        svg = drawing(html)
        bars = next(str(path["d"]) for path in svg.find_all("path") if "opacity" in style_of(svg, path))
        ys = [float(y) for y in re.findall(r"[-\d.]+ ([-\d.]+)", bars)]
        return [round(max(ys) - y, 1) for y in ys]

    spread = [0.1 + 2 * (place % 2) for place in range(100)]
    alone = heights(distribution("d", "f", "s", [group("a", spread)], unit="s"))
    crowd = heights(distribution("d", "f", "s", [group("a", spread), group("b", spread * 5)], unit="s"))
    assert alone == crowd
    assert max(alone) == pytest.approx(0.8 * 52, abs=0.1)
