"""Text as every package needs it: cleaned where it comes in, harmless where it goes out, spelled, and hashed."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

#: What a cell begins with that a spreadsheet would run; the wide forms are read like the plain ones.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Whatever a reader of a cell may skip before such a sign: space, what is not seen, marks without a letter.
_SKIPPED = re.compile(
    r"[\s\x00-\x20\x7f-\xa0\xad\u0300-\u036f\u200b-\u200f\u2028-\u202f\u205f-\u206f\ufe00-\ufe0f\ufeff\ufffd␀-␡]*"
)
#: What no text may hold where it is shown: controls other than tab and line ends, what turns the direction of
#: reading, and halves of a character.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: What Markdown reads as more than a letter in any place.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&^!]")
#: What it reads so at the start of a line: a list, a heading, a rule.
_LINE_START = re.compile(r"^( ?)(?:([-+](?= |$)|[-=](?=[-= ]*$))|(\d{1,9})(?=[.)](?: |$)))")
#: What GitHub makes a link or a notice of: a person, an issue, an address. A word joiner after it keeps it text.
_LINKED = re.compile(r"@|#(?=\d)|\bGH(?=-\d)|\bwww(?=\.)|:(?=//)", re.IGNORECASE)
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: A text is cut beyond this, characters, and a name beyond that.
LONGEST_TEXT, LONGEST_NAME = 1_000_000, 200


def json_lines(text: str) -> list[str]:
    """Return the lines of a JSON Lines text: what else separates lines may be within one."""
    return text.removesuffix("\n").split("\n") if text else []


Style = Literal[
    "s", "usd", "rate", "score", "count", "ratio", "difference", "minutes", "megabytes", "p", "plain", "per_hour"
]


def stable_hash(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; raises OSError when it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def encoding_of(start: bytes) -> str | None:
    """Return the encoding that the first bytes of a file tell, by a mark or by the zeros of UTF-16."""
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    if marked is None and len(start) >= 4:
        even, odd = start[:64:2].count(0), start[1:64:2].count(0)
        marked = "utf-16-le" if odd > 8 * even + 1 else "utf-16-be" if even > 8 * odd + 1 else None
    return marked


def cleaned(text: str) -> tuple[str, int]:
    """Return a foreign text as it may be kept and shown, and how many places were replaced in it.

    A control character becomes its picture (NUL is ␀), what turns the direction of reading and half a character become
    �, every line end is a newline, and what goes beyond `LONGEST_TEXT` is cut with a note of how much.
    """
    text, replaced = _UNSAFE.subn(_picture, text)
    if len(text) > LONGEST_TEXT:
        text, replaced = f"{text[:LONGEST_TEXT]}… [{len(text) - LONGEST_TEXT:,} characters cut]", replaced + 1
    return (_LINE_ENDS.sub("\n", text) if "\r" in text or not text.isascii() else text), replaced


def visible(text: str) -> str:
    """Return what `cleaned` makes of a text."""
    return cleaned(text)[0]


def printable(text: str) -> str:
    """Return a text of ours, with others' words in it, as it may leave for a terminal, a page or a workbook."""
    return _UNSAFE.sub(_picture, text)


def cleaned_name(text: str) -> tuple[str, int]:
    """Return a foreign name (an id, a label, a speaker) on one line, and how many places were replaced in it.

    A line end or tab becomes its picture; what goes beyond `LONGEST_NAME` becomes a hash, so that names still differ.
    """
    text, replaced = _UNSAFE.subn(_picture, text.strip())
    text, breaks = re.subn(r"[\t\r\n\u2028\u2029]", _picture, text)
    if len(text) > LONGEST_NAME:
        text, replaced = f"{text[: LONGEST_NAME - 13]}…{stable_hash(text)[:12]}", replaced + 1
    return text, replaced + breaks


def on_a_line(text: str) -> str:
    """Return what `cleaned_name` makes of a text."""
    return cleaned_name(text)[0]


def harmless(cell: object) -> object:
    """Return a cell as it is; a text cleaned, and with an apostrophe in front where a spreadsheet would run it."""
    if not isinstance(cell, str):
        return cell
    text = _UNSAFE.sub(_picture, cell)
    shown = text[_SKIPPED.match(text).end() :]  # type: ignore[union-attr]  # the pattern matches the empty string
    return f"'{text}" if text.startswith(FORMULA) or shown.startswith(FORMULA) else text


