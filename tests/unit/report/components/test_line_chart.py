"""Drawings on two scales: where things stand, what is left out, and names that do not overlap."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from bs4 import Tag
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from helpers.report.components.figures import curves
from helpers.report.components.line_chart import Band, Curve, LevelLine, Plot, VerticalLine, apart
from tests.drawings import drawing, place, style_of

XS = [0.0, 1.0, 2.0, 3.0]


def drawn(
    *found: Curve,
    levels: tuple[LevelLine, ...] = (),
    bands: tuple[Band, ...] = (),
    verticals: tuple[VerticalLine, ...] = (),
) -> Tag:
    plot = Plot(found, levels, "s", "plain", "requests per second", bands, verticals)
    return drawing(curves("c", "It holds", "seconds", plot, data=Markup("<table></table>")))


def paths(svg: Tag, style: str) -> list[list[tuple[float, float]]]:
    """Return the points of every path of a style; the sample beside a name comes last."""
    found = [str(path["d"]) for path in svg.find_all("path") if style in style_of(svg, path)]
    points = [list(map(float, re.findall(r"[-\d.]+", path))) for path in found]
    return [list(zip(p[::2], p[1::2], strict=True)) for p in points]


def in_data(svg: Tag, point: tuple[float, float]) -> tuple[float, float]:
    """Return a point of the drawing in seconds and in requests per second; ticks are centred on their lines."""
    (left, _), (right, _) = place(svg, "0"), place(svg, "2")
    rules = sorted({p[0][1] for p in paths(svg, "var(--rule)") if p[0][1] == p[1][1]}, reverse=True)
    ticks = sorted(float(t.get_text()[:-2]) for t in svg.find_all("text") if re.fullmatch(r"[\d.]+ s", t.get_text()))
    each = (rules[0] - rules[-1]) / (ticks[-1] - ticks[0])
    return 2 * (point[0] - left) / (right - left), (rules[0] - point[1]) / each


def test_a_line_stands_where_its_values_are_and_breaks_where_there_is_none() -> None:
    svg = drawn(Curve("p50", XS, [1.0, 2.0, None, 4.0], "solid"), Curve("top", XS, [5.0] * 4, "quiet"))
    line, _ = paths(svg, "stroke: var(--accent); stroke-width: 2.2")
    assert [in_data(svg, point) for point in line] == [
        pytest.approx(known, abs=0.03) for known in ((0, 1), (1, 2), (3, 4))
    ]
    path = next(str(p["d"]) for p in svg.find_all("path") if "stroke-width: 2.2" in style_of(svg, p))
    assert re.sub(r"[-\d. ]", "", path) == "MLM"


def test_a_threshold_is_a_labelled_line() -> None:
    svg = drawn(Curve("p50", XS, [1.0] * 4, "solid"), levels=(LevelLine("alert above", 2.5),))
    assert place(svg, "alert above 2.50 s")[1] < place(svg, "p50")[1]
    line, _ = paths(svg, "stroke: var(--ink)")
    assert {round(in_data(svg, point)[1], 2) for point in line} == {2.5}


def test_a_vertical_line_has_its_words_above_the_scale_in_a_row_of_its_own() -> None:
    svg = drawn(
        Curve("p50", XS, [1.0] * 4, "solid"), verticals=(VerticalLine("capacity", 2.9), VerticalLine("configured", 2.8))
    )
    heights = [place(svg, words)[1] for words in ("capacity 2.9", "configured 2.8", "p50")]
    assert heights == sorted(heights)
    assert heights[1] - heights[0] > 15


def test_a_scale_reaches_its_farthest_line() -> None:
    plot = Plot(
        [Curve("p50", XS, [1.0] * 4, "solid")], [], "s", "plain", "time", verticals=[VerticalLine("capacity", 9.0)]
    )
    assert plot.ends()[0] > 9.0


def test_what_leaves_the_scale_ends_at_its_top_and_a_wide_interval_is_cut() -> None:
    far = Curve("for ever", XS, [1.0, 3.0, 90.0, 900.0], "quiet", leaves=True)
    svg = drawn(far, Curve("mean", XS, [1.0, 2.0, 3.0, 4.0], "dots", [(0.5, 1.5), (-40.0, 70.0), (2, 4), (3, 5)]))
    line, _ = paths(svg, "stroke: var(--muted)")
    top = in_data(svg, line[-1])[1]
    assert top == pytest.approx(6.0 * 1.06, abs=0.1)
    assert 1 < in_data(svg, line[-1])[0] < 1.1
    spans = [p for p in paths(svg, "stroke: var(--accent); stroke-width: 2") if len(p) == 2 and p[0][0] == p[1][0]]
    assert [tuple(in_data(svg, end)[1] for end in span) for span in spans] == [
        pytest.approx(known, abs=0.1) for known in ((0.5, 1.5), (0, top), (2, 4), (3, 5))
    ]


def test_what_nothing_is_known_of_is_not_named() -> None:
    svg = drawn(Curve("p50", XS, [1.0] * 4, "solid"), Curve("p99", XS, [None] * 4, "dotted"))
    assert "p99" not in [text.get_text() for text in svg.find_all("text")]
    empty = Plot([Curve("p99", XS, [None] * 4, "dotted")], [LevelLine("alert", 1.0)], "s", "s", "time")
    html = curves("c", "f", "s", empty, data=Markup())
    assert "<svg" not in html
    assert '<p class="none">not measured</p>' in html


def test_hundreds_of_dots_are_one_path() -> None:
    one, many = (drawn(Curve("each", [i / n for i in range(n)], [1.0] * n, "cloud")) for n in (1, 400))
    assert len(many.find_all("path")) == len(one.find_all("path"))
    assert len(str(many)) < 25_000


@given(st.lists(st.floats(0, 200), max_size=10))
def test_names_are_kept_apart_and_within(wanted: list[float]) -> None:
    found = sorted(apart(wanted, 18.0, 0.0, 230.0))
    assert all(b - a > 18 - 1e-6 for a, b in pairwise(found))
    assert all(-1e-6 <= y <= 230 + 1e-6 for y in found)
