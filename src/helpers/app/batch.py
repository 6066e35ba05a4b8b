"""Many dialogues in, pasted or as a file, and answers out as CSV; a bad row is named and the others are sent."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from helpers.app.client import Answered
from helpers.core.errors import InputError, SamplesError
from helpers.core.text import harmless
from helpers.params import App, Columns, Samples
from helpers.samples.dataset import each_sample
from helpers.samples.intake import Counting
from helpers.samples.readers import FORMATS, EncodingError


def _reads_parquet() -> bool:
    try:
        return find_spec("pyarrow") is not None
    except ImportError:
        return False


COLUMNS = (
    "id", "dialogue", "at", "summary", "seconds", "first_token", "input_tokens", "output_tokens", "lost_tokens",
    "failed_checks", "faithfulness_flags", "problem",
)  # fmt: skip
#: The files that are taken, by how their names end; Parquet where its reader is installed, which a Space does without.
TAKEN = tuple(name for name, form in FORMATS.items() if form != "parquet" or _reads_parquet())
#: What a text file without a mark of its own may be encoded in; Unicode first.
ENCODINGS = ("utf-8", "cp1252", "latin-1", "cp1251", "shift_jis", "gb18030")
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
#: A Parquet file may be this many times as large unpacked as an upload may be.
UNPACKED = 4


@dataclass(frozen=True)
class Given:
    """One dialogue of a batch; ``problem`` says why it cannot be sent."""

    name: str
    dialogue: str = ""
    problem: str = ""


@dataclass
class _Naming(Counting):
    """Counts the rows of an upload, and keeps those that cannot be sent in their place among the others."""

    given: list[Given] = field(default_factory=list)

    def set_aside(self, place: str, reason: str, detail: str = "") -> None:
        super().set_aside(place, reason, detail)
        where, _, name = place.partition(", id ")
        self.given.append(Given(name or where, problem=f"{where}: {detail or reason}"))


def pasted(text: str) -> list[Given]:
    """Return the dialogues of a text, which blank lines keep apart."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if block.strip()]
    return [Given(f"dialogue {number}", block) for number, block in enumerate(blocks, 1)]


def uploaded(path: Path, app: App, encoding: str = ENCODINGS[0]) -> list[Given]:
    """Return the rows of a file as every verb reads it, at most one more than ``app`` allows; raises `InputError`."""
    if path.stat().st_size > app.max_upload_bytes:
        raise InputError(f"the file is larger than {app.max_upload_bytes:,} bytes; split it")
    if encoding not in ENCODINGS:
        raise InputError(f"the encoding is none of {', '.join(ENCODINGS)}")
    _check_unpacked(path, app)
    naming = _Naming("the file")
    params = Samples(source=str(path), encoding=encoding, columns=Columns(references=()))
    try:
        for sample in each_sample(params, naming):
            naming.given.append(Given(sample.id, sample.dialogue))
            if len(naming.given) > app.max_rows:
                break
    except EncodingError:
        raise InputError(f"the file is not {encoding} text; choose its encoding, or save it as UTF-8") from None
    except SamplesError as error:
        # How a column is mapped in a params file is of no use to a visitor.
        told = (problem.replace(path.name, "the file").partition("; map yours")[0] for problem in error.problems)
        raise InputError(told) from None
    return naming.given


def bounded(rows: list[Given], most: int) -> list[Given]:
    """Return the rows of a batch; raises `InputError` when there are none or too many."""
    if not rows:
        raise InputError("there is no dialogue yet: paste some, with blank lines between them, or upload a file")
    if len(rows) > most:
        raise InputError(f"{len(rows)} dialogues are too many at once; at most {most} can be sent")
    return rows


def as_csv(answers: Iterable[Answered]) -> str:
    """Return answers as CSV in which no cell is a formula."""
    file = io.StringIO(newline="")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for answer in answers:
        times = (answer.seconds, answer.first_token)
        counts = (answer.input_tokens, answer.output_tokens, answer.lost_tokens)
        at = answer.at.isoformat(timespec="seconds")
        found = ("; ".join(flag.label for flag in flags) for flags in (answer.checked.failed, answer.checked.doubted))
        cells = (answer.name, answer.excerpt, at, answer.summary, *times, *counts, *found, answer.problem)
        rows.writerow([harmless(cell) for cell in cells])
    return file.getvalue()


def _check_unpacked(path: Path, app: App) -> None:
    """Raise `InputError` for a small file that may hold far more than its size, or that nothing here can read."""
    with path.open("rb") as file:
        start = file.read(len(_PARQUET))
    if start.startswith(_GZIP):
        raise InputError("the file is packed; upload what is in it")
    if start != _PARQUET:
        return
    if not _reads_parquet():
        raise InputError("Parquet cannot be read here; save it as CSV or JSON Lines")
    import pyarrow.lib
    import pyarrow.parquet

    try:
        told = pyarrow.parquet.read_metadata(path)
    except pyarrow.lib.ArrowException:
        return  # the reader says what is wrong with it
    size = sum(told.row_group(place).total_byte_size for place in range(told.num_row_groups))
    if told.num_rows > app.max_rows or size > UNPACKED * app.max_upload_bytes:
        raise InputError(f"the file holds {told.num_rows} rows of {size:,} bytes; at most {app.max_rows} can be sent")
