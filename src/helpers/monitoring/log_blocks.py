"""A request log in blocks of lines: as Arrow tables where every line is plainly a record, else record by record.

Arrow reads a block in a tenth of the time, but knows less of what a record must be. It may only say yes: whatever it
is not sure of goes to `helpers.runs.request_log`, which accepts the line or names what is wrong with it.
"""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from helpers.runs.request_log import Counter, Damaged, Phase, Record, TextForm, open_log, read_lines

Numbered = tuple[int, Record]

#: Bytes that are read at a time.
BLOCK = 16_000_000
#: How the log's own writer spells a time; any other spelling is left to the slower reader.
_TIME = r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"
_TYPES = {
    "str": pa.string(),
    "int": pa.int64(),
    "Tokens": pa.int64(),
    "Duration": pa.float64(),
    "Literal[1]": pa.int64(),
}
#: What is neither negative nor infinite.
_AMOUNTS = [one.name for one in dataclasses.fields(Record) if str(one.type).startswith(("Tokens", "Duration"))]
_NEEDED = [one.name for one in dataclasses.fields(Record) if one.default is dataclasses.MISSING]


def read_blocks(path: Path, damaged: Damaged = lambda _: None) -> Iterator[tuple[int, pa.Table | list[Numbered]]]:
    """Yield the records of a log file in blocks, each with the number of its first line: as a table or as a list.

    A table has the columns of `Record` and a row for each line; a missing value is null, its default among them, and
    ``started_at`` is a timestamp in UTC. Lines are left out, told of and refused as by
    `helpers.runs.request_log.read_log`.
    """
    number = 1
    with open_log(path) as file:
        while block := file.read(BLOCK):
            block += file.readline()
            found = _as_table(block) if block.endswith(b"\n") else None
            yield number, list(read_lines(io.BytesIO(block), path.name, number, damaged)) if found is None else found
            number += block.count(b"\n")


def _as_table(block: bytes) -> pa.Table | None:
    """Return a block as a table, or ``None`` when a line of it might not be a record."""
    # Arrow skips empty lines, takes several objects on one, and null or NaN for a value that is not there.
    letters = np.frombuffer(block, dtype=np.uint8)
    starts = np.append(0, np.flatnonzero(letters == ord("\n")) + 1)
    if (
        (letters[starts[:-1]] != ord("{")).any()
        or (letters[starts[1:] - 2] != ord("}")).any()
        or b"null" in block
        or b"NaN" in block
    ):
        return None
    parsing = pyarrow.json.ParseOptions(explicit_schema=_schema(), unexpected_field_behavior="error")
    try:
        table = pyarrow.json.read_json(pa.BufferReader(block), parse_options=parsing)
        table.validate(full=True)
        if table.num_rows != len(starts) - 1 or not _is_plain(table):
            return None
        place = table.schema.get_field_index("started_at")
        return table.set_column(place, "started_at", table[place].cast(pa.timestamp("us", "UTC")))
    except pa.ArrowInvalid:
        return None


def _is_plain(table: pa.Table) -> bool:
    """Return whether required columns are complete and the others hold what a record may hold."""
    allowed = {"phase": get_args(Phase), "text_form": get_args(TextForm), "schema_version": (1,)}
    allowed["tokens_by"] = get_args(Counter)
    amounts = [pc.min_max(table[name]) for name in _AMOUNTS]
    if any(
        (low := found["min"].as_py()) is not None and not 0 <= low <= found["max"].as_py() < math.inf
        for found in amounts
    ):
        return False
    return (
        not any(table[name].null_count for name in _NEEDED)
        and all({*table[name].unique().to_pylist()} <= {None, *values} for name, values in allowed.items())
        and bool(pc.all(pc.match_substring_regex(table["started_at"], _TIME)).as_py())
    )


def _schema() -> Any:
    """Return the columns of a record; what is no number is text."""
    kinds = {one.name: str(one.type).partition(" ")[0] for one in dataclasses.fields(Record)}
    return pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in kinds.items()])
