"""How a figure is spelled, and what people, dialogues and models write is no formula in a spreadsheet."""

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from helpers.core.text import LONGEST_TEXT, cleaned, cleaned_name, harmless, inert, printable, spell, stable_hash


@pytest.mark.parametrize("text", ["=cmd()", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1"])
def test_what_would_run_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["Ann meets Bo.", "", "a=b", -1.5, 3, None])
def test_the_rest_stays_as_it_is(cell: object) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize(
    "before", ["\0", "\u200b", "\ufeff", "\xa0", "\u202e", "\x1b", "\xad", "\ud83d", "\u0301", " \0 "]
)
@pytest.mark.parametrize("sign", ["=", "+", "@", "＝"])
def test_no_cell_runs_whatever_stands_before_the_sign(before: str, sign: str) -> None:
    cell = str(harmless(f"{before}{sign}1+1"))
    assert cell.startswith("'")
    assert cell == printable(cell)


@pytest.mark.parametrize(
    ("text", "shown", "replaced"),
    [
        ("Ann:\thi\r\nBo: yes\rAnn: ok\u2028bye", "Ann:\thi\nBo: yes\nAnn: ok\nbye", 0),
        ("a\0b\x1b[31m\x7f\x9b", "a␀b␛[31m␡�", 4),
        ("half \ud83d, whole 😀, \udc00", "half �, whole 😀, �", 2),
        ("\u202egnp.exe\u2066x\u2069", "�gnp.exe�x�", 3),
        ("مرحبا\u200f שלום \u200d", "مرحبا\u200f שלום \u200d", 0),
        ("x" * (LONGEST_TEXT + 5), "x" * LONGEST_TEXT + "… [5 characters cut]", 1),
    ],
    ids=["line ends", "controls", "halves of characters", "direction", "marks of a script", "long"],
)
def test_foreign_text_is_cleaned_visibly_and_counted(text: str, shown: str, replaced: int) -> None:
    assert cleaned(text) == (shown, replaced)
    shown.encode()


def test_a_name_is_one_line_and_not_endless() -> None:
    assert cleaned_name(" Ann\nBo\tCy\r\0 ") == ("Ann␊Bo␉Cy␍␀", 4)
    long, other = cleaned_name("x" * 5_000)[0], cleaned_name("x" * 5_001)[0]
    assert long != other
    assert len(long) == len(other) <= 200


@given(st.text(st.characters(codec=None)))
def test_what_was_cleaned_is_clean(text: str) -> None:
    for clean in (cleaned(text)[0], cleaned_name(text)[0], printable(text)):
        clean.encode()
        assert clean == printable(clean)
    assert cleaned(cleaned(text)[0]) == (cleaned(text)[0], 0)
    assert "\n" not in cleaned_name(text)[0]


CASES: list[tuple[float, Any, bool, str]] = [
    (0.85, "s", False, "850 ms"),
    (0.0, "s", False, "0 s"),
    (1.874, "s", False, "1.87 s"),
    (1234.5, "s", False, "1,234 s"),
    (0.85, "s", True, "0.85"),
    (0.0042, "s", True, "0.004"),
    (12.346, "s", True, "12.3"),
    (11.48, "s", False, "11.5 s"),
    (1.2761, "rate", False, "128 %"),
    (2.1443, "plain", False, "2.14"),
    (268.4, "plain", False, "268"),
    (0.05561, "plain", False, "0.0556"),
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


WIDTHS: list[tuple[float, Any, float, str]] = [
    (11.48, "s", 11.98, "11 s"),
    (3.449, "s", 0.8, "3.45 s"),
    (3.449, "s", 4.2, "3.4 s"),
    (0.334, "score", 0.035, "0.334"),
    (0.494, "score", 0.177, "0.49"),
    (-0.0512, "difference", 0.194, "−0.051"),
    (0.535, "rate", 0.426, "54 %"),
    (0.9996, "rate", 0.4, "99.96 %"),
    (0.00481, "usd", 0.0216, "$0.0048"),
    (2.151, "ratio", 0.75, "2.15 ×"),
    (2.151, "ratio", 13.0, "2.2 ×"),
]


@pytest.mark.parametrize(("value", "style", "width", "text"), WIDTHS)
def test_no_more_digits_than_the_interval_supports(value: float, style: Any, width: float, text: str) -> None:
    assert spell(value, style, width=width) == text


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.sampled_from(["s", "score", "ratio", "plain"]))
def test_every_figure_has_the_order_of_what_it_stands_for(value: float, width: float, style: Any) -> None:
    bare = spell(value, style, width=width).rstrip(" ms×").replace(",", "")
    scale = 1000 if spell(value, style).endswith("ms") else 1
    coarsest = {"score": 1e-3, "ratio": 1e-2}.get(style, 1.0)
    assert float(bare) == pytest.approx(value * scale, rel=0.05, abs=0.51 * coarsest)


def test_a_hash_that_files_already_hold_stays_what_it_is() -> None:
    known = "398aa9879b49e28eb1404a587f583d755ef6c4c4ca9f36706fa43668146d4f17"
    assert stable_hash({"b": 1, "a": [1.5, None, "ä"]}) == stable_hash({"a": [1.5, None, "ä"], "b": 1}) == known


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PLACES = ["{}", "- {}", "> {}", "**met** {}", "| a | b |\n|---|---|\n| {} | c |"]
MARKS = st.text(st.sampled_from(list("@#|`*_[]()<>!&$~-+=.:/\\1aw \n")), max_size=30)


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=60)
@given(text=st.text(max_size=40) | MARKS)
@example("[x](http://a.b) ![y](//c) <img src=x onerror=y> `z` | **b** &amp; <!-- -->")
@example("\\")
@example("---")
@example("1. a")
def test_a_text_in_markdown_shows_its_letters_and_does_nothing(place: str, text: str) -> None:
    html = BeautifulSoup(MARKDOWN.render(place.format(f"x{inert(text)}x")), "html.parser")
    ours = BeautifulSoup(MARKDOWN.render(place.format("xx")), "html.parser")
    assert [tag.name for tag in html(True) if tag.name != "span"] == [tag.name for tag in ours(True)]
    shown = html.get_text().replace("\u2060", "")
    assert re.sub(r"\s+", " ", f"x{printable(text)}x").replace("\u2060", "") in re.sub(r"\s+", " ", shown)
    first = BeautifulSoup(MARKDOWN.render(place.format(inert(text).strip() or "x")), "html.parser")
    assert [tag.name for tag in first(True) if tag.name != "span"] == [tag.name for tag in ours(True)]


@pytest.mark.parametrize(
    "text", ["@octo hi", "a (@octo/team)", "me@example.org", "fixes #12", "o/r#3", "GH-4", "https://a.b", "www.a.b"]
)
def test_nobody_is_notified_and_nothing_linked(text: str) -> None:
    html = MARKDOWN.render(inert(text))
    assert not re.search(r"@\w|#\d|GH-\d|://|www\.", html), html
