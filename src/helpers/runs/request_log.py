"""The request log: one JSON line per attempt, appended and flushed, and read back as records.

``requests.jsonl`` is the newest part; one that has grown large is set beside it as ``requests.0001.jsonl`` and so on.
Readers accept packed parts (``.gz``), blank lines, a mark at the start and a last line without an end as well.
What was written never changes: a record that counts no longer is named by the one that ``supersedes`` it.
"""

from __future__ import annotations

import codecs
import dataclasses
import fcntl
import glob
import gzip
import hashlib
import json
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Annotated, Any, Literal, Self, cast

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from helpers.core.environment import redact, secrets
from helpers.core.errors import HelpersError, RunError, ToolError
from helpers.core.paths import DATA
from helpers.core.text import stable_hash

Phase = Literal["cold", "warmup", "probe", "steady", "load", "cached"]
#: Who counted tokens: the model that read and wrote them, or the tokenizer, from the texts.
Counter = Literal["server", "text"]
TextForm = Literal["full", "redacted", "hash"]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0)]
#: Who is told of a damaged line.
Damaged = Callable[[str], object]
#: A part of the log is closed at this size, bytes.
PART_SIZE = 256_000_000


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Record:
    """One attempt of one request.

    ``request`` is shared by the attempts of one request; ``page`` sent it; ``sample`` is the dialogue's id or
    the probe's name. ``kind`` is ``ok`` or a `helpers.core.errors.Failure`. Times are in seconds: ``service_time`` from
    send to last byte of this attempt, ``response_time`` from the intended send of the request to the last byte
    of this attempt, retries and waits included. Token counts are the model's own, or (``tokens_by`` is ``text``) made
    from the texts with its tokenizer, ``None`` where they are not known: the latter say nothing of what was read.
    ``cached_tokens`` were computed for an earlier request; where they reach into the dialogue, the phase is ``cached``.
    ``finish`` to ``longest_gap`` are as in `helpers.backends.base.Answer`.
    ``settings`` is the hash of the generation settings, ``text_form`` says what ``summary`` holds, ``supersedes``
    names an earlier request for the same that counts no longer. ``variant`` names the engine or settings that were
    tried beside the deployment's own, and is empty for these. ``replaced`` counts characters of the answer that were
    replaced because nothing may show them.
    """

    request: str
    attempt: int
    page: str
    phase: Phase
    sample: str
    started_at: AwareDatetime
    kind: str
    settings: str
    repeat: int = 0
    status: int | None = None
    message: str = ""
    service_time: Duration | None = None
    response_time: Duration | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    lost_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    tokens_by: Counter = "server"
    finish: str = ""
    thought: Tokens | None = None
    first_token: Duration | None = None
    inter_token: Duration | None = None
    chunks: Tokens | None = None
    longest_gap: Duration | None = None
    summary: str | None = None
    text_form: TextForm = "full"
    supersedes: str | None = None
    variant: str = ""
    replaced: int = 0
    schema_version: Literal[1] = 1

    @property
    def ok(self) -> bool:
        """Whether this attempt was answered validly by the protocol."""
        return self.kind == "ok"

    @property
    def tokens(self) -> int | None:
        """How many tokens were read and written, where both are known."""
        both = self.input_tokens is not None and self.output_tokens is not None
        return (self.input_tokens or 0) + (self.output_tokens or 0) if both else None

    def counted(self, name: str) -> int | None:
        """Return a count that the model itself gave; ``None`` where it is unknown or made from the text."""
        value: int | None = getattr(self, name) if self.tokens_by == "server" else None
        return value

    @property
    def is_judged(self) -> bool:
        """Whether it belongs to the steady state of the deployment as it is, which targets are judged by."""
        return self.phase == "steady" and not self.variant


RECORD = TypeAdapter(Record)
#: What a line of a log may hold, for other programs.
SCHEMA = DATA / "request_log.schema.json"


