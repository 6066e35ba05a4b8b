"""Reading a file of predictions: every row is scored unchanged, or set aside with what is wrong with it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from helpers.core.errors import SamplesError, did_you_mean
from helpers.samples.formats import dialogue_of, id_key, id_of, label_of, texts_of
from helpers.samples.intake import SHOWN, Counting
from helpers.samples.readers import Cells, FileRow, name_of, read_rows
from helpers.scorers.words import Tokenizer, has_word


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


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row that is scored; a summary that is ``None`` was not given."""

    id: str
    summary: str | None
    references: tuple[str, ...]
    dialogue: str | None = None
    group: str | None = None
    key_facts: tuple[str, ...] = ()
    baseline: str | None = None


@dataclass
class PredictionFile:
    """A file of predictions; ``counting`` tells of its rows, once they were read.

    Raises `SamplesError` for what is no such file, a missing column and doubled ids; a row that cannot be used is set
    aside. A prediction that is empty is no such row: it is scored 0 and counted as empty.
    """

    source: str | Path
    columns: PredictionColumns
    encoding: str | None = None
    strict: bool = False
    tokenizer: Tokenizer = "unicode"
    counting: Counting = field(init=False)

    def __post_init__(self) -> None:
        self.counting = self._counting()

    def rows(self) -> Iterator[Prediction]:
        """Yield the rows that can be used, holding one at a time; ids default to the rows' numbers."""
        self.counting = counting = self._counting()
        present: dict[str, None] = {}
        ids = _Ids()
        for row in read_rows(self.source, self.encoding):
            counting.rows += 1
            present.update(dict.fromkeys(row.cells))
            found = _prediction(row, self.columns, counting, self.tokenizer)
            if found is None:
                continue
            if self.columns.id and ids.may_have(found.id):
                raise SamplesError(self._doubled())
            yield found
        self._check(present)
        if ids.may_repeat():
            raise SamplesError(self._doubled())

    def check(self) -> None:
        """Read the file once without scoring it; raises `SamplesError` as its rows do, and for what was set aside."""
        for _ in self.rows():
            pass
        self.counting.done()

    def _counting(self) -> Counting:
        return Counting(name_of(self.source), self.strict)

    def _check(self, present: dict[str, None]) -> None:
        name = self.counting.name
        if not self.counting.rows:
            raise SamplesError(f"{name}: holds no rows; give one row per prediction")
        missing = [column for column in dict.fromkeys(self.columns.named()) if column not in present]
        if missing and present:
            known = ", ".join(present)
            raise SamplesError(
                f"{name}: no column '{c}'{did_you_mean(c, present)}; columns are {known:.300}" for c in missing
            )

    def _doubled(self) -> list[str]:
        """Return which ids occur twice, and where."""
        first: dict[str, str] = {}
        problems: list[str] = []
        for row in read_rows(self.source, self.encoding):
            try:
                key = id_key(id_of(row.cells.get(self.columns.id or "")))
            except ValueError:
                continue
            if key and (place := first.setdefault(key, row.place)) != row.place:
                problems.append(f"{self.counting.name} {row.place}: id '{key}' is also in {place}; ids must differ")
        rest = len(problems) - SHOWN
        return problems[:SHOWN] + ([f"{self.counting.name}: and {rest} more problems"] if rest > 0 else [])


class _Ids:
    """Whether an id occurs twice, in eight bytes an id: what looks doubled by its hash is then looked at."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._looked = 1024

    def may_have(self, name: str) -> bool:
        """Take an id; return whether some that were taken may be the same, looked at now and then."""
        self._hashes.append(hash(id_key(name)))
        if len(self._hashes) < self._looked:
            return False
        self._looked *= 2
        return self.may_repeat()

    def may_repeat(self) -> bool:
        """Return whether two of the ids may be the same."""
        taken = np.sort(np.frombuffer(self._hashes, dtype=np.int64)) if self._hashes else np.empty(0)
        return bool((taken[1:] == taken[:-1]).any())


def _prediction(
    row: FileRow, columns: PredictionColumns, counting: Counting, tokenizer: Tokenizer
) -> Prediction | None:
    """Return what is scored of a row, or count why it cannot be."""
    reason, detail = ("not readable as a row", row.problem) if row.problem else _missing(row.cells, columns)
    if not reason:
        try:
            reason, found = _read(row, columns, counting, tokenizer)
        except ValueError as error:
            reason, detail = "a cell that holds no text", str(error)
        else:
            if not reason:
                return found
    counting.set_aside(row.place, reason, detail)
    return None


def _missing(cells: Cells, columns: PredictionColumns) -> tuple[str, str]:
    absent = [column for column in columns.named() if column not in cells and column not in columns.references]
    if not any(column in cells for column in columns.references):
        absent += columns.references
    return (f"no column '{absent[0]}'", "") if absent else ("", "")


def _read(
    row: FileRow, columns: PredictionColumns, counting: Counting, tokenizer: Tokenizer
) -> tuple[str, Prediction | None]:
    cells = row.cells
    name = counting.id(_in(columns.id, id_of, cells)) if columns.id else str(row.number)
    group = _in(columns.group, label_of, cells)
    dialogue = _in(columns.dialogue, dialogue_of, cells)
    cells_needed = (("id", columns.id, name), ("dialogue", columns.dialogue, dialogue), ("group", columns.group, group))
    for what, column, value in cells_needed:
        if column and not (value or "").strip():
            return f"no {what} in column '{column}'", None
    given = [text for column in columns.references for text in _in(column, texts_of, cells) or ()]
    where = " or ".join(map(repr, columns.references))
    if not given:
        return f"no reference in column {where}", None
    references = [counting.text(text) for text in given if has_word(text, tokenizer)]
    if not references:
        return f"no word in the reference in column {where}", None
    if len(references) < len(given):
        counting.note("a further reference without a word is left out")
    return "", Prediction(
        id=name,
        summary=_summary(cells, columns.prediction, counting),
        references=tuple(references),
        dialogue=None if dialogue is None else counting.text(dialogue),
        group=group and counting.id(group),
        key_facts=_facts(cells.get(columns.key_facts)) if columns.key_facts else (),
        baseline=_summary(cells, columns.baseline, counting) if columns.baseline else None,
    )


def _in(column: str | None, read: Any, cells: Cells) -> Any:
    """Return what a reader makes of a cell; its ValueError names the column."""
    if column is None:
        return None
    try:
        return read(cells.get(column))
    except ValueError as error:
        raise ValueError(f"column '{column}' {error}") from None


def _summary(cells: Cells, column: str, counting: Counting) -> str | None:
    value = cells[column]
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"column '{column}' holds {type(value).__name__}; give a text")  # noqa: TRY004
    return counting.text(value)


def _facts(value: object) -> tuple[str, ...]:
    """Return the key facts of a cell: a list, or one text with semicolons between facts."""
    facts = value if isinstance(value, list) else str(value or "").split(";")
    return tuple(text.strip() for text in facts if isinstance(text, str) and text.strip())
