"""The plane of points: marks where the values are, the region that is wanted, and no name on another."""

from __future__ import annotations

import re
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from helpers.params.files import load_params
from helpers.report.components.scatter import Axis, Coordinate, NamedPoint, plane
from helpers.report.views import quantization, variant_speed
from helpers.runs.results.cited import Cited
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.runs.results.store import Results
from helpers.stats.comparison import Paired
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.verdicts.test_recommendation import REFERENCE, RIVAL, equal, estimate, variant

X, Y = Axis("speed-up", "ratio", 1.0, 1.0), Axis("ROUGE-L change", "difference", 0.0, -0.01, "allowed")


def spot(label: str, x: float, y: float, half: float = 0.004, **more: Any) -> NamedPoint:
    return NamedPoint(label, Coordinate(x, x - 0.2, x + 0.2), Coordinate(y, y - half, y + half), **more)


def made(*spots: NamedPoint) -> BeautifulSoup:
    return BeautifulSoup(plane("p", "f", "s", spots, X, Y, data=Markup("<table></table>")), "html.parser")


def at(mark: Tag) -> tuple[float, float]:
    left, bottom = re.findall(r"(?:left|bottom):(?:calc\()?([-\d.]+)%", str(mark["style"]))
    return float(left), float(bottom)


def test_points_and_the_region_stand_where_their_values_are() -> None:
    found = made(
        NamedPoint("ref", Coordinate(1.0), Coordinate(0.0), is_reference=True), spot("b", 3.0, 0.02, group="x")
    )
    reference, other = (at(mark) for mark in found.select(".pt"))
    corner = at(found.select_one(".area > .ok"))  # type: ignore[arg-type]
    assert reference[0] == corner[0], "as fast as the reference is where the region begins"
    assert (other[1] - reference[1]) / (reference[1] - corner[1]) == pytest.approx(2.0, abs=0.05)
    assert other[0] > reference[0]
    assert found.select(".pt")[0]["class"] == ["pt", "reference"]
    assert found.select_one(".allowed-name").get_text() == "allowed −0.010"  # type: ignore[union-attr]


def test_an_outlier_is_pinned_with_its_value_and_does_not_set_the_scale() -> None:
    near = [spot("a", 1.5, 0.002), spot("b", 2.0, -0.004)]
    alone, crowd = made(*near), made(*near, spot("far", 1.2, -0.3))
    assert [at(mark) for mark in crowd.select(".pt")[:2]] == [at(mark) for mark in alone.select(".pt")]
    pinned = crowd.select(".pt")[-1]
    assert pinned["class"] == ["pt", "pinned"]
    assert at(pinned)[1] == 0
    assert crowd.select(".lab")[-1].get_text() == "far −0.300"


def test_a_point_tells_its_figures_to_whoever_points_at_it_or_reads_aloud() -> None:
    mark = made(spot("<b>&", 2.0, 0.0)).select_one(".pt")
    assert mark is not None
    assert mark["data-tip"] == mark["aria-label"] == "<b>&: 2.00 × (1.80 × to 2.20 ×) · +0.000 (−0.004 to +0.004)"
    assert mark["tabindex"] == "0"
    assert not made(spot("<b>&", 2.0, 0.0)).select(".lab b")
    assert "not measured" in made().get_text()


def test_no_name_stands_on_another() -> None:
    spots = [spot(f"engine type{i}", 2.0 + 0.1 * i, 0.001 * (i % 2)) for i in range(5)]
    names = made(*spots).select(".lab")
    boxes = []
    for name in names:
        left, bottom = at(name)
        lift = float(re.findall(r"% \+ ([-\d.]+)px", str(name["style"]))[0])
        wide = 6.3 * len(name.get_text()) * (1 if "right" in name["class"] else -1)
        ends = sorted((2.3 * left, 2.3 * left + wide))
        boxes.append((*ends, 2.4 * bottom + lift - 7, 2.4 * bottom + lift + 7))
        leader = name.find_next_sibling()
        far = leader is not None and "leader" in (leader.get("class") or [])
        assert far == (abs(lift) > 15), "a name that is not beside its point is joined to it"
        if far:
            side, way = name["class"][-1], "up" if lift > 0 else "down"
            assert leader["class"] == ["leader", side, way]
            assert f"height:{abs(lift):g}px" in leader["style"]
    for a, b in combinations(boxes, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2], (a, b)


