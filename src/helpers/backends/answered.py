"""Answers that Dask workers have given to a run's dialogues already, as a backend of its pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from helpers.backends.base import Answer
from helpers.core.errors import Failure, RequestError
from helpers.params import Generation
from helpers.samples.dataset import Sample


class AnsweredBackend:
    """Gives each dialogue the answer, or the failure, that stands in the rows of `helpers.answer_parts`.

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
