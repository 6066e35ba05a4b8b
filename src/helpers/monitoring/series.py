"""A request log as columns: what monitoring needs of each attempt, in the order in which the attempts ended.

A log of a million lines is read in blocks into arrays. Only traffic is kept, load included; cold starts, warm-ups and
probes are not traffic.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.core.errors import RunError
from helpers.runs.request_log import Damaged, Record

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
#: A load and when it was: seconds since 1970, and a share from 0 to 1.
Samples = Iterable[tuple[float, float]]

#: A record this many seconds from the median of its log was stamped by a clock that was never set.
FAR_OFF = 5 * 365 * 86_400.0
#: Phases that are no traffic.
ASIDE = ("cold", "warmup", "probe", "cached")
_KNOWN = ("service_time", "input_tokens", "output_tokens", "first_token", "inter_token")

#: Columns that runs of earlier versions lack, each as long as another one, or empty.
_NEWER = {"first_token": "ended", "inter_token": "ended", "gpu_at": "", "gpu": ""}

#: The columns of the log that page 06 read, beside its result.
SERIES = "series.npz"


@dataclass(frozen=True)
class Series:
    """Attempts by the time they ended, seconds after ``start`` (seconds since 1970, UTC).

    ``kind`` and ``sample`` are places in ``kinds`` and ``samples``; a time or a token count that nobody knows is NaN.
    ``first_token`` and ``inter_token`` are known of answers that were streamed. ``usage`` is the load of the server at
    ``usage_at``, 0 to 1 per core, ``gpu`` the use of its GPU at ``gpu_at``. ``aside`` counts attempts that are none.
    """

    start: float
    ended: FloatArray
    service_time: FloatArray
    input_tokens: FloatArray
    output_tokens: FloatArray
    first_token: FloatArray
    inter_token: FloatArray
    kind: IntArray
    kinds: tuple[str, ...]
    sample: IntArray
    samples: tuple[str, ...]
    usage_at: FloatArray
    usage: FloatArray
    gpu_at: FloatArray
    gpu: FloatArray
    aside: int = 0

    def __len__(self) -> int:
        return len(self.ended)

    @property
    def ok(self) -> BoolArray:
        """Which attempts were answered validly."""
        answered: BoolArray = self.kind == self.kinds.index("ok")
        return answered

    @property
    def end(self) -> float:
        """When the last attempt or sample of the load was seen, seconds after the start."""
        return float(max([*self.ended[-1:], *self.usage_at[-1:], *self.gpu_at[-1:]], default=0.0))

    @property
    def started_at(self) -> datetime:
        """When the first attempt began."""
        return datetime.fromtimestamp(self.start, UTC)


class LogColumns:
    """Collects records one by one; ``series`` turns them into arrays without those that count no longer.

    ``left_out`` names the lines that could not be read, and those whose clock was wrong.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._rows = array("d")  # eight numbers a record; a list of tuples would take five times the memory
        self._logs: list[str] = []
        self._lines, self._log = array("q"), array("h")
        self._requests: list[str] = []
        self._gone: set[str] = set()
        self._kinds, self._samples = {"ok": 0}, dict[str, int]()
        self._aside = 0

    def begin(self, name: str) -> None:
        """Begin with a log of this name: what is added from now on belongs to it."""
        self._logs.append(name)

    def add(self, record: Record, line: int = 0) -> None:
        """Take what is needed of a record on this line."""
        if record.supersedes:
            self._gone.add(record.supersedes)
        if record.phase in ASIDE or record.variant:
            self._aside += 1
            return
        known = (getattr(record, name) for name in _KNOWN)
        numbers = (np.nan if value is None else value for value in known)
        kind = self._kinds.setdefault(record.kind, len(self._kinds))
        sample = self._samples.setdefault(record.sample, len(self._samples))
        self._rows.extend((record.started_at.timestamp(), *numbers, kind, sample))
        self._requests.append(record.request)
        self._lines.append(line)
        self._log.append(len(self._logs) - 1)

    def add_table(self, table: Any, first: int = 1) -> None:
        """Take what is needed of a block of records, an Arrow table as `helpers.monitoring.log_blocks` reads them.

        Its rows are the lines from ``first`` on.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._gone.update(name for name in table["supersedes"].unique().to_pylist() if name)
        is_aside = pc.or_(
            pc.is_in(table["phase"], pa.array(ASIDE)), pc.not_equal(pc.fill_null(table["variant"], ""), "")
        )
        kept = table.filter(pc.invert(is_aside))
        lines = np.flatnonzero(~is_aside.to_numpy()) + first
        self._lines.frombytes(lines.astype(np.int64).tobytes())
        self._log.extend([len(self._logs) - 1] * len(lines))
        self._aside += len(table) - len(kept)
        numbers = [kept["started_at"].cast(pa.int64()).to_numpy() / 1e6]
        numbers += [pc.fill_null(kept[name].cast(pa.float64()), np.nan).to_numpy() for name in _KNOWN]
        numbers += [_places(kept["kind"], self._kinds), _places(kept["sample"], self._samples)]
        self._rows.frombytes(np.column_stack(numbers).tobytes())
        self._requests.extend(kept["request"].to_pylist())

    def series(self, usage: Samples = (), gpu: Samples = ()) -> Series:
        """Return the columns; ``usage`` and ``gpu`` are seconds since 1970, and the load of each at that time."""
        rows = np.array(self._rows, dtype=float).reshape(-1, len(_KNOWN) + 3)
        counts = self._with_a_right_clock(rows)
        if self._gone:
            counts &= np.array([request not in self._gone for request in self._requests], dtype=bool)
        rows = rows[counts]
        start = float(rows[:, 0].min()) if len(rows) else 0.0
        ended = rows[:, 0] - start + np.nan_to_num(rows[:, 1])
        order = np.argsort(ended, kind="stable")
        # A clock that counts from 1970 holds microseconds: what floating point adds to them is rounded off.
        ended, rows = ended[order].round(6), rows[order]
        cores, chip = (_since(start, samples if len(rows) else ()) for samples in (usage, gpu))
        known = {name: rows[:, 1 + place].copy() for place, name in enumerate(_KNOWN)}
        return Series(
            start=start,
            ended=ended,
            **known,
            kind=rows[:, -2].astype(int),
            kinds=tuple(self._kinds),
            sample=rows[:, -1].astype(int),
            samples=tuple(self._samples),
            usage_at=cores[:, 0].copy(),
            usage=cores[:, 1].copy(),
            gpu_at=chip[:, 0].copy(),
            gpu=chip[:, 1].copy(),
            aside=self._aside,
        )

    def _with_a_right_clock(self, rows: FloatArray) -> BoolArray:
        """Return which rows are of about the time of the others, and name the lines that are not."""
        if not len(rows):
            return np.ones(0, dtype=bool)
        right: BoolArray = np.abs(rows[:, 0] - np.median(rows[:, 0])) < FAR_OFF
        for place in np.flatnonzero(~right).tolist():
            log = self._logs[self._log[place]] if self._logs else "the log"
            at = datetime.fromtimestamp(rows[place, 0], UTC)
            self.left_out.append(
                f"{log} line {self._lines[place]}: its clock says {at:%Y-%m-%d}, years from the other lines; left out"
            )
        return right


def from_records(records: Iterable[Record], usage: Samples = (), gpu: Samples = ()) -> Series:
    """Return the columns of records."""
    columns = LogColumns()
    for record in records:
        columns.add(record)
    return columns.series(usage, gpu)


def read_series(logs: Sequence[Path], usage: Samples = (), gpu: Samples = (), tell: Damaged = lambda _: None) -> Series:
    """Return the columns of log files, read block by block; raises `RunError` for one that is not there.

    ``tell`` is told of every line that is left out.
    """
    from helpers.monitoring.log_blocks import read_blocks  # with Arrow, which most verbs do without

    missing = [log for log in logs if not log.is_file()]
    if missing:
        raise RunError(f"{log}: no such log; give a run's requests.jsonl" for log in missing)
    columns = LogColumns()
    for log in logs:
        columns.begin(log.name)
        for first, block in read_blocks(log, tell):
            if isinstance(block, list):
                for line, record in block:
                    columns.add(record, line)
            else:
                columns.add_table(block, first)
    found = columns.series(usage, gpu)
    for line in columns.left_out:
        tell(line)
    return found


def save(path: Path, series: Series) -> None:
    """Write the columns beside a run's results, whole or not at all."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        columns: dict[str, Any] = {field.name: getattr(series, field.name) for field in fields(series)}
        np.savez_compressed(file, allow_pickle=False, **columns)
    unfinished.replace(path)


