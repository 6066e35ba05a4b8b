"""What stands on the line of a row: bounds that are open, and states told by more than colour."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from helpers.report.components.figures import points
from helpers.report.components.figures import states as strips
from helpers.report.components.glyphs import FILLED, HOLLOW, THIN, Segment
from tests.drawings import drawing, style_of
from tests.unit.report.components.test_figures import cited, estimate
from tests.unit.report.components.test_row_chart import across, lines


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


def test_states_are_told_by_weight_and_words_and_not_by_colour_alone() -> None:
    rows: list[tuple[str, str, list[Segment]]] = [
        ("Errors", "✗ firing", [
            Segment(0, 40, ("✓ quiet", "✓"), "met", THIN),
            Segment(40, 41, ("? pending", "?"), "undecided", HOLLOW),
            Segment(41, 100, ("✗ firing", "✗"), "missed", FILLED),
        ]),
        ("GPU", "– not applicable", []),
    ]  # fmt: skip
    svg = drawing(strips("s", "Fired: errors", "states", rows, unit="s", data=Markup()))
    told = [text.get_text() for text in svg.find_all("text")]
    assert {"Errors", "✓ quiet", "GPU", "– not applicable"} <= set(told)
    assert told.count("✗ firing") == 2
    assert not {"? pending", "?"} & set(told)
    styles = [style_of(svg, path) for path in svg.find_all("path")]
    assert any("fill: none; stroke: var(--undecided)" in style for style in styles)
    assert any("fill: var(--missed)" in style for style in styles)
