"""Recorded predictions as a backend: what was answered once is answered again, with its recorded time if any.

So is what Dask workers answered for a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from helpers.backends.base import COUNTS, Answer, RecordedBackend
from helpers.core.errors import Failure, RequestError
from helpers.params import Generation, Replay
from helpers.samples.dataset import Sample
from helpers.samples.recorded import Recorded, read_recorded


class _ByIdentity(RecordedBackend):
    """Answers by the id of a dialogue; by its text only where one id alone has it."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._ids: dict[str, list[str]] = defaultdict(list)
        for sample in samples:
            self._ids[sample.dialogue].append(sample.id)

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers that the only id of each dialogue has; ``generation`` was fixed when they were given."""
        several = next((ids for text in dialogues if len(ids := self._ids.get(text, [])) > 1), None)
        if several:
            raise RequestError(
                Failure.BAD_REQUEST, f"this dialogue has several ids ({', '.join(several[:3])}): ask by id"
            )
        return [self.answer(self._ids[text][0] if text in self._ids else "") for text in dialogues]


class ReplayBackend(_ByIdentity):
    """Answers each dialogue with the prediction recorded for its id, or fails as the recorded system did.

    A dialogue without a recorded prediction is a failed request (``not_found``), never an empty summary.
    ``recorded`` holds what `recorded_answers` has read already. Raises `SamplesError` as that does, and when the file
    knows none of the samples.
    """

    kind = "replay"

    def __init__(self, replay: Replay, samples: Sequence[Sample], recorded: Recorded | None = None) -> None:
        super().__init__(samples)
        if recorded is None:
            recorded = recorded_answers(replay)
            recorded.require([sample.id for sample in samples])
        self._recorded = recorded

    def answer(self, sample: str) -> Answer:
        """Return the recorded answer to the dialogue of this id."""
        found = self._recorded.get(sample)
        if found is None:
            raise RequestError(Failure.NOT_FOUND, f"{self._recorded.name} has no prediction for this dialogue")
        if found.summary is None:
            raise _failed(found.error, "the recorded system had failed")
        return Answer(found.summary, found.input_tokens, found.output_tokens, found.lost_tokens, found.service_time)


class AnsweredBackend(_ByIdentity):
    """Gives each dialogue the answer, or the failure, that is in the rows of `helpers.runs.answer_parts`.

    There are no service times: workers that compute side by side slow each other down.
    """

    kind = "scale-out"

    def __init__(self, rows: Iterable[dict[str, Any]], samples: Sequence[Sample]) -> None:
        super().__init__(samples)
        known = {sample.id for sample in samples}
        self._rows = {row["id"]: row for row in rows if row["id"] in known}

    def answer(self, sample: str) -> Answer:
        """Return what a worker answered to the dialogue of this id."""
        row = self._rows.get(sample)
        if row is None:
            raise RequestError(Failure.NOT_FOUND, "the workers have no answer to this dialogue")
        if row["kind"] != "ok":
            raise _failed(row["kind"], row["message"])
        counts: dict[str, Any] = {name: row.get(name) for name in COUNTS}
        return Answer(row["summary"], finish=row.get("finish") or "", **counts)


def recorded_answers(replay: Replay) -> Recorded:
    """Return every recorded answer by the id of its dialogue; raises `SamplesError` for what cannot be replayed."""
    return read_recorded(
        replay.predictions,
        id=replay.id,
        prediction=replay.prediction,
        latency=replay.latency,
        encoding=replay.encoding,
        setting="replay",
    )


def _failed(kind: str, message: str) -> RequestError:
    """Return the failure of a recorded kind; one that this version does not know had ended the attempt."""
    known = kind in list(Failure)
    return RequestError(Failure(kind) if known else Failure.CANCELLED, message if known else f"{kind}: {message}")
