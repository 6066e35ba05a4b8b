"""The words of a text as ROUGE reads them, in any script, and how many of its letters `rouge_score` would see."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

import regex

Tokenizer = Literal["unicode", "rouge_score"]

_PLAIN = re.compile(r"[a-z0-9]+")
_ASCII = re.compile(r"[A-Za-z0-9]")
#: Signs that only say how the one before them is drawn.
_DRAWN = re.compile("[\ufe00-\ufe0f\u20e3\u00ad]")
#: What `rouge_score` takes for a space, though it is a letter, a digit or a mark on one.
_BEYOND = regex.compile(r"(?V1)[[\p{L}\p{M}\p{N}]--[a-zA-Z0-9]]")
#: One word: a character of Han or kana, a cluster of a script without spaces, else a run of letters and digits.
_WORD = regex.compile(
    r"""(?V1x)
    [[\p{L}\p{N}]&&[\p{Han}\p{Hiragana}\p{Katakana}ー]]
    | (?=[[\p{L}\p{N}]&&[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]])\X
    | [[\p{L}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]
      [[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]*
    """
)


@lru_cache(maxsize=16)  # the texts of one sample are read by several measures
def words(text: str, tokenizer: Tokenizer = "unicode") -> tuple[str, ...]:
    """Return the words of a text in lower case, not stemmed.

    ``rouge_score``: runs of ``a-z0-9``, as that package has them. ``unicode``: the same where a text holds no other
    letter; else, of its compatible composed form (NFKC), single characters of Han and kana, grapheme clusters of Thai,
    Lao, Khmer and Burmese, and runs of letters, digits and marks.
    """
    if tokenizer == "rouge_score" or text.isascii() or not _BEYOND.search(plain := _DRAWN.sub("", text)):
        return tuple(_PLAIN.findall(text.lower()))
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", plain).lower()))


def has_word(text: str, tokenizer: Tokenizer = "unicode") -> bool:
    """Whether a text has a word at all."""
    return bool(_ASCII.search(text) or (tokenizer == "unicode" and not text.isascii() and words(text)))


def letters(text: str) -> tuple[int, int]:
    """Return how many letters and digits of a text `rouge_score` sees, and how many there are."""
    if text.isascii():
        n = sum(map(len, words(text)))
        return n, n
    seen = sum(map(len, words(text, "rouge_score")))
    return seen, max(seen, sum(map(len, words(text))))
