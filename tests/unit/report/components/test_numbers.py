from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from markupsafe import Markup

from helpers.core.text import spell
from helpers.report.components.numbers import NOT_MEASURED, interval, number, quoted, sentence
from helpers.runs.results.cited import Cited

CASES: list[tuple[float, Any, bool, str]] = [
    (0.85, "s", False, "850 ms"),
    (0.0, "s", False, "0 s"),
    (1.874, "s", False, "1.87 s"),
    (1234.5, "s", False, "1,234 s"),
    (0.85, "s", True, "0.85"),
    (0.0042, "s", True, "0.004"),
    (12.346, "s", True, "12.35"),
    (0.0, "usd", False, "$0.00"),
    (0.00412, "usd", False, "$0.0041"),
    (1234.5, "usd", False, "$1,234.50"),
    (-0.5, "usd", False, "−$0.50"),
    (5.36, "usd", True, "5.36"),
    (1.0, "rate", False, "100 %"),
    (0.9996, "rate", False, "99.96 %"),
    (0.00002, "rate", False, "0.002 %"),
    (0.722, "rate", True, "72.2"),
    (0.32149, "score", False, "0.321"),
    (-0.01, "difference", False, "−0.010"),
    (0.01, "difference", False, "+0.010"),
    (12345, "count", False, "12,345"),
    (1.5, "ratio", False, "1.50 ×"),
    (23.4, "minutes", False, "23 minutes"),
    (600.0, "minutes", False, "10 hours"),
    (float("inf"), "s", False, "∞"),
    (1234567, "plain", False, "1,234,567"),
    (9.999e-05, "p", False, "0.0001"),
    (0.002, "p", False, "0.002"),
    (1e-9, "p", False, "< 0.0001"),
]


@pytest.mark.parametrize(("value", "style", "bare", "text"), CASES)
def test_spelling(value: float, style: Any, bare: bool, text: str) -> None:
    assert spell(value, style, bare=bare) == text


def test_number_carries_value_and_address() -> None:
    cited = Cited({"a/b": [SimpleNamespace(value=0.32149)]}, "results/02.json")["a/b"][0].value
    assert number(cited, "score") == ('<data value="0.32149" data-from="results/02.json#/a~1b/0/value">0.321</data>')


@pytest.mark.parametrize("value", [None, float("nan")])
def test_missing_is_said(value: float | None) -> None:
    assert number(Cited(value, "f.json")) == NOT_MEASURED


@pytest.mark.parametrize("value", [True, "3", [3]])
def test_only_numbers_are_numbers(value: object) -> None:
    with pytest.raises(TypeError, match=r"f\.json#/x is (bool|str|list), not a number"):
        number(Cited({"x": value}, "f.json")["x"])


@pytest.mark.parametrize(
    ("low", "high", "style", "text"),
    [
        (1.46, 2.28, "s", "1.46 to 2.28 s"),
        (0.9, 1.2, "s", "900 ms to 1.20 s"),
        (5.0, 6.0, "usd", "$5.00 to $6.00"),
        (0.722, 1.0, "rate", "72.2 to 100 %"),
        (None, 4.6, "s", "≤ 4.60 s"),
        (0.5, None, "score", "≥ 0.500"),
        (None, None, "score", "–"),
    ],
)
def test_interval(low: float | None, high: float | None, style: Any, text: str) -> None:
    assert interval(Cited(SimpleNamespace(low=low, high=high), "f.json"), style).striptags() == text


def test_what_others_wrote_is_escaped() -> None:
    assert quoted("<b> & {x}") == Markup('<span class="quoted">&lt;b&gt; &amp; {x}</span>')
    assert sentence("<p>{text}</p>", text="<i>{0}") == "<p>&lt;i&gt;{0}</p>"
