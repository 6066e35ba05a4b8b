"""Recorded answers of one system by the id of their dialogue: what was answered, or with what it failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.core.errors import SamplesError, did_you_mean
from helpers.samples.formats import id_key, id_of
from helpers.samples.intake import SHOWN, Counting, Intake
from helpers.samples.readers import FileRow, name_of, read_rows


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What one system answered to one dialogue: a summary, or with ``error`` none.

    Token counts are the model's own (``None``: not recorded); ``service_time`` is in seconds.
    """

    id: str
    summary: str | None
    error: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    service_time: float | None = None


class Recorded:
    """The answers of a file; ids that are the same number are the same id (``1``, ``1.0``)."""

    def __init__(self, name: str, answers: dict[str, RecordedAnswer], intake: Intake) -> None:
        self.name = name
        self.intake = intake
        self._answers = answers

    def __len__(self) -> int:
        return len(self._answers)

    def __iter__(self) -> Iterator[RecordedAnswer]:
        return iter(self._answers.values())

    def get(self, sample: str) -> RecordedAnswer | None:
        """Return what was recorded for a dialogue, if anything was."""
        return self._answers.get(id_key(sample))

    def summary(self, sample: str) -> str | None:
        """Return the recorded summary of a dialogue; ``None`` where there is none or the system had failed."""
        found = self.get(sample)
        return found.summary if found else None

    def require(self, samples: Sequence[str]) -> None:
        """Raise `SamplesError` when the file knows none of the dialogues: then the ids of the two do not fit."""
        if samples and not any(self.get(sample) for sample in samples):
            theirs = ", ".join(answer.id for answer in list(self)[:3])
            raise SamplesError(
                f"{self.name}: has none of the {len(samples)} dialogues: its ids are {theirs:.80}, theirs "
                f"{', '.join(samples[:3]):.80}; give both files the same ids"
            )


def read_recorded(
    source: str | Path,
    *,
    id: str = "id",
    prediction: str = "prediction",
    latency: str | None = None,
    encoding: str | None = None,
    setting: str = "",
) -> Recorded:
    """Return the recorded answers of a file, read row by row.

    A row without an id or an answer is set aside. Raises `SamplesError` when a column is missing (``setting`` is where
    a params file names them), an id occurs twice, or a latency is no number of seconds.
    """
    name = name_of(source)
    counting = Counting(name)
    answers: dict[str, RecordedAnswer] = {}
    twice: Counter[str] = Counter()
    present: dict[str, None] = {}
    for row in read_rows(source, encoding):
        counting.rows += 1
        present.update(dict.fromkeys(row.cells))
        answer = _answer(counting, row, id, prediction, latency)
        if answer is None:
            continue
        key = id_key(answer.id)
        if key in answers:
            twice[answer.id] += 1
        answers[key] = answer
    wanted = {"id": id, "prediction": prediction} | ({"latency": latency} if latency else {})
    if present and (missing := {key: column for key, column in wanted.items() if column not in present}):
        fix = f"name yours with {setting}" if setting else "rename yours"
        raise SamplesError(
            f"{name}: no column '{column}'{did_you_mean(column, present)}; its columns are {', '.join(present):.300}; "
            f"{fix}{f'.{key}' if setting else ''}"
            for key, column in missing.items()
        )
    if not counting.rows:
        raise SamplesError(f"{name}: no predictions in it")
    if twice:
        doubled = sorted(twice)[:SHOWN]
        raise SamplesError(f"{name}: id '{key}' stands more than once; ids must differ" for key in doubled)
    return Recorded(name, answers, counting.done())


def _answer(counting: Counting, row: FileRow, id: str, prediction: str, latency: str | None) -> RecordedAnswer | None:
    if row.problem:
        counting.set_aside(row.place, "not readable as a row", row.problem)
        return None
    cells = row.cells
    given = cells.get(id)
    if not (key := counting.id("" if isinstance(given, list | dict) else id_of(given))):
        counting.set_aside(row.place, f"no id in column '{id}'")
        return None
    summary, error = cells.get(prediction), str(cells.get("error") or "").strip()
    if error and not summary:
        return RecordedAnswer(key, None, error)
    if not isinstance(summary, str):
        what = "no prediction" if summary is None else f"holds {type(summary).__name__}; give a text"
        counting.set_aside(row.place, f"no prediction in column '{prediction}'", f"column '{prediction}': {what}")
        return None
    counts = {name: _whole(cells.get(name)) for name in ("input_tokens", "output_tokens", "lost_tokens")}
    seconds = _seconds(counting.name, row, latency) if latency else None
    return RecordedAnswer(key, counting.text(summary), "", **counts, service_time=seconds)


def _seconds(name: str, row: FileRow, latency: str) -> float | None:
    value = row.cells.get(latency)
    if value in (None, ""):
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SamplesError(f"{name} {row.place}: {latency} is {value!r}, not a number of seconds")
    return seconds


def _whole(value: Any) -> int | None:
    """Return a count; a column with gaps has its whole numbers as fractions."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return int(number) if number >= 0 and number.is_integer() else None
