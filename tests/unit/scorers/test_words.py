"""Words of any script, and how much of a text the library's tokeniser would see."""

from __future__ import annotations

import pytest

from helpers.scorers.rouge import rouge, sentences
from helpers.scorers.words import letters, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller hört, naïve CAFÉ", ["müller", "hört", "naïve", "café"]),
        ("Mu\u0308ller", ["müller"]),
        ("他们3点见面。", list("他们3点见面")),
        ("こんにちは、データー", list("こんにちは") + list("データー")),
        ("ｶﾞ ＡＢＣ１２ 早", ["ガ", "abc12", "早"]),
        ("สวัสดีครับ", ["ส", "วั", "ส", "ดี", "ค", "รั", "บ"]),
        ("ជំរាបសួរ", ["ជំ", "រា", "ប", "សួ", "រ"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("안녕 세상", ["안녕", "세상"]),
        ("Привет, мир_2", ["привет", "мир", "2"]),
        ("مرحبا ١٢", ["مرحبا", "١٢"]),
        ("I ❤️ it – “can’t” 1️⃣ ™", ["i", "it", "can", "t", "1"]),
        ("", []),
    ],
)
def test_words_of_every_script(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


@pytest.mark.parametrize(
    ("text", "share"), [("Ann pays 3.", (8, 8)), ("Müller", (5, 6)), ("他们3点", (1, 4)), ("😀", (0, 0))]
)
def test_how_much_the_library_sees(text: str, share: tuple[int, int]) -> None:
    assert letters(text) == share


@pytest.mark.parametrize(
    ("summary", "reference", "low", "high"),
    [
        ("乙有3只猫。", "甲买3个苹果。", 0.0, 0.25),
        ("Möller hürt fär Uzil.", "Müller hört für Özil.", 0.0, 0.0),
        ("แมวกินปลา", "แมวกินปลา", 1.0, 1.0),
        ("他们下午见面。他们吃饭。", "他们吃饭。他们下午见面。", 1.0, 1.0),
    ],
)
def test_a_shared_digit_or_skeleton_decides_nothing(summary: str, reference: str, low: float, high: float) -> None:
    assert low <= rouge(summary, [reference])["rouge1"] <= high
    assert rouge(summary, [reference])["rougeLsum"] >= rouge(summary, [reference])["rougeL"]


def test_sentences_of_other_scripts_are_split() -> None:
    assert sentences("他们见面。吃饭！好吗？好") == ["他们见面。", "吃饭！", "好吗？", "好"]