def load(path: Path) -> Series:
    """Return columns that `save` wrote; raises `RunError` when they are not there."""
    try:
        with np.load(path, allow_pickle=False) as found:
            names = [field.name for field in fields(Series) if field.name in found or field.name not in _NEWER]
            columns = {name: found[name] for name in names}
    except (OSError, KeyError, ValueError):
        raise RunError(f"{path.name}: not there, or not of this version; measure page 06 again") from None
    for name, beside in _NEWER.items():
        columns.setdefault(name, np.full(len(columns[beside]) if beside else 0, np.nan))
    listed = {name: tuple(columns[name].tolist()) for name in ("kinds", "samples")}
    return Series(**columns | listed | {name: columns[name].item() for name in ("start", "aside")})


def _since(start: float, samples: Samples) -> FloatArray:
    """Return samples of a load by seconds after the start, those before it left out."""
    load: FloatArray = np.array(sorted(samples), dtype=float).reshape(-1, 2)
    load[:, 0] = (load[:, 0] - start).round(6)
    return load[load[:, 0] >= 0]


def _places(names: Any, known: dict[str, int]) -> IntArray:
    """Return the place of each name among the known ones; a new one is entered behind them."""
    found = names.combine_chunks().dictionary_encode()
    places = np.array([known.setdefault(name, len(known)) for name in found.dictionary.to_pylist()], dtype=int)
    numbered: IntArray = places[found.indices.to_numpy()]
    return numbered
