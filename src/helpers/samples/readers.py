"""The one way in for every file of texts: CSV, JSON Lines, JSON, Parquet, gzipped or not, from a path or stdin.

A caller gets rows, each with its place. A row that cannot be split or decoded is a row with a problem; what makes
all rows doubtful (an unknown encoding, a duplicate column, a quote that never ends) refuses the file.
"""

from __future__ import annotations

import atexit
import codecs
import csv
import gzip
import io
import json
import math
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, Any, TextIO, cast

from helpers.core.errors import SamplesError
from helpers.core.text import encoding_of

STDIN = "-"
#: The formats by how a file's name ends, a further ``.gz`` apart.
FORMATS = {
    ".csv": "csv", ".tsv": "csv",
    ".jsonl": "json", ".ndjson": "json", ".json": "json",
    ".parquet": "parquet",
}  # fmt: skip
#: What keeps the cells of a CSV file apart, the likeliest first.
SEPARATORS = (",", ";", "\t", "|")
_GZIP, _PARQUET, _ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
#: Bytes by which format and encoding are told, and that are decoded at a time.
_START, _BLOCK = 4096, 1 << 20
#: Rows of a Parquet file that are held at a time.
_BATCH = 1024
_LARGEST_CELL = 1 << 30

Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: its number from 1, its place, its cells by column, and why it cannot be used (or nothing).

    A missing value is ``None``, and so is a number that is not one.
    """

    number: int
    place: str
    cells: Cells
    problem: str = ""


class EncodingError(SamplesError):
    """A text file is in another encoding than it is read in."""


def name_of(source: str | Path) -> str:
    """Return how messages call a source: a file without its folder."""
    return "standard input" if str(source) == STDIN else Path(source).name


def read_rows(source: str | Path, encoding: str | None = None) -> Generator[FileRow, None, None]:
    """Yield the rows of a file, or of standard input (``-``), one at a time.

    ``encoding`` is that of a text file without a mark of its own: UTF-8 unless named. Raises `SamplesError` for what is
    no such file, or is in another encoding.
    """
    name = name_of(source)
    with _opened(source) as file:
        start = _peek(file)
        form = "parquet" if start.startswith(_PARQUET) else FORMATS.get(_suffix(source)) or _guessed(start)
        if form == "parquet":
            yield from _parquet_rows(file, name)
            return
        if start.startswith(_ZIP):
            raise SamplesError(f"{name}: is a workbook or an archive; save the sheet as CSV (UTF-8)")
        if not form and str(source) != STDIN:
            raise SamplesError(
                f"{name}: of no known format; give a file ending in {', '.join(FORMATS)}, or those with .gz"
            )
        with _as_text(file, start, name, encoding) as text:
            yield from (_json_rows if form == "json" else _csv_rows)(text, name)


def read_text(source: str | Path, encoding: str | None = None) -> str:
    """Return a file, or standard input, as one text; raises `SamplesError` as `read_rows` does."""
    with _opened(source) as file, _as_text(file, _peek(file), name_of(source), encoding) as text:
        return text.read().lstrip("\ufeff")


def keep_stdin(path: Path) -> Path:
    """Copy standard input to a file whose name tells its format, and return it."""
    with _opened(STDIN) as file:
        start = _peek(file)
        form = "parquet" if start.startswith(_PARQUET) else _guessed(start) or "csv"
        kept = path.with_name(f"{path.name}.{form}")
        with kept.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    return kept


def first_cells(source: str | Path, encoding: str | None = None) -> Cells:
    """Return the cells of the first row that can be read, or nothing."""
    with closing(read_rows(source, encoding)) as rows:
        return next((row.cells for row in rows if not row.problem), {})


@contextmanager
def _opened(source: str | Path) -> Iterator[IO[bytes]]:
    """Open a source for reading bytes, unpacked where it is packed."""
    if str(source) != STDIN and not Path(source).is_file():
        where = "" if Path(source).is_absolute() else f" in {Path.cwd()}"
        raise SamplesError(f"{source}: no such file{where}")
    try:
        with _kept(sys.stdin).open("rb") if str(source) == STDIN else Path(source).open("rb") as file:
            if _peek(file).startswith(_GZIP):
                with gzip.open(file) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            else:
                yield file
    except (OSError, EOFError, zlib.error) as error:
        raise SamplesError(f"{name_of(source)}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


@cache
def _kept(stdin: TextIO) -> Path:
    """Return a file with all of standard input, which is kept while this process runs: it can be read only once."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(stdin.buffer, file)
    return path


