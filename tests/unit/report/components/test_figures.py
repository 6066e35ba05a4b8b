from __future__ import annotations

import random
import re
from importlib import resources
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from helpers.report.components.figures import (
    Chart,
    Observations,
    TargetLine,
    curves,
    distribution,
    points,
    small_multiples,
)
from helpers.report.components.glyphs import interval_glyph
from helpers.report.components.line_chart import Curve, Plot
from helpers.report.components.row_chart import MOST_DOTS, Panel, Row
from helpers.report.components.svg import COLOURS, fitted, text_width
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import Estimate
from tests.drawings import drawing, place, style_of


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


def words(svg: Tag) -> list[str]:
    return [text.get_text() for text in svg.find_all("text")]


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
    ("ends", "reach"),
    [
        ({"low": None, "high": 2.0, "bound": "upper"}, ("edge", 2.0)),
        ({"low": 0.5, "high": None, "bound": "lower"}, (0.5, "edge")),
    ],
)
def test_a_one_sided_bound_runs_to_the_edge(ends: dict[str, Any], reach: tuple[object, object]) -> None:
    svg = drawing(points("p", "f", "s", cited(one=estimate(1.0, **ends), two=estimate(4.0)), unit="count"))
    zero, unit = across(svg, "0"), (across(svg, "2") - across(svg, "0")) / 2
    line = next(line for line in lines(svg) if line[1] == line[3])
    found = [(end - zero) / unit for end in (line[0], line[2])]
    edge = {0: 0.0, 1: 4.5 * 1.04}
    assert found == pytest.approx([edge[i] if end == "edge" else end for i, end in enumerate(reach)], abs=0.02)


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


def test_what_is_missing_is_said() -> None:
    rows = cited(
        good=estimate(1.0), none=estimate(None), few=estimate(None, needs=36, largest=3.1), bare=2.5, gone=None
    )
    html = points("p", "f", "s", rows, unit="s")
    assert {"1.00 s", "2.50 s", "not measured", "needs n ≥ 36"} <= set(words(drawing(html)))
    cells = [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in BeautifulSoup(html, "html.parser").select("tbody tr")
    ]
    assert cells == [
        ["good", "1.00", "0.50 to 1.50", "10 dialogues"],
        ["none", "not measured", "–", "10 dialogues"],
        ["few", "largest 3.10needs n ≥ 36", "–", "10 dialogues"],
        ["bare", "2.50", "–", "–"],
        ["gone", "not measured", "–", "–"],
    ]


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
    assert "<svg" not in html
    assert '<p class="none">not measured</p>' in html


def test_every_figure_of_the_table_has_its_address() -> None:
    found = BeautifulSoup(chart(), "html.parser").select("data")
    assert [(data["data-from"], data["value"]) for data in found[:4]] == [
        ("r.json#/first/value", "1.0"),
        ("r.json#/first/low", "0.5"),
        ("r.json#/first/high", "1.5"),
        ("r.json#/first/n", "10"),
    ]


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


def test_a_missing_observation_is_no_dot() -> None:
    html = distribution("d", "f", "s", [group("a", [1.0, None, 2.0], mean=estimate(1.5))], unit="s")
    assert len(drawing(html).find_all("use")) == 2
    cells = [cell.get_text() for cell in BeautifulSoup(html, "html.parser").select("tbody td")]
    assert cells == ["1.501.00 to 2.00", "1.00, not measured, 2.00"]


def test_small_multiples_share_their_rows() -> None:
    charts = [Chart(name, cited(short=estimate(0.4, 0.1), long=estimate(0.3, 0.1)), "score") for name in ("R1", "R2")]
    html = small_multiples("m", "f", "s", charts, by="Length")
    assert words(drawing(html)).count("short") == 1
    assert {"R1", "R2"} <= set(words(drawing(html)))
    assert words(drawing(html, "narrow")).count("short") == 2
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
