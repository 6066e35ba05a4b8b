"""Whole data sets over Dask workers: chunks of dialogues fan out, Parquet parts come back, and a rerun fills gaps.

Without ``execution.scheduler`` a scheduler and single-threaded workers run on loopback and end with the call. With it,
the workers of a cluster are used that has this package and the same files: a plain one is started by ``dask
scheduler`` and ``dask worker tcp://HOST:8786 --nthreads 1``. Across machines use TLS: give Dask's configuration
(``~/.config/dask/distributed.yaml`` on all of them) ``distributed.comm.require-encryption: true`` and the files
``distributed.comm.tls.{ca-file, client.cert, client.key, scheduler.cert, scheduler.key, worker.cert, worker.key}``,
and name the scheduler as ``tls://HOST:8786``; it is read from there, never from a params file.

Each chunk is sent by one worker, and written here, once: the parts are the same whatever the number of workers. A
worker that dies loses no dialogue, because its chunk is sent again by another, and none is written twice.

A worker loads the model once, then answers chunk after chunk, one dialogue at a time. A chunk arrives as ids and
dialogues with the parameters in JSON, which hold no secret: a token is read from the worker's own environment when its
endpoint is opened.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from helpers.backends.base import COUNTS, Backend
from helpers.backends.replay import ReplayBackend, recorded_answers
from helpers.core.console import say
from helpers.core.environment import redact
from helpers.core.errors import RunError, ToolError
from helpers.engines.factory import open_backend
from helpers.params import Execution, Params
from helpers.params.files import given_tree, validate
from helpers.runs.answer_parts import AnswerParts, AnswerRow, fingerprint
from helpers.runs.request_log import RequestLog
from helpers.runs.sender import Outcome, RequestSender, limits
from helpers.samples.dataset import Sample
from helpers.samples.recorded import Recorded

if TYPE_CHECKING:
    from distributed import Client

#: Chunks in flight for each worker: one being answered, one waiting, so that memory does not grow with the data.
AHEAD = 2
#: Seconds within which a scheduler must answer.
CONNECT = 10
#: What Dask remembers of what was sent, for debugging: by default the last thousand messages, whole, so that memory
#: grows with the data.
SHORT_HISTORY = {"distributed.admin.low-level-log-length": 10, "distributed.diagnostics.computations.max-history": 1}

#: One model for each process, whose threads take turns: it is loaded once and never computes two answers at a time.
_LOCK = Lock()
#: What is open, to be closed before the process ends: an endpoint's event loop would keep it from ending.
_OPEN: list[Backend] = []
NOT_SENT = "not_sent"


@dataclass(frozen=True)
class Totals:
    """How many dialogues there are, how many this call asked, and how many have no answer."""

    dialogues: int
    asked: int
    failed: int


@dataclass(frozen=True)
class _Chunk:
    number: int
    samples: tuple[Sample, ...]
    fingerprint: str
    known: dict[str, AnswerRow]

    @property
    def missing(self) -> list[tuple[str, str]]:
        """The dialogues without an answer."""
        answered = {key for key, row in self.known.items() if row["kind"] == "ok"}
        return [(sample.id, sample.dialogue) for sample in self.samples if sample.id not in answered]


@dataclass(frozen=True)
class _Opened:
    params: Params
    backend: Backend | None
    recorded: Recorded | None

    def for_samples(self, samples: Sequence[Sample]) -> Backend:
        if self.params.replay is not None:
            return ReplayBackend(self.params.replay, samples, self.recorded)
        assert self.backend is not None, "opened with the parameters"
        return self.backend


def summarise_all(params: Params, samples: Iterable[Sample], folder: Path) -> Totals:
    """Ask for every dialogue that ``folder`` has no answer to, and write one part for each chunk as it comes back.

    Raises `RunError` when no scheduler answers or ``folder`` holds answers to something else, and `ToolError` when a
    worker cannot open the model or dies again and again; what was answered is kept, and another call goes on.
    """
    parts, settings = AnswerParts(folder), json.dumps(given_tree(params), sort_keys=True)
    found = {"dialogues": 0, "asked": 0, "failed": 0}

    def counted() -> Iterator[_Chunk]:
        for chunk in _chunks(params, samples, parts):
            found["dialogues"] += len(chunk.samples)
            if chunk.missing:
                yield chunk
        parts.drop_from(-(-found["dialogues"] // params.execution.chunk))

    def written(chunk: _Chunk, rows: list[AnswerRow]) -> None:
        answers = chunk.known | {str(row["id"]): row for row in rows}
        parts.write(chunk.number, chunk.fingerprint, [answers[sample.id] for sample in chunk.samples])
        found["asked"] += len(rows)
        found["failed"] += sum(row["kind"] != "ok" for row in rows)
        if sys.stderr.isatty():
            print(f"\r{found['asked']} dialogues asked", end="\r", file=sys.stderr, flush=True)

    with _client(params.execution) as client:
        try:
            _fan_out(client, settings, counted(), written)
        finally:
            client.run(close_worker, on_error="ignore")
    return Totals(**found)


def answer_chunk(settings: str, chunk: Sequence[tuple[str, str]]) -> list[AnswerRow]:
    """Return one row for each (id, dialogue) of a chunk, in order; a failed request is a row too."""
    with _LOCK, tempfile.TemporaryDirectory() as folder:
        opened = _opened(settings)
        samples = [Sample(id=key, dialogue=dialogue) for key, dialogue in chunk]
        params, log = opened.params, RequestLog(Path(folder) / "requests.jsonl")
        sender = RequestSender(
            opened.for_samples(samples), params.generation, log, page="scale-out", limits=limits(params)
        )
        return [_row(sample, sender.ask(sample.id, sample.dialogue)) for sample in samples]


def close_worker() -> None:
    """Close what this process has opened, unless a chunk is being answered right now."""
    if _LOCK.acquire(blocking=False):
        try:
            _close_backends()
        finally:
            _LOCK.release()


def _fan_out(
    client: Client, settings: str, chunks: Iterator[_Chunk], written: Callable[[_Chunk, list[AnswerRow]], None]
) -> None:
    """Keep every worker busy with a few chunks and hand each result over as soon as it is there."""
    from distributed import as_completed

    waiting: dict[str, _Chunk] = {}
    results = as_completed(loop=client.loop)

    def submit(chunk: _Chunk) -> None:
        future = client.submit(answer_chunk, settings, chunk.missing, key=f"chunk-{chunk.number:06d}", pure=False)
        waiting[future.key] = chunk
        results.add(future)

    workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    for chunk in islice(chunks, AHEAD * workers):
        submit(chunk)
    for future in results:
        chunk = waiting.pop(future.key)
        written(chunk, _result(future))
        future.release()
        for following in islice(chunks, 1):
            submit(following)


def _result(future: Any) -> list[AnswerRow]:
    from distributed import KilledWorker

    try:
        rows: list[AnswerRow] = future.result()
    except KilledWorker:
        raise ToolError(
            f"{future.key}: several workers died over it, perhaps for want of memory; what was answered is kept: lower "
            "execution.chunk or execution.workers, then go on with the same command"
        ) from None
    return rows


def _chunks(params: Params, samples: Iterable[Sample], parts: AnswerParts) -> Iterator[_Chunk]:
    stream = iter(samples)
    number = 0
    while taken := tuple(islice(stream, params.execution.chunk)):
        made_of = fingerprint(params, taken)
        yield _Chunk(number, taken, made_of, parts.read(number, made_of))
        number += 1


@contextmanager
def _client(execution: Execution) -> Iterator[Client]:
    """Yield a connection to the scheduler that is asked for, or to one started here for the while."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ToolError(
            "execution.engine: dask needs the extra 'scale': pip install -e '.[scale]' -c requirements.txt installs it"
        ) from None
    dask.config.set(SHORT_HISTORY)
    if execution.scheduler is not None:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        try:
            client = Client(execution.scheduler, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise RunError(
                f"execution.scheduler {execution.scheduler}: no scheduler answers there ({reason}); start one with "
                "'dask scheduler', or leave it null for workers on this machine"
            ) from None
        with client:
            if not client.scheduler_info(n_workers=-1)["workers"]:
                raise RunError(
                    f"execution.scheduler {execution.scheduler}: has no workers; start some with 'dask worker "
                    f"{execution.scheduler} --nthreads 1'"
                )
            yield client
        return
    with (
        LocalCluster(
            n_workers=execution.workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        say(f"{execution.workers} workers on this machine")
        yield client


def _close_backends() -> None:
    _opened.cache_clear()
    while _OPEN:
        _OPEN.pop().close()


@lru_cache(maxsize=1)
def _opened(settings: str) -> _Opened:
    params = validate(json.loads(settings), "the parameters of a worker")
    if params.model.threads is None:
        # Answers must not hang on how many processors a worker happens to see.
        params = params.model_copy(update={"model": params.model.model_copy(update={"threads": 1})})
    if params.replay is not None:
        return _Opened(params, None, recorded_answers(params.replay))
    _close_backends()  # another run's, on workers that outlive it
    _OPEN.append(open_backend(params, ()))
    return _Opened(params, _OPEN[-1], None)


def _row(sample: Sample, outcome: Outcome | None) -> AnswerRow:
    if outcome is None:
        return {"id": sample.id, "kind": NOT_SENT, "message": "nobody answered the dialogues before it"}
    record = outcome.record
    return {
        "id": sample.id,
        "kind": str(record.kind),
        "message": redact(record.message),
        "summary": outcome.answer.summary if outcome.answer else None,
        **{name: getattr(record, name) for name in COUNTS},
        "service_time": record.service_time,
        "finish": record.finish,
    }
