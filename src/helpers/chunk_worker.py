"""What a Dask worker does: load the model once, then answer chunk after chunk, one dialogue at a time.

A chunk arrives as ids and dialogues with the parameters in JSON, which hold no secret: a token is read from the
worker's own environment when its endpoint is opened.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from helpers.answer_parts import Row
from helpers.backends.base import Answer, Backend
from helpers.core.environment import redact
from helpers.engines.factory import open_backend
from helpers.params import Params
from helpers.params.files import validate
from helpers.request_log import RequestLog
from helpers.retrying import limits
from helpers.samples.dataset import Sample
from helpers.timing import Asker, Outcome

#: One model for each process, whose threads take turns: it is loaded once and never computes two answers at a time.
_TURN = Lock()
#: What is open, to be closed before the process ends: an endpoint's event loop would keep it from ending.
_OPEN: list[Backend] = []
NOT_SENT = "not_sent"


@dataclass(frozen=True)
class _Opened:
    params: Params
    backend: Backend | None
    recorded: Mapping[str, Answer] | None

    def for_samples(self, samples: Sequence[Sample]) -> Backend:
        if self.params.replay is not None:
            from helpers.backends.replay import ReplayBackend

            return ReplayBackend(self.params.replay, samples, self.recorded)
        assert self.backend is not None, "opened with the parameters"
        return self.backend


def answer_chunk(settings: str, chunk: Sequence[tuple[str, str]]) -> list[Row]:
    """Return one row for each (id, dialogue) of a chunk, in order; a failed request is a row too."""
    with _TURN, tempfile.TemporaryDirectory() as folder:
        opened = _opened(settings)
        samples = [Sample(id=key, dialogue=dialogue) for key, dialogue in chunk]
        params, log = opened.params, RequestLog(Path(folder) / "requests.jsonl")
        asker = Asker(opened.for_samples(samples), params.generation, log, page="scale-out", limits=limits(params))
        return [_row(sample, asker.ask(sample.id, sample.dialogue)) for sample in samples]


def close() -> None:
    """Close what this process has opened, unless a chunk is being answered right now."""
    if _TURN.acquire(blocking=False):
        try:
            _close()
        finally:
            _TURN.release()


def _close() -> None:
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
        from helpers.backends.replay import recorded_answers

        return _Opened(params, None, recorded_answers(params.replay))
    _close()  # another run's, on workers that outlive it
    _OPEN.append(open_backend(params, ()))
    return _Opened(params, _OPEN[-1], None)


def _row(sample: Sample, outcome: Outcome | None) -> Row:
    if outcome is None:
        return {"id": sample.id, "kind": NOT_SENT, "message": "nobody answered the dialogues before it"}
    record = outcome.record
    return {
        "id": sample.id,
        "kind": str(record.kind),
        "message": redact(record.message),
        "summary": outcome.answer.summary if outcome.answer else None,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "lost_tokens": record.lost_tokens,
        "service_time": record.service_time,
    }
