"""Rows of the files that people keep dialogues and predictions in: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.core.errors import SamplesError

#: Rows of a Parquet file that are held at a time.
BATCH = 1024


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a CSV, JSON Lines or Parquet file as mappings; missing cells are ``None``."""
    return list(stream_rows(path))


def stream_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows that `read_rows` returns, one by one."""
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise SamplesError(f"{path.name}: not a file of dialogues; give one ending in {', '.join(readers)}")
    if not path.is_file():
        raise SamplesError(f"{path}: no such file")
    try:
        yield from readers[path.suffix](path)
    except (OSError, UnicodeDecodeError) as error:
        raise SamplesError(f"{path.name}: cannot be read as UTF-8 text: {error}; save it as UTF-8") from None


def _read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SamplesError(f"{path.name} line {number}: not JSON ({error}); one JSON object per line") from None
            if not isinstance(row, dict):
                raise SamplesError(f"{path.name} line {number}: expected a JSON object, found {type(row).__name__}")
            yield row


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SamplesError(f"{path.name}: not a CSV table: {error}") from None
    return ({str(key): value for key, value in row.items()} for row in frame.to_dict("records"))


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.lib
    import pyarrow.parquet

    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(BATCH):
            yield from batch.to_pylist()
    except pyarrow.lib.ArrowInvalid as error:
        raise SamplesError(f"{path.name}: not a Parquet file: {error}") from None
