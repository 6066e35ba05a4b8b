"""What a text mentions, with its place: the turns of a dialogue, who speaks, and values such as times and amounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

ValueKind = Literal["number", "time", "date", "weekday"]

_SPEAKER = re.compile(r"^\s*([^:\n]{1,40}):\s*(.*)$")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)]?\s+(?=[\"'“‘(]?[^\W_])|\n+")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|e\.g|i\.e|vs)\.$")

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_UNITS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    "nineteen"
)
_WORD_NUMBER = rf"(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-(?:one|{_UNITS}))?|{_UNITS})"
_VALUE = re.compile(
    rf"""
    (?P<date>\b(?:\d{{1,2}}(?:st|nd|rd|th)(?:\ of)?(?:\ {_MONTH}\b)?|\d{{1,2}}\ {_MONTH}\b|{_MONTH}\ \d{{1,2}}\b|
        \d{{1,2}}(?=\ (?:and|to|or)\ \d{{1,2}}\ {_MONTH})))
  | (?P<weekday>\b(?:{"|".join(_WEEKDAYS)})s?\b)
  | (?P<time>\b(?:\d{{1,2}}:\d\d(?:\ ?[ap]\.?m\b)?|\d{{1,2}}\ ?[ap]m\b|(?:half|quarter)\ (?:past|to)\ (?:\w+)\b))
  | (?P<number>(?<![\w.,])\d+(?:,\d{{3}})*(?:\.\d+)?(?![\w.]*\d)(?!\w*-\d)|(?<![-\w])(?i:{_WORD_NUMBER})\b(?!-))
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Turn:
    """What one speaker says at a time; ``speaker`` is empty where a line names none."""

    speaker: str
    text: str


@dataclass(frozen=True)
class Value:
    """A number, time, date or weekday of a text: where it is and, as ``key``, what it is equal to."""

    kind: ValueKind
    text: str
    start: int
    end: int
    key: str


def turns_of(dialogue: str) -> list[Turn]:
    """Return the turns of a dialogue whose lines read ``Name: text``; a line without a name goes on with the last."""
    turns: list[Turn] = []
    for line in dialogue.splitlines():
        found = _SPEAKER.match(line)
        if found:
            turns.append(Turn(found[1].strip(), found[2].strip()))
        elif line.strip():
            last = turns.pop() if turns else Turn("", "")
            turns.append(Turn(last.speaker, f"{last.text} {line.strip()}".strip()))
    return turns


def speakers_of(dialogue: str) -> tuple[str, ...]:
    """Return who speaks in a dialogue, in the order of their first turns."""
    return tuple(dict.fromkeys(turn.speaker for turn in turns_of(dialogue) if turn.speaker))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, a title such as "Mrs." ending none."""
    found: list[str] = []
    for part in filter(None, map(str.strip, _SENTENCE.split(text))):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


def values_of(text: str) -> tuple[Value, ...]:
    """Return the numbers (but one), times, dates and weekdays of a text, in order."""
    return tuple(_values(text))


@cache
def name_pattern(name: str) -> re.Pattern[str]:
    """Return what finds a speaker in a text: a name as it is spelled, a role such as Customer also in lower case."""
    return re.compile(rf"(?<![\w-])(?:{re.escape(name)}|{re.escape(name.lower())})(?![\w-])")


def _values(text: str) -> Iterator[Value]:
    for found in _VALUE.finditer(text):
        kind: ValueKind = found.lastgroup  # type: ignore[assignment]  # its groups are named by the kinds
        key = _KEYS[kind](found[0])
        if key:
            yield Value(kind, found[0], found.start(), found.end(), key)


def _date(text: str) -> str:
    day = re.search(r"\d+", text)
    month = re.search(_MONTH, text)
    assert day
    return f"{int(day[0])} {month[0].lower()}" if month else str(int(day[0]))


def _time(text: str) -> str:
    lower = text.lower()
    if told := re.match(r"(half|quarter) (past|to) (\w+)", lower):
        hour = _number(told[3]) or ("1" if told[3] == "one" else "")
        minutes = {"half": 30, "quarter": 15}[told[1]]
        if not hour:
            return ""
        return _minutes(int(float(hour)) * 60 + (minutes if told[2] == "past" else -minutes))
    hour_and_minute = re.match(r"(\d{1,2})(?::(\d\d))?", lower)
    assert hour_and_minute
    return _minutes(int(hour_and_minute[1]) * 60 + int(hour_and_minute[2] or 0))


def _minutes(of_day: int) -> str:
    hour, minute = divmod(of_day % (12 * 60), 60)
    return f"{hour}:{minute:02}"


def _number(text: str) -> str:
    from text_to_num import text2num  # type: ignore[import-untyped]

    digits = text.replace(",", "")
    if not digits[:1].isdigit():
        try:
            digits = str(text2num(digits.lower(), "en"))
        except ValueError:
            return ""
    value = float(digits)
    return "" if value in (0, 1) else f"{value:g}" if value < 1e6 else f"{value:.0f}"


_KEYS: dict[ValueKind, Callable[[str], str]] = {
    "number": _number,
    "time": _time,
    "date": _date,
    "weekday": lambda text: text.lower().removesuffix("s"),
}
