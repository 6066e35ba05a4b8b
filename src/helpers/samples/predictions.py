"""Reading a file of predictions: every row is scored as it stands, or named with what is wrong with it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from helpers.core.errors import SamplesError, did_you_mean
from helpers.scorers import ScoredPair, reference_problem

#: How many problems of one file are named before the rest is only counted.
_SHOWN = 20
_LARGEST_CELL = 1 << 30


@dataclass(frozen=True)
class PredictionColumns:
    """Which column holds what."""

    prediction: str
    references: tuple[str, ...]
    id: str | None = None
    dialogue: str | None = None
    group: str | None = None
    key_facts: str | None = None
    baseline: str | None = None

    def named(self) -> list[str]:
        """Return every column that the file must have."""
        single = (self.prediction, self.id, self.dialogue, self.group, self.key_facts, self.baseline)
        return [*self.references, *(column for column in single if column is not None)]


@dataclass(frozen=True)
class PredictionFile:
    """What a sound file holds: rows, a group per row (or none), references per row ("var" if they differ)."""

    n: int
    groups: tuple[str, ...]
    references: str


Cells = Mapping[str, object]


def check_predictions(path: Path, columns: PredictionColumns) -> PredictionFile:
    """Read the whole file once, holding one row at a time.

    Raises `SamplesError` with every problem: a missing column, a row that cannot be split or decoded, a
    missing or doubled id, no usable reference, no dialogue or group, a cell that is no text. A missing
    prediction is no problem of the file: it is scored 0 and counted as empty.
    """
    problems: list[str] = []
    seen: dict[str, str] = {}
    groups: list[str] = []
    counts: set[int] = set()
    present: dict[str, None] = {}
    n = 0
    for place, cells, broken in _records(path):
        n += 1
        present.update(dict.fromkeys(cells))
        found = [broken] if broken else _problems(cells, columns)
        if columns.id and not found and (first := seen.setdefault(str(cells[columns.id]), place)) != place:
            found = [f"id '{cells[columns.id]}' stands in {first} too; ids must differ"]
        problems += [f"{path.name} {place}: {problem}" for problem in found]
        if not problems:
            groups += [str(cells[columns.group])] if columns.group else []
            counts.add(len(_references(cells, columns)))
    missing = [column for column in dict.fromkeys(columns.named()) if column not in present]
    if n == 0:
        problems.append(f"{path.name}: holds no rows; give one row per prediction")
    elif missing and present:
        known = ", ".join(present)
        problems = [
            f"{path.name}: no column '{c}'{did_you_mean(c, present)}; columns are {known:.300}" for c in missing
        ]
    if problems:
        rest = len(problems) - _SHOWN
        raise SamplesError(problems[:_SHOWN] + ([f"{path.name}: and {rest} more problems"] if rest > 0 else []))
    return PredictionFile(n, tuple(groups), str(counts.pop()) if len(counts) == 1 else "var")


def read_pairs(path: Path, columns: PredictionColumns, prediction: str) -> Iterator[ScoredPair]:
    """Yield the rows of a file that `check_predictions` passed, one column as the summaries; ids default to rows."""
    for number, (_, cells, _) in enumerate(_records(path), 1):
        yield ScoredPair(
            id=str(cells[columns.id]) if columns.id else str(number),
            summary=_text(cells.get(prediction)),
            references=tuple(_references(cells, columns)),
            dialogue=_text(cells.get(columns.dialogue)) if columns.dialogue else None,
            key_facts=_facts(cells.get(columns.key_facts)) if columns.key_facts else (),
        )


def _problems(cells: Cells, columns: PredictionColumns) -> list[str]:
    problems = [
        f"column '{column}' {problem}"
        for column in dict.fromkeys(columns.named())
        if (problem := _wrong_kind(cells.get(column), column, columns))
    ]
    if problems:
        return problems
    for what, column in (("id", columns.id), ("dialogue", columns.dialogue), ("group", columns.group)):
        if column and not str("" if cells.get(column) is None else cells[column]).strip():
            problems.append(f"no {what} in column '{column}'; fill the cell or remove the row")
    references = _references(cells, columns)
    if not references:
        where = " or ".join(map(repr, columns.references))
        problems.append(f"no reference in column {where}; fill the cell or remove the row")
    return problems + [f"reference: {problem}" for text in references if (problem := reference_problem(text))]


def _wrong_kind(value: object, column: str, columns: PredictionColumns) -> str | None:
    texts = [value]
    if isinstance(value, list) and column in (*columns.references, columns.key_facts):
        texts = value
    if column in (columns.id, columns.group):
        texts = [str(text) if isinstance(text, int | float) else text for text in texts]
    for text in texts:
        if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
            return "is not UTF-8; save the file as UTF-8"
        if not isinstance(text, str | None):
            return f"holds {type(text).__name__} {text!r:.40}; give a text"
    return None


def _references(cells: Cells, columns: PredictionColumns) -> list[str]:
    values = [cells.get(column) for column in columns.references]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _facts(value: object) -> tuple[str, ...]:
    """Return the key facts of a cell: a list, or one text with semicolons between facts."""
    facts = value if isinstance(value, list) else str(value or "").split(";")
    return tuple(text.strip() for text in facts if text and text.strip())


def _records(path: Path) -> Iterator[tuple[str, Cells, str | None]]:
    """Yield every row as (place, cells, what is broken); bytes that are not UTF-8 come as lone surrogates."""
    readers = {".csv": _csv_records, ".jsonl": _jsonl_records}
    if path.suffix.lower() not in readers:
        raise SamplesError(f"{path.name}: is neither .csv nor .jsonl; save the predictions as one of them")
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        if b"\0" in start:
            raise SamplesError(f"{path.name} row 1: holds NUL bytes, as UTF-16 text does; save the file as UTF-8")
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from readers[path.suffix.lower()](file)
    except OSError as error:
        raise SamplesError(f"{path}: cannot be read: {error.strerror}") from None


def _jsonl_records(file: IO[str]) -> Iterator[tuple[str, Cells, str | None]]:
    number = 0
    for line_number, line in enumerate(file, 1):
        if not line.strip():
            continue
        number += 1
        place = f"row {number} (line {line_number})"
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield place, {}, f"is not JSON: {error}; write one object per line"
            continue
        if isinstance(cells, dict):
            yield place, cells, None
        else:
            yield place, {}, f"holds {type(cells).__name__}; write one JSON object per line"


def _csv_records(file: IO[str]) -> Iterator[tuple[str, Cells, str | None]]:
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(file, strict=True)
    number = 0
    try:
        header = next(reader, [])
        if doubled := sorted({name for name in header if header.count(name) > 1}):
            raise SamplesError(f"{Path(file.name).name} header: {doubled} stand twice; rename one of each")
        for cells in filter(None, reader):
            number += 1
            broken = None
            if len(cells) != len(header):
                broken = f"has {len(cells)} cells, the header {len(header)}; quote cells with commas or breaks"
            yield f"row {number} (line {reader.line_num})", dict(zip(header, cells, strict=False)), broken
    except csv.Error as error:
        yield f"row {number + 1} (line {reader.line_num})", {}, f"is not CSV: {error}; check its quotes"
