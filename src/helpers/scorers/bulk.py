"""The scores of many summaries: by any number of processes, and as columns that lie in a file.

A row of figures is eight bytes each, on the disk; memory holds one column at a time, however many rows there are.
"""

from __future__ import annotations

import tempfile
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.core.processes import pool
from helpers.scorers.failures import OutputFailure, output_failures
from helpers.scorers.nli import NLI
from helpers.scorers.scoring import SampleScore, measures
from helpers.scorers.semantic import BERTSCORE, SIMILARITY
from helpers.scorers.words import Tokenizer, letters

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: What `measures` tells of each summary.
MEASURED = tuple(
    name for name in SampleScore.model_fields if name not in ("id", "failures", SIMILARITY, BERTSCORE, NLI)
)
#: Beside them: the kinds of failure, one bit each, and the letters that `rouge_score` sees, and all of them.
COLUMNS = (*MEASURED, "failures", "seen", "letters")
#: Rows given to a process at a time; four chunks per process are in flight, which bounds the memory.
_CHUNK = 128
#: Rows that are read from the file at a time.
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class ScoredPair:
    """Summaries of one dialogue by one system or several, with what they are scored against; ``None``: no answer."""

    summaries: tuple[str | None, ...]
    references: tuple[str, ...]
    dialogue: str | None = None
    key_facts: tuple[str, ...] = ()


class ScoreTable:
    """Scores by column, one row per summary, in a file that is gone when this process ends."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the table)
        weakref.finalize(self, self._file.close)
        self._further: dict[str, FloatArray] = {}
        self.n = 0

    def __len__(self) -> int:
        return self.n

    def add(self, rows: FloatArray) -> None:
        """Append rows, an array (rows, `COLUMNS`)."""
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(rows, dtype=np.float64).tobytes())
        self.n += len(rows)

    def add_column(self, name: str, values: Sequence[float]) -> None:
        """Add a column of its own, one value per row."""
        self._further[name] = np.asarray(values, dtype=np.float64)

    def column(self, name: str) -> FloatArray | None:
        """Return a column in the order of the rows, NaN where a row has no value; ``None`` where there is none."""
        if name not in COLUMNS:
            return self._further.get(name)
        place, width = COLUMNS.index(name), len(COLUMNS)
        found = np.empty(self.n)
        self._file.seek(0)
        for start in range(0, self.n, _BLOCK):
            block = np.frombuffer(self._file.read(8 * width * _BLOCK), dtype=np.float64).reshape(-1, width)
            found[start : start + len(block)] = block[:, place]
        return found

    def failed(self, kind: OutputFailure) -> BoolArray:
        """Return which summaries show a failure."""
        bits = self.column("failures")
        assert bits is not None, "a column of every table"
        found: BoolArray = (bits.astype(np.int64) >> list(OutputFailure).index(kind) & 1).astype(bool)
        return found


def score_pairs(
    pairs: Iterable[ScoredPair], processes: int = 1, tokenizer: Tokenizer = "unicode"
) -> Iterator[FloatArray]:
    """Yield the scores of the pairs as arrays (systems, rows, `COLUMNS`), in order, equal for any ``processes``.

    ``pairs`` is read as it is needed.
    """
    chunks = _chunks(pairs)
    first = list(islice(chunks, 2))
    chunks = chain(first, chunks)
    if processes == 1 or len(first) < 2:
        yield from (_score_chunk(chunk, tokenizer) for chunk in chunks)
        return
    with pool(processes) as others:
        flying: deque[Future[FloatArray]] = deque()
        for chunk in chunks:
            flying.append(others.submit(_score_chunk, chunk, tokenizer))
            if len(flying) >= 4 * processes:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()


def _chunks(pairs: Iterable[ScoredPair]) -> Iterator[list[ScoredPair]]:
    remaining = iter(pairs)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _score_chunk(chunk: list[ScoredPair], tokenizer: Tokenizer) -> FloatArray:
    by_pair = [[_row(summary, pair, tokenizer) for summary in pair.summaries] for pair in chunk]
    return np.array(by_pair, dtype=np.float64).transpose(1, 0, 2)


def _row(summary: str | None, pair: ScoredPair, tokenizer: Tokenizer) -> list[Any]:
    failures = output_failures(summary, pair.dialogue, pair.references)
    found = measures(summary, pair.references, pair.dialogue, pair.key_facts, failures, tokenizer)
    bits = sum(1 << place for place, kind in enumerate(OutputFailure) if kind in failures)
    counts = [letters(text) for text in (summary or "", *pair.references)]
    return [*(found[name] for name in MEASURED), bits, sum(s for s, _ in counts), sum(n for _, n in counts)]