def unlinked(text: str) -> str:
    """Return a text on one line in which GitHub finds nobody to notify and nothing to link.

    A word joiner (U+2060) is put inside names, issues and addresses.
    """
    return _LINKED.sub("\\g<0>\u2060", re.sub(r"\s+", " ", printable(text)))


def inert(text: str) -> str:
    """Return any text as Markdown on one line that shows it letter by letter and does nothing else on GitHub."""
    found = _MARKDOWN.sub(lambda mark: _ENTITIES.get(mark[0], f"\\{mark[0]}"), unlinked(text))
    found = _LINE_START.sub(lambda mark: f"{mark[1]}\\{mark[2]}" if mark[2] else f"{mark[0]}\\", found)
    return found.replace("$", "<span>$</span>")  # two of them would begin and end a formula


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list in prose."""
    return frozenset(text.split())


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "␤" if code in (0x2028, 0x2029) else "�"


def spell(value: float, style: Style, *, bare: bool = False, width: float | None = None) -> str:
    """Return the digits a reader sees for a value in seconds, dollars, 0–1 rate or score, rate per second or count.

    Two to three significant digits, money to the cent and counts whole. ``width`` is that of the interval which the
    value belongs to: no digit is shown that is finer than its second one.
    """
    size = abs(value)
    if math.isinf(size):
        text = "∞"
    elif bare and style == "s":
        text = _fixed(size, 2 if size >= 0.1 else 3, width)
    else:
        text = _SPELLINGS[style](size, width).strip("$ %×MB" if bare else " ")
    return ("−" if value < 0 else "+" if style == "difference" else "") + text


def width_of(low: float | None, high: float | None) -> float | None:
    """Return how wide an interval is; ``None`` where it has no two ends, or no width."""
    width = None if low is None or high is None else high - low
    return width if width and math.isfinite(width) else None


def _fixed(size: float, decimals: int, width: float | None) -> str:
    """Return a size with as many decimals, or with fewer: three significant digits, and what its interval supports."""
    if size and math.isfinite(size):
        magnitude = math.floor(math.log10(size))
        finest = 2 - magnitude if width is None else min(2, 1 - math.floor(math.log10(width)) + magnitude) - magnitude
        decimals = min(decimals, max(finest, 1 - magnitude, 0))
    return f"{size:,.{decimals}f}"


def _seconds(size: float, width: float | None) -> str:
    if size == 0:
        return "0 s"
    if size < 0.9995:  # what would round to 1,000 ms is a second
        return f"{_fixed(size * 1000, 0, width and width * 1000)} ms"
    return f"{_fixed(size, 2, width)} s"


def _usd(size: float, width: float | None) -> str:
    if size == 0 or size >= 0.1:
        return f"${size:,.2f}"
    return f"${size:.{1 - math.floor(math.log10(size))}f}"


def _rate(size: float, width: float | None) -> str:
    percent, wide = size * 100, width and width * 100
    least = _fixed(percent, 1, wide)
    # One request lost of ten thousand must not read as 100 %, nor one found as 0 %.
    texts = (least, *(f"{percent:.{digits}f}" for digits in range(1, 6)))
    text = next((text for text in texts if float(text.replace(",", "")) not in (0, 100)), f"{percent:.0f}")
    return text.removesuffix(".0") + " %"


def _minutes(size: float, width: float | None) -> str:
    if size >= 120:
        return f"{size / 60:,.0f} hours"
    return f"{size:.0f} minutes" if size >= 10 else f"{size:.1f} minutes"


def _p_value(size: float, width: float | None) -> str:
    if size < 5e-5:
        return "< 0.0001"
    return f"{size:.3f}" if size >= 0.001 else f"{size:.4f}"


def _plain(size: float, width: float | None) -> str:
    if isinstance(size, int) or size >= 100:
        return f"{size:,.0f}"
    return f"{float(_fixed(size, 12, width)):.3g}"


_SPELLINGS: Mapping[Style, Callable[[float, float | None], str]] = {
    "s": _seconds,
    "usd": _usd,
    "rate": _rate,
    "score": lambda size, width: _fixed(size, 3, width),
    "difference": lambda size, width: _fixed(size, 3, width),
    "count": lambda size, width: f"{size:,.0f}",
    "ratio": lambda size, width: f"{_fixed(size, 2, width)} ×",
    "minutes": _minutes,
    "p": _p_value,
    "megabytes": lambda size, width: f"{size / 1e6:,.0f} MB",
    "plain": _plain,
    "per_hour": lambda size, width: _fixed(size * 3600, 1, width and width * 3600).removesuffix(".0"),
}
