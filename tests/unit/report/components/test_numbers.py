"""A figure with its value and its address, what is said where it is missing, and text that others wrote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from markupsafe import Markup

from helpers.report.components.numbers import NOT_MEASURED, interval, number, quoted, sentence
from helpers.runs.results.cited import Cited


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
        (0.9, 1.2, "s", "0.90 to 1.20 s"),
        (5.0, 6.0, "usd", "$5.00 to $6.00"),
        (0.722, 1.0, "rate", "72 to 100 %"),
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
