"""How a figure is spelled, and what people, dialogues and models write is no formula in a spreadsheet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.core.text import LONGEST_TEXT, cleaned, cleaned_name, harmless, printable, spell, stable_hash


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


def test_a_hash_that_files_already_hold_stays_what_it_is() -> None:
    known = "398aa9879b49e28eb1404a587f583d755ef6c4c4ca9f36706fa43668146d4f17"
    assert stable_hash({"b": 1, "a": [1.5, None, "ä"]}) == stable_hash({"a": [1.5, None, "ä"], "b": 1}) == known
