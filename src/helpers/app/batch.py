"""Many dialogues in, pasted or as CSV, and answers out as CSV; a bad row is named and the others are asked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers.app.client import Answered
from helpers.core.errors import InputError
from helpers.core.text import harmless

COLUMNS = (
    "id", "at", "summary", "seconds", "input_tokens", "output_tokens", "lost_tokens", "problem",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """One dialogue of a batch; ``problem`` says why it cannot be asked."""

    name: str
    dialogue: str = ""
    problem: str = ""


def pasted(text: str) -> list[Given]:
    """Return the dialogues of a text, which blank lines keep apart."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if block.strip()]
    return [Given(f"dialogue {number}", block) for number, block in enumerate(blocks, 1)]


def uploaded(path: Path, most_bytes: int) -> list[Given]:
    """Return the rows of a CSV file with a column ``dialogue`` and perhaps ``id``; raises `InputError`."""
    if path.stat().st_size > most_bytes:
        raise InputError(f"the file is larger than {most_bytes:,} bytes; split it")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip().lower() for name in next(reader, [])]
        if "dialogue" not in header:
            found = ", ".join(header)[:200] or "empty"
            raise InputError(f"the file has no column 'dialogue'; its first line is: {found}")
        return [_row(number, header, cells) for number, cells in enumerate(reader, 2) if cells]
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text; save it as CSV (UTF-8)") from None
    except csv.Error as error:
        raise InputError(f"the file is not readable as CSV: {error}") from None


def bounded(rows: list[Given], most: int) -> list[Given]:
    """Return the rows of a batch; raises `InputError` when there are none or too many."""
    if not rows:
        raise InputError("there is no dialogue yet: paste some, with blank lines between them, or upload a CSV file")
    if len(rows) > most:
        raise InputError(f"{len(rows)} dialogues are too many at once; at most {most} can be sent")
    return rows


def as_csv(answers: Iterable[Answered]) -> str:
    """Return answers as CSV in which no cell is a formula."""
    file = io.StringIO(newline="")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for answer in answers:
        counts = (answer.input_tokens, answer.output_tokens, answer.lost_tokens)
        at = answer.at.isoformat(timespec="seconds")
        cells = (answer.name, at, answer.summary, answer.seconds, *counts, answer.problem)
        rows.writerow([harmless(cell) for cell in cells])
    return file.getvalue()


def _row(number: int, header: list[str], cells: list[str]) -> Given:
    row = dict(zip(header, cells, strict=False))
    name, dialogue = row.get("id", "").strip() or f"row {number}", row.get("dialogue", "")
    if len(cells) != len(header):
        return Given(name, problem=f"line {number} has {len(cells)} cells, the first line has {len(header)}")
    return Given(name, dialogue, "" if dialogue.strip() else f"line {number} has no dialogue")