def run_of(result: Quantization) -> Any:
    """Return a run that has this page, and no other."""
    return SimpleNamespace(params=load_params("demo"), results=lambda upto="99": Results(quantization=result))


def test_page_04_shows_what_is_faster_and_as_good_and_latency_by_length() -> None:
    good = Paired(difference=-0.001, low=-0.003, high=0.001, n=127, margin=0.01)
    bad = Paired(difference=-0.02, low=-0.03, high=-0.015, n=127, margin=0.01)
    spread = {"by_length": {"short": estimate(1.0), "long": estimate(3.0)}}
    rows = (
        variant(REFERENCE, 4.0, speedup=estimate(1.0), **spread),
        variant(RIVAL, 2.0, speedup=estimate(2.0), quality=good, p_loss=0.01, **spread),
        variant("transformers int8", 3.0, speedup=estimate(1.3), quality=bad),
        variant("transformers bfloat16", None),
    )
    result = Quantization(page="04", variants=rows, input_tokens={"short": 50, "long": 400})
    run, cited = run_of(result), Cited(result, "results/04.json")
    html = quantization.trade(run, cited) + variant_speed.lengths(cited)  # type: ignore[arg-type]
    soup = BeautifulSoup(html, "html.parser")
    finding = soup.select_one(".finding")
    assert finding is not None
    assert finding.get_text() == f"Faster, with quality kept: {RIVAL}"
    assert quantization.choice(run).raw.front == (RIVAL, REFERENCE)  # type: ignore[arg-type]
    assert [row.get_text(" ").split()[:2] for row in soup.select("#lengths tbody tr")] == [
        ["short", "50"],
        ["long", "400"],
    ]
    names = [name.get_text().partition(" · ") for name in soup.select(".plane .lab")]
    assert [name for name, _, _ in names] == [REFERENCE, RIVAL, "transformers int8"]
    assert all(cost.startswith("$") for _, _, cost in names), "each with what it costs"
    unsure = rows[1].model_copy(update={"speedup": estimate(1.01)})
    unsure_result = result.model_copy(update={"variants": (rows[0], unsure)})
    assert "No variant is shown" in quantization.trade(run_of(unsure_result), Cited(unsure_result, "results/04.json"))  # type: ignore[arg-type]
    assert loose_digits(html) == []
    made = quantization.choice(run).raw.model_dump(mode="json")  # type: ignore[arg-type]
    assert wrong_citations(html, {"results/04.json": result.model_dump(mode="json"), "results/choice.json": made}) == []


def test_answers_that_are_the_same_word_for_word_have_no_bar_of_quality() -> None:
    rows = (variant(REFERENCE, 4.0, speedup=estimate(1.0)), variant(RIVAL, 2.0, **equal(127)))
    result = Quantization(page="04", variants=rows)
    html = quantization.trade(run_of(result), Cited(result, "results/04.json"))  # type: ignore[arg-type]
    soup = BeautifulSoup(html, "html.parser")
    assert len(soup.select(".area .h")) == 1
    assert soup.select(".area .v") == []


def test_without_recorded_answers_there_is_no_plane() -> None:
    rows = (variant(REFERENCE, 4.0, speedup=estimate(1.0)), variant(RIVAL, 2.0, speedup=estimate(2.0)))
    result = Quantization(page="04", variants=rows)
    run = run_of(result)
    assert quantization.trade(run, Cited(result, "results/04.json")) == ""  # type: ignore[arg-type]
    absent = Quantization(page="04", variants=(VariantResult(name="a b", engine="a", dtype="b", reason="no"),))
    assert quantization.trade(run, Cited(absent, "results/04.json")) == ""  # type: ignore[arg-type]