class RequestLog:
    """An append-only file of records, each written under a lock and flushed to the disk."""

    def __init__(self, path: Path, text_form: TextForm = "full", part_size: int = PART_SIZE) -> None:
        self.path = path
        self.text_form = text_form
        self._part_size = part_size
        self._secrets = secrets()

    def append(self, record: Record) -> None:
        """Write one record; the summary is written as the privacy setting allows.

        A line is written whole or not at all, even beside other writers; raises `ToolError` when the disk is full.
        """
        summary, message = self.allowed(record.summary), redact(record.message, self._secrets)
        shown = dataclasses.replace(record, summary=summary, message=message, text_form=self.text_form)
        line = RECORD.dump_json(shown, exclude_defaults=True) + b"\n"
        descriptor = self._locked()
        try:
            size = _whole(descriptor, self.path)
            try:
                written = os.write(descriptor, line)
                os.fsync(descriptor)
            except OSError as error:
                os.ftruncate(descriptor, size)
                raise _full(self.path, error.strerror or "") from None
            if written != len(line):
                os.ftruncate(descriptor, size)
                raise _full(self.path, "the last record did not fit")
            if size + written >= self._part_size:
                self.path.rename(self._next_part())
        finally:
            os.close(descriptor)
        if "_requests" in self.__dict__:
            self._requests.add(record.request)

    def parts(self) -> list[Path]:
        """Return the files of the log, oldest first."""
        return log_parts(self.path)

    def every(self) -> Iterator[Record]:
        """Yield all records in order, those that count no longer included."""
        for part in self.parts():
            yield from (record for _, record in read_log(part))

    def damaged(self) -> list[str]:
        """Return what is to be said of lines that a crash has damaged, by file and line."""
        found: list[str] = []
        for part in self.parts():
            for _ in read_log(part, found.append):
                pass
        return found

    def read(self) -> list[Record]:
        """Return the records that count, in order; no file means none."""
        records = list(self.every())
        gone = {record.supersedes for record in records if record.supersedes}
        return [record for record in records if record.request not in gone] if gone else records

    def begin(self, request: str) -> None:
        """Count a request that is about to be sent; its attempts are written as each of them ends."""
        self._requests.add(request)

    def count(self) -> int:
        """Return how many requests were begun by this process, or logged before it began to count."""
        return len(self._requests)

    def set_aside_torn(self) -> int:
        """Move a last line that was cut off when its writer died to ``….torn``; return its length in bytes."""
        if not self.path.exists():
            return 0
        descriptor = self._locked()
        try:
            before = os.fstat(descriptor).st_size
            return before - _whole(descriptor, self.path)
        finally:
            os.close(descriptor)

    @cached_property
    def _requests(self) -> set[str]:
        return {record.request for record in self.every()}

    def _locked(self) -> int:
        """Return a descriptor of the newest part that nobody else writes to until it is closed."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            here = os.fstat(descriptor)
            # Another writer may have closed this part while we waited for it.
            if self.path.exists() and os.path.samestat(here, self.path.stat()):
                return descriptor
            os.close(descriptor)

    def _next_part(self) -> Path:
        closed = [int(re.findall(r"\.(\d+)\.", part.name)[-1]) for part in self.parts() if part != self.path]
        return self.path.with_suffix(f".{max(closed, default=0) + 1:04d}{self.path.suffix}")

    def allowed(self, text: str | None) -> str | None:
        """Return what the privacy setting lets the log keep of a text."""
        if text is None or self.text_form == "full":
            return text if text is None else redact(text, self._secrets)
        return "" if self.text_form == "redacted" else hashlib.sha256(text.encode()).hexdigest()


class LogWriter:
    """Writes records to a log from a thread of its own, in order, so that the measurement never waits for the disk.

    A ``failure`` to write ends the writing; it is raised when the writer is left.
    """

    def __init__(self, log: RequestLog) -> None:
        self._log = log
        self._waiting: SimpleQueue[Record | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="log writer", daemon=True)
        self.failure: HelpersError | OSError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._thread.join()
        if self.failure and error is None:
            raise self.failure

    def append(self, record: Record) -> None:
        """Have a record written as soon as those before it are."""
        self._waiting.put(record)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            try:
                if not self.failure:
                    self._log.append(record)
            except (HelpersError, OSError) as failure:
                self.failure = failure


def log_parts(path: Path) -> list[Path]:
    """Return the files of a log, oldest first: those its writer closed when they were full, and the newest, if there.

    A closed part that is named is returned alone.
    """
    pattern = f"{glob.escape(path.stem)}.[0-9]*{glob.escape(path.suffix)}"
    closed = [part for ending in ("", ".gz") for part in path.parent.glob(pattern + ending)]
    numbered = [(int(number[-1]), part) for part in closed if (number := re.findall(r"\.(\d+)\.", part.name))]
    return [*(part for _, part in sorted(numbered)), *([path] if path.exists() else [])]


def with_parts(logs: Sequence[Path]) -> list[Path]:
    """Return log files with the closed parts of each before it, every file once."""
    return list(dict.fromkeys(part for log in logs for part in (log_parts(log) or [log])))


@contextmanager
def open_log(path: Path) -> Iterator[IO[bytes]]:
    """Open a log file, unpacked where it is packed and without a mark at its start."""
    with path.open("rb") as packed:
        is_packed = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if is_packed else packed
        try:
            if file.read(3) != codecs.BOM_UTF8:
                file.seek(0)
            yield file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise RunError(f"{path.name}: cannot be unpacked: {error}") from None


def read_log(path: Path, damaged: Damaged = lambda _: None) -> Iterator[tuple[int, Record]]:
    """Yield the records of a log file, each with the number of its line.

    A line that is no JSON, as a crash or a full disk leaves behind, is left out and ``damaged`` is told of it; what can
    be read on it is. A last line without an end that is no record is still being written. Raises `RunError` naming the
    line for JSON that is no record.
    """
    with open_log(path) as lines:
        yield from read_lines(lines, path.name, 1, damaged)


def read_lines(
    lines: Iterable[bytes], name: str, first: int = 1, damaged: Damaged = lambda _: None
) -> Iterator[tuple[int, Record]]:
    """Yield the records of lines as `read_log` does; they are those of the file ``name`` from number ``first`` on."""
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        try:
            yield number, RECORD.validate_json(line)
        except ValidationError as error:
            problem = error.errors()[0]
            if problem["type"] != "json_invalid":
                raise _no_record(name, number, problem) from None
            found, rest = _recovered(line, name, number)
            yield from ((number, record) for record in found)
            if line.endswith(b"\n") and (rest or len(found) > 1):
                told = f"{rest:,} bytes that are no JSON are left out" if rest else f"it holds {len(found)} records"
                damaged(f"{name} line {number}: {told}")


def _recovered(line: bytes, name: str, number: int) -> tuple[list[Record], int]:
    """Return the records at the start of a damaged line, and how many bytes after them are no record."""
    text = line.strip().strip(b"\0").decode("utf-8", "replace")
    found: list[Record] = []
    with suppress(ValueError, RecursionError):
        while text:
            _, end = json.JSONDecoder().raw_decode(text)
            try:
                found.append(RECORD.validate_json(text[:end]))
            except ValidationError as error:
                raise _no_record(name, number, error.errors()[0]) from None
            text = text[end:].strip(" \t\r\n\0")
    return found, len(text.encode()) or (0 if found else len(line.strip()))


def _no_record(name: str, number: int, problem: Any) -> RunError:
    where = ".".join(map(str, problem["loc"]))
    return RunError(f"{name} line {number}: not a request record: {where} {problem['msg']}")


def final_attempts(records: Iterable[Record]) -> list[Record]:
    """Return the last attempt of each request, in the order in which the requests were first seen."""
    last: dict[str, Record] = {}
    for record in records:
        last[record.request] = record
    return list(last.values())


def settings_hash(settings: dict[str, object]) -> str:
    """Return a short hash of generation settings, equal for equal settings."""
    return stable_hash(settings)[:12]


def _whole(descriptor: int, path: Path) -> int:
    """Return the size of a log that ends with a whole line; what follows the last one is moved to ``….torn``."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    end, tail = size, b""
    while end > 0 and b"\n" not in tail:
        start = max(0, end - 65_536)
        tail, end = os.pread(descriptor, end - start, start) + tail, start
    torn = tail[tail.rfind(b"\n") + 1 :]
    with path.with_suffix(".torn").open("ab") as aside:
        aside.write(torn + b"\n")
    os.ftruncate(descriptor, size - len(torn))
    return size - len(torn)


def _full(path: Path, why: str) -> ToolError:
    return ToolError(
        f"{path.name}: a record cannot be written ({why}); what was logged before is kept: "
        "free some space, then go on with report --resume RUN"
    )