def _peek(file: IO[bytes]) -> bytes:
    start = file.read(_START)
    file.seek(0)
    return start


def _suffix(source: str | Path) -> str:
    path = Path(source)
    return (Path(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def _guessed(start: bytes) -> str:
    """Return the format that a file without a telling name begins like, or nothing."""
    encoding = encoding_of(start) or "utf-8"
    return "json" if start.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else ""


@contextmanager
def _as_text(file: IO[bytes], start: bytes, name: str, encoding: str | None) -> Iterator[IO[str]]:
    try:
        used = codecs.lookup(encoding_of(start) or encoding or "utf-8").name
    except LookupError:
        raise SamplesError(f"{name}: '{encoding}' is no encoding; give one such as utf-8, cp1252 or utf-16") from None
    text = io.TextIOWrapper(file, encoding=used, newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        raise EncodingError(_undecoded(name, used, error)) from None
    finally:
        with suppress(ValueError):  # closed already, where rows were read in part
            text.detach()


def _undecoded(name: str, encoding: str, error: UnicodeDecodeError) -> str:
    byte = f"0x{error.object[error.start]:02x}" if error.start < len(error.object) else "at its end"
    fix = "name the encoding it is in, as --encoding or samples.encoding (a spreadsheet's is often cp1252)"
    return f"{name}: is not {encoding.upper()} text (byte {byte}): {fix}, or save the file as UTF-8"


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _row(number: int, place: str, cells: Any, problem: str = "") -> FileRow:
    if problem or not isinstance(cells, dict):
        return FileRow(number, place, {}, problem or f"holds {type(cells).__name__}; write one JSON object per line")
    return FileRow(number, place, {str(key): _value(value) for key, value in cells.items()})


def _csv_rows(text: IO[str], name: str) -> Iterator[FileRow]:
    csv.field_size_limit(_LARGEST_CELL)
    first = text.readline(_LARGEST_CELL)
    skipped = 0
    while first and not first.strip():
        first, skipped = text.readline(_LARGEST_CELL), skipped + 1
    told = first.strip('\r\n "')  # a tab may be what it names
    if told.lower().startswith("sep=") and len(told) == 5:
        separator, lines, skipped = told[4], iter(text), skipped + 1
    else:
        separator, lines = _separator(first), chain([first], text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number, header, before = 0, None, 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            place = f"row {number} (line {reader.line_num + skipped})"
            problem = f"is not CSV: {error}; check its quotes"
            if header is None or reader.line_num - before > 1:  # a quote that is open may have swallowed rows
                raise SamplesError(f"{name} {place}: {problem}") from None
            yield FileRow(number, place, {}, problem)
            cells = []
        before = reader.line_num
        if cells is None:
            return
        if not any(cells):
            continue
        if header is None:
            header = _header(cells, name)
            continue
        number += 1
        yield _csv_row(number, f"row {number} (line {reader.line_num + skipped})", header, cells)


def _separator(header: str) -> str:
    """Return what keeps the columns of a header apart: whatever gives most of them."""
    counts = {one: len(next(csv.reader([header], delimiter=one), [])) for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: counts[one])


def _header(cells: list[str], name: str) -> list[str]:
    """Return the names of the columns, without empty ones at the end; raises `SamplesError` for a doubled one."""
    header = [cell.strip() for cell in cells]
    while header and not header[-1]:
        header.pop()
    if doubled := sorted(column for column, n in Counter(filter(None, header)).items() if n > 1):
        raise SamplesError(f"{name} header: {', '.join(map(repr, doubled))} stands twice; rename one of each")
    return header


def _csv_row(number: int, place: str, header: list[str], cells: list[str]) -> FileRow:
    while len(cells) > len(header) and not cells[-1].strip():  # a spreadsheet's empty columns
        cells.pop()
    if len(cells) != len(header):
        problem = f"has {len(cells)} cells, the header {len(header)}; quote cells that hold separators or line breaks"
        return FileRow(number, place, {}, problem)
    return FileRow(number, place, dict(zip(header, cells, strict=True)))


def _json_rows(text: IO[str], name: str) -> Iterator[FileRow]:
    """Yield the rows of JSON Lines, of a JSON array, or of one object that holds rows."""
    first = text.readline()
    while first and not first.strip("\ufeff \t\r\n"):
        first = text.readline()
    start = first.lstrip("\ufeff \t")
    if start.startswith("["):
        yield from _array_rows(start[1:], text, name)
    elif start.startswith("{") and _goes_on(start):
        yield from _held_rows(start + text.read())
    else:
        yield from _line_rows(chain([start], text))


def _goes_on(line: str) -> bool:
    """Whether a line is the beginning of JSON that ends on a later one."""
    try:
        json.loads(line, strict=False)
    except json.JSONDecodeError as error:
        return error.pos >= len(line.rstrip())
    except (ValueError, RecursionError):
        return False
    return False


def _line_rows(lines: Iterable[str]) -> Iterator[FileRow]:
    number = 0
    for line_number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        number += 1
        place = f"row {number} (line {line_number})"
        try:
            cells, problem = json.loads(line, strict=False), ""
        except (ValueError, RecursionError) as error:
            cells, problem = None, f"is not JSON: {error}; write one object per line"
        yield _row(number, place, cells, problem)


def _array_rows(buffer: str, text: IO[str], name: str) -> Iterator[FileRow]:
    """Yield the objects of an array, holding one at a time and a block of the text."""
    decoder, number, size = json.JSONDecoder(strict=False), 0, _BLOCK
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            return
        try:
            cells, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            more = text.read(size)
            if not more or isinstance(error, RecursionError):
                raise SamplesError(f"{name} row {number + 1}: the array is not JSON: {error}") from None
            buffer, size = buffer + more, 2 * size  # doubled, so that one long row is not read again and again
            continue
        number, size, buffer = number + 1, _BLOCK, buffer[end:]
        yield _row(number, f"row {number}", cells)


def _held_rows(text: str) -> Iterator[FileRow]:
    """Yield the rows that one object holds: its only list of objects, its objects by id, or itself."""
    try:
        tree = json.loads(text, strict=False)
    except (ValueError, RecursionError):  # a first line that is cut off, in a file of such lines
        yield from _line_rows(io.StringIO(text, newline=""))
        return
    lists = [value for value in tree.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(lists) == 1 and "dialogue" not in tree:
        rows = lists[0]
    elif tree and all(isinstance(value, dict) for value in tree.values()):
        rows = [{"id": key, **value} for key, value in tree.items()]
    else:
        rows = [tree]
    yield from (_row(number, f"row {number}", cells) for number, cells in enumerate(rows, 1))


def _parquet_rows(file: IO[bytes], name: str) -> Iterator[FileRow]:
    import pyarrow.lib
    import pyarrow.parquet

    seekable = io.BytesIO(file.read()) if isinstance(file, gzip.GzipFile) else file
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(seekable).iter_batches(_BATCH):
            for cells in batch.to_pylist():
                number += 1
                yield _row(number, f"row {number}", cells)
    except pyarrow.lib.ArrowException as error:
        raise SamplesError(f"{name}: not a Parquet file: {error}") from None
