"""The plane of points: marks where the values are, lines where the wishes are, and no name on another."""

from __future__ import annotations

import re
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.params.files import load_params
from helpers.report.components.scatter import Axis, Coordinate, NamedPoint, plane
from helpers.report.components.svg import text_width
from helpers.report.views import quantization
from helpers.runs.results.cited import Cited
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.runs.results.store import Results
from helpers.stats.comparison import Paired
from tests.drawings import drawing, place, style_of
from tests.page_checks import loose_digits, wrong_citations
from tests.unit.verdicts.test_recommendation import REFERENCE, RIVAL, estimate, variant

X, Y = Axis("latency", "s", 3.0, "target"), Axis("gain", "difference", -0.01, "as good above")


def spot(label: str, x: float, y: float, half: float = 0.004) -> NamedPoint:
    return NamedPoint(label, Coordinate(x, x - 0.5, x + 0.5), Coordinate(y, y - half, y + half))


def made(spots: list[NamedPoint], front: list[str]) -> Markup:
    return plane("p", "f", "s", spots, X, Y, front=front, data=Markup("<table></table>"))


def test_marks_and_lines_stand_where_their_values_are() -> None:
    svg = drawing(made([spot("a", 1.0, 0.005), spot("b", 4.0, -0.015)], ["a"]))
    second = (place(svg, "4 s")[0] - place(svg, "2 s")[0]) / 2
    zero, down = place(svg, "0")[1], (place(svg, "−0.01")[1] - place(svg, "0")[1]) / 0.01
    left = place(svg, "2 s")[0] - 2 * second
    dots = [(float(str(use["x"])), float(str(use["y"])), style_of(svg, use)) for use in svg.find_all("use")]
    found = sorted(((x - left) / second, (zero - y) / down) for x, y, _ in dots)
    # Ticks stand at the baseline of their text, a little below their value.
    assert [x for x, _ in found] == pytest.approx([1.0, 4.0], abs=0.02)
    assert found[0][1] - found[1][1] == pytest.approx(0.02, abs=0.0002)
    fills = [re.findall(r"fill: var\(--(\w+)\)", style)[-1] for _, _, style in sorted(dots)]
    assert fills == ["accent", "paper"], "what another beats is hollow"
    paths = [
        re.findall(r"[-\d.]+", str(p["d"])) for p in svg.find_all("path") if "stroke-dasharray" in style_of(svg, p)
    ]
    assert sorted(len({path[0], path[2]}) for path in paths) == [1, 2], "one line upright and one across"
    assert {"target 3.00 s", "as good above −0.010"} <= {text.get_text() for text in svg.find_all("text")}


@pytest.mark.parametrize("style", ["wide", "narrow"])
def test_no_name_stands_on_another(style: str) -> None:
    spots = [spot(f"transformers type{i}", 2.0 + 0.1 * i, 0.001 * (i % 2)) for i in range(5)]
    svg = drawing(made(spots, ["transformers type0"]), style)
    width = float(str(svg["width"]))
    boxes = []
    for one in spots:
        x, y = place(svg, one.label)
        boxes.append((x, x + text_width(one.label, 14), y - 7, y + 7))
        assert x >= 0
        assert boxes[-1][1] <= width + 0.1, "coordinates are rounded to a tenth"
    for a, b in combinations(boxes, 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2], (a, b)


def test_it_has_a_text_alternative_and_the_colours_of_the_page() -> None:
    html = made([spot("<b>&", 1.0, 0.0), spot("b", 2.0, 0.0)], [])
    svg = drawing(html)
    assert svg["role"] == "img"
    assert "A plane of 2 points, latency to the right and gain upwards" in svg.get_text()
    assert not svg.find("b")
    assert not re.search(r"#[0-9a-f]{6}\b|font-family", html)
    assert "<details>" in html
    assert 'class="none">not measured' in made([], [])


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
    html = quantization.trade(run, cited) + quantization.lengths(cited)  # type: ignore[arg-type]
    soup = BeautifulSoup(html, "html.parser")
    finding = soup.select_one(".finding")
    assert finding is not None
    assert finding.get_text() == f"As good as the reference and faster: {RIVAL}"
    assert quantization.choice(run).raw.front == (RIVAL, REFERENCE)  # type: ignore[arg-type]
    assert [row.get_text(" ").split()[:2] for row in soup.select("#lengths tbody tr")] == [
        ["short", "50"],
        ["long", "400"],
    ]
    assert "bfloat16" not in drawing(html).get_text()
    unsure = rows[1].model_copy(update={"speedup": estimate(1.01)})
    unsure_result = result.model_copy(update={"variants": (rows[0], unsure)})
    assert "No variant is shown" in quantization.trade(run_of(unsure_result), Cited(unsure_result, "results/04.json"))  # type: ignore[arg-type]
    assert loose_digits(html) == []
    assert wrong_citations(html, {"results/04.json": result.model_dump(mode="json")}) == []


def test_without_recorded_answers_the_latencies_stand_alone() -> None:
    rows = (variant(REFERENCE, 4.0, speedup=estimate(1.0)), variant(RIVAL, 2.0, speedup=estimate(2.0)))
    result = Quantization(page="04", variants=rows)
    run = run_of(result)
    html = quantization.trade(run, Cited(result, "results/04.json"))  # type: ignore[arg-type]
    assert "A chart of 2 rows" in html
    assert "No variant is shown to be as good" in html
    absent = Quantization(page="04", variants=(VariantResult(name="a b", engine="a", dtype="b", reason="no"),))
    assert quantization.trade(run, Cited(absent, "results/04.json")) == ""  # type: ignore[arg-type]
