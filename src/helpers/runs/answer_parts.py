"""Answers to a whole data set as Parquet parts: one per chunk of dialogues, each written whole or not at all.

A part carries the fingerprint of its requests (settings, ids, dialogues), so that answers to something else are
never taken for these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.backends.base import COUNTS
from helpers.core.errors import RunError, ToolError
from helpers.core.text import stable_hash
from helpers.params import Params
from helpers.samples.dataset import Sample

AnswerRow = dict[str, Any]
_KEY = b"fingerprint"


class AnswerParts:
    """A folder of parts, ``part-000000.parquet`` and so on, in the order of the dialogues.

    A row holds ``id``, ``kind`` (``ok`` or a `helpers.core.errors.Failure`), ``message``, ``summary``, ``service_time``
    in seconds and, in `COUNTS` and ``finish``, what the server told; what nobody knows is null.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, number: int, fingerprint: str) -> dict[str, AnswerRow]:
        """Return the rows of a part by id, none when it is not there; raises `RunError` for answers to other things."""
        import pyarrow.parquet

        path = self._path(number)
        if not path.exists():
            return {}
        table = pyarrow.parquet.read_table(path)
        if (table.schema.metadata or {}).get(_KEY, b"").decode() != fingerprint:
            raise RunError(
                f"{path.name}: answers to other dialogues, chunks or settings; remove {self.folder.name} to "
                "start over, or write elsewhere"
            )
        return {str(row["id"]): row for row in table.to_pylist()}

    def write(self, number: int, fingerprint: str, rows: Sequence[AnswerRow]) -> None:
        """Write a part in one step; raises `ToolError` when the disk takes no more."""
        import pyarrow as pa
        import pyarrow.parquet

        table = pa.Table.from_pylist(list(rows), schema=_schema().with_metadata({_KEY: fingerprint}))
        path = self._path(number)
        unfinished = path.with_suffix(".unfinished")
        try:
            pyarrow.parquet.write_table(table, unfinished)
            os.replace(unfinished, path)
        except OSError as error:
            raise ToolError(f"{path}: cannot be written ({error.strerror}); what was answered before is kept") from None

    def rows(self) -> Iterator[AnswerRow]:
        """Yield all rows in the order of the dialogues, one part at a time."""
        import pyarrow.parquet

        for path in sorted(self.folder.glob("part-*.parquet")):
            yield from pyarrow.parquet.read_table(path).to_pylist()

    def drop_from(self, number: int) -> None:
        """Remove the parts from a number on, which are left of a longer data set."""
        for path in self.folder.glob("part-*.parquet"):
            if int(path.stem.removeprefix("part-")) >= number:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:06d}.parquet"


def fingerprint(params: Params, samples: Sequence[Sample]) -> str:
    """Return the hash of what a chunk asks of whom; how many workers answer is no part of it."""
    asked = {"model", "generation", "backend", "endpoint", "replay"}
    settings = params.model_dump(mode="json", include=asked)
    content = [settings, [(sample.id, sample.dialogue) for sample in samples]]
    return stable_hash(content)


def _schema() -> Any:
    import pyarrow as pa

    texts = [(name, pa.string()) for name in ("id", "kind", "message", "summary")]
    counts = [(name, pa.int64()) for name in COUNTS]
    return pa.schema([*texts, *counts, ("service_time", pa.float64()), ("finish", pa.string())])
