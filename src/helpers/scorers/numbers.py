"""Numbers of a summary that its dialogue does not support."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

#: One reading of a mention: a value, or a time of day in minutes on a twelve-hour face.
Reading = float | tuple[str, int]

_DIAL = 12 * 60
_SCALES = {"k": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9, "100": 1e2, "1000": 1e3, "1000000": 1e6}
#: What words that are no numerals say about a number, when they occur in the dialogue.
_IMPLIED: dict[str, tuple[float, ...]] = {
    "a": (1,),
    "an": (1,),
    "once": (1,),
    "single": (1,),
    "both": (2,),
    "couple": (2,),
    "double": (2,),
    "fortnight": (2, 14),
    "pair": (2,),
    "twice": (2,),
    "twin": (2,),
    "twins": (2,),
    "triple": (3,),
    "half": (0.5, 30, 50),
    "quarter": (0.25, 15, 25),
    "dozen": (12,),
}

_GROUPED = re.compile(r"(?<=\d)[,'\u00a0\u202f](?=\d{3}(?!\d))")
_JOINED = re.compile(r"(?<=\w)[-‐‑–—/](?=\w)")
_TOLD = re.compile(r"\b(half past|half|quarter past|quarter to|\d{1,2}(?: minutes?)? past) (\d{1,2})\b")
_TO = re.compile(r"\b(\d{1,2})(?: minutes?)? to (\d{1,2})\b")
_CLOCK = re.compile(r"(?<![\d.:])(\d{1,2})[:.h ](\d\d)(?!:?\d)")
_AND_A_HALF = re.compile(r"\b(\d+|an?)(?: \w+)? and a half\b")
_NUMBER = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(?: ?(" + "|".join(_SCALES) + r")\b)?")
_PAIR = re.compile(r"(?<![\d.])(\d{1,3}) (\d\d)(?!\.?\d)")


def unspoken_numbers(summary: str, dialogue: str) -> list[str]:
    """Return the numbers of a summary that no number, number word, time or amount in the dialogue supports.

    Compared by value: "half past three" is 3:30 is 15:30, "forty" is 40, "the 3rd" is three, "2.5k" is 2,500.
    The number one is always supported. Sums, differences and counts made by the summary are not.
    """
    said = _said(dialogue)
    return [mention for mention, readings in _mentions(_numerals(summary)) if not readings & said]


@lru_cache(maxsize=512)  # several systems answer the same dialogues
def _said(dialogue: str) -> frozenset[Reading]:
    text = _numerals(dialogue)
    said: set[Reading] = {1.0}
    for _, readings in _mentions(text):
        said |= readings
    for minutes, hour in _TO.findall(text):  # or a range, which is why summaries are not read so
        said.add(_time(int(hour), -int(minutes)))
    for left, right in _PAIR.findall(text):  # "three fifty" is 3.50, "nineteen ninety-nine" is 1999
        said |= {float(f"{left}.{right}"), float(left + right)}
    for word in re.findall(r"[a-z]+", text):
        said.update(_IMPLIED.get(word, ()))
    return frozenset(said)


def _numerals(text: str) -> str:
    """Write the number words of a text as digits, in lower case."""
    from text_to_num import alpha2digit  # type: ignore[import-untyped]

    text = _JOINED.sub(" ", _GROUPED.sub("", text.lower()))
    # Line by line and in short pieces: the converter takes quadratic time in the length of its input.
    pieces = (line[i : i + 200] for line in map(str.split, text.splitlines()) for i in range(0, len(line), 200))
    return "\n".join(alpha2digit(" ".join(piece), "en", threshold=0) for piece in pieces)


def _mentions(text: str) -> Iterator[tuple[str, set[Reading]]]:
    """Yield every number of a text with what it may mean; a time or a mixed number is one mention."""
    found: list[tuple[str, set[Reading]]] = []

    def take(mention: re.Match[str], *readings: Reading) -> str:
        found.append((mention[0], set(readings)))
        return " ; "

    def told(mention: re.Match[str]) -> str:
        first, last = mention[1].split()[0], mention[1].split()[-1]
        minutes = {"half": 30, "quarter": 15}.get(first) or int(first)
        return take(mention, _time(int(mention[2]), -minutes if last == "to" else minutes))

    def clock(mention: re.Match[str]) -> str:
        hour, minute = int(mention[1]), int(mention[2])
        if hour > 24 or minute > 59:
            return mention[0]
        # Two bare numbers may also be just that: "five twenty-pound notes".
        apart = (float(hour), float(minute)) if " " in mention[0] else ()
        return take(mention, _time(hour, minute), float(f"{hour}.{mention[2]}"), *apart)

    def and_a_half(mention: re.Match[str]) -> str:
        whole = float(mention[1]) if mention[1].isdigit() else 1.0
        return take(mention, whole + 0.5, whole)

    text = _AND_A_HALF.sub(and_a_half, _CLOCK.sub(clock, _TOLD.sub(told, text)))
    yield from found
    for mention in _NUMBER.finditer(text):
        yield mention[0], _readings(mention[1], mention[2])


def _readings(digits: str, scale: str | None) -> set[Reading]:
    value = float(digits)
    readings: set[Reading] = {value}
    if value.is_integer() and value <= 24:
        readings.add(_time(int(value), 0))
    if scale:
        readings |= {value * _SCALES[scale]} | ({float(scale)} if scale.isdigit() else set())
    return readings


def _time(hour: int, minutes: int) -> Reading:
    return ("time", (hour * 60 + minutes) % _DIAL)
