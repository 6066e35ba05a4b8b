"""Recorded predictions as a backend: what was answered once is answered again, with its recorded time if any.

So is what Dask workers answered for a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.backends.base import Answer
from helpers.core.errors import Failure, RequestError, SamplesError, did_you_mean
from helpers.params import Generation, Replay
from helpers.samples.dataset import Sample
from helpers.samples.readers import stream_rows


class ReplayBackend:
    """Answers each dialogue with the prediction recorded for its id.

    A dialogue without a recorded prediction is a failed request (``not_found``), never an empty summary.
    ``recorded`` holds what `recorded_answers` has read already. Raises `SamplesError` when a named column is missing,
    an id stands twice, or a latency is no number of seconds.
    """

    kind = "replay"

    def __init__(self, replay: Replay, samples: Sequence[Sample], recorded: Mapping[str, Answer] | None = None) -> None:
        recorded = recorded_answers(replay) if recorded is None else recorded
        self._name = Path(replay.predictions).name
        self._answers = {s.dialogue: recorded[s.id] for s in samples if s.id in recorded}

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the recorded answers; ``generation`` was fixed when they were recorded."""
        missing = [dialogue for dialogue in dialogues if dialogue not in self._answers]
        if missing:
            raise RequestError(Failure.NOT_FOUND, f"{self._name} has no prediction for this dialogue")
        return [self._answers[dialogue] for dialogue in dialogues]

    def close(self) -> None:
        """Nothing is held open."""


class AnsweredBackend:
    """Gives each dialogue the answer, or the failure, that stands in the rows of `helpers.runs.answer_parts`.

    There are no service times: workers that compute side by side slow each other down.
    """

    kind = "scale-out"

    def __init__(self, rows: Iterable[dict[str, Any]], samples: Sequence[Sample]) -> None:
        dialogues = {sample.id: sample.dialogue for sample in samples}
        self._rows = {dialogues[row["id"]]: row for row in rows if row["id"] in dialogues}

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers; ``generation`` was fixed when they were given."""
        return [self._answer(dialogue) for dialogue in dialogues]

    def close(self) -> None:
        """Nothing is held open."""

    def _answer(self, dialogue: str) -> Answer:
        row = self._rows.get(dialogue)
        if row is None:
            raise RequestError(Failure.NOT_FOUND, "the workers have no answer to this dialogue")
        if row["kind"] != "ok":
            known = row["kind"] in list(Failure)
            raise RequestError(Failure(row["kind"]) if known else Failure.CANCELLED, row["message"])
        return Answer(row["summary"], row["input_tokens"], row["output_tokens"], row["lost_tokens"])


def recorded_answers(replay: Replay) -> dict[str, Answer]:
    """Return every recorded answer by the id of its dialogue; raises `SamplesError` as `ReplayBackend` does."""
    path = Path(replay.predictions)
    answers: dict[str, Answer] = {}
    twice: set[str] = set()
    # Row by row: a recording of a whole data set is held once, as answers.
    for number, row in enumerate(stream_rows(path), 1):
        if number == 1:
            _check_columns(path.name, replay, row)
        key = str(row[replay.id])
        if key in answers:
            twice.add(key)
        answers[key] = _answer(path.name, replay, number, row)
    if not answers:
        raise SamplesError(f"{path.name}: no predictions in it")
    if twice:
        raise SamplesError(f"{path.name}: id '{i}' stands more than once; ids must differ" for i in sorted(twice)[:10])
    return answers


def _check_columns(name: str, replay: Replay, row: dict[str, Any]) -> None:
    wanted = {"id": replay.id, "prediction": replay.prediction} | (
        {"latency": replay.latency} if replay.latency else {}
    )
    problems = [
        f"{name}: no column '{column}'{did_you_mean(column, row)}; its columns are "
        f"{', '.join(row)}; name yours with replay.{key}"
        for key, column in wanted.items()
        if column not in row
    ]
    if problems:
        raise SamplesError(problems)


def _answer(name: str, replay: Replay, number: int, row: dict[str, Any]) -> Answer:
    return Answer(
        summary=str(row[replay.prediction] if row[replay.prediction] is not None else ""),
        input_tokens=_whole(row.get("input_tokens")),
        output_tokens=_whole(row.get("output_tokens")),
        lost_tokens=_whole(row.get("lost_tokens")),
        service_time=_seconds(name, replay, number, row),
    )


def _seconds(name: str, replay: Replay, number: int, row: dict[str, Any]) -> float | None:
    value = row.get(replay.latency) if replay.latency else None
    if value in (None, ""):
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SamplesError(f"{name} row {number}: {replay.latency} is {value!r}, not a number of seconds")
    return seconds


def _whole(value: Any) -> int | None:
    return int(value) if value not in (None, "") and str(value).isdigit() else None
