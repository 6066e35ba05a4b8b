"""Charts in rows: where marks stand, what n supports, shared scales, and when dots become bars."""

from __future__ import annotations

import random
import re

import pytest
from bs4 import BeautifulSoup, Tag

from helpers.report.components.figures import Chart, TargetLine, distribution, points, small_multiples, states
from helpers.report.components.row_chart import MOST_DOTS, Segment
from helpers.runs.results.cited import Cited
from tests.page_checks import loose_digits
from tests.unit.report.components.test_figures import chart, cited, estimate, group


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def places(tag: Tag, mark: str) -> list[float]:
    """Return where the marks of a kind begin, percent."""
    return [float(re.findall(r"left:([-\d.]+)%", str(one["style"]))[0]) for one in tag.select(f".track .{mark}")]


def test_marks_stand_where_their_values_are() -> None:
    found = soup(chart(target=TargetLine(Cited(2.0, "t.json#/max"), "at most")))
    # The scale goes from 0 to 3.5, and 4 % beyond.
    assert places(found, "dot") == pytest.approx([100 / 3.64, 300 / 3.64], abs=0.06)
    assert places(found, "ci") == pytest.approx([50 / 3.64, 250 / 3.64], abs=0.06)
    assert places(found, "goal") == pytest.approx([200 / 3.64] * 2, abs=0.06)
    assert found.select_one(".axis b").get_text() == "at most 2.00 s"  # type: ignore[union-attr]
    assert [tip["data-tip"] for tip in found.select(".row .track")] == ["0.50 to 1.5 s, n 10", "2.5 to 3.5 s, n 10"]
    assert loose_digits(str(found)) == []


def test_few_dialogues_are_a_grey_dot_without_an_interval() -> None:
    rows = cited(
        few=estimate(1.0, None, n=4), bounded=estimate(1.0, None, low=None, high=1.5, n=5), enough=estimate(1.0)
    )
    lines = soup(points("p", "f", "s", rows, unit="s")).select(".row")
    assert [[mark["class"] for mark in line.select("i")] for line in lines] == [
        [["dot", "few"]],
        [["dot"]],
        [["ci"], ["dot"]],
    ]


def test_charts_of_one_unit_share_a_scale() -> None:
    charts = [Chart(name, cited(a=estimate(value, 0.1)), "score") for name, value in (("R1", 0.2), ("R2", 0.8))]
    charts.append(Chart("time", cited(a=estimate(40.0)), "s"))
    found = soup(small_multiples("m", "f", "s", charts))
    assert places(found, "dot")[:2] == pytest.approx([20 / 0.936, 80 / 0.936], abs=0.06)


def test_few_observations_are_dots_and_many_are_bars() -> None:
    dice = random.Random(1)
    few = [group("a", [dice.uniform(1, 2) for _ in range(MOST_DOTS)], median=1.5)]
    many = [group("a", [dice.uniform(1, 2) for _ in range(MOST_DOTS + 1)], median=1.5)]
    dots, bars = (soup(distribution("d", "f", "s", groups, unit="s")) for groups in (few, many))
    assert (len(dots.select(".obs")), len(dots.select(".bar"))) == (MOST_DOTS, 0)
    assert (len(bars.select(".obs")), len(bars.select("td data"))) == (0, 1)
    assert [found.select_one(".val").get_text() for found in (dots, bars)] == ["1.50 s"] * 2  # type: ignore[union-attr]
    assert len(dots.select(".middle")) == len(bars.select(".middle")) == 1


def test_bars_are_shares_of_their_own_group() -> None:
    def heights(*groups: list[float]) -> list[str]:
        made = distribution("d", "f", "s", [group(str(n), values) for n, values in enumerate(groups)], unit="s")
        return re.findall(r"height:(\d+)%", str(soup(made).select_one(".row")))

    spread = [0.1 + 2 * (place % 2) for place in range(100)]
    assert heights(spread) == heights(spread, spread * 5) == ["100", "100"]


def test_states_are_one_lane_in_the_colours_of_the_page() -> None:
    rows = [("Rule", "✗ firing", [Segment(0, 25, "met-soft"), Segment(25, 100, "missed")]), ("Other", "–", [])]
    found = soup(states("t", "f", "s", rows, unit="s", data=chart()))
    lanes = [str(lane["style"]) for lane in found.select(".lane")]
    assert len(lanes) == 1
    assert lanes[0].startswith("background:linear-gradient(90deg,var(--met-soft) 0% 24%,var(--missed) 24% 96.2%")


@pytest.mark.parametrize("label", ["<b>&", "a $x^2$", "漢字 🦊", "x" * 5000])
def test_any_label_is_text(label: str) -> None:
    found = soup(points("p", label, label, [(label, Cited(estimate(1.0), "r.json#/x"))], unit="s"))
    assert found.select_one(".row .name.quoted").get_text() == label  # type: ignore[union-attr]
    assert not found.find("b")
