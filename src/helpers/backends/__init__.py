"""Who answers: the protocol every backend keeps, and the values that cross it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from helpers.engine_environment import is_here
from helpers.params import Generation, Model


@dataclass(frozen=True, slots=True)
class Answer:
    """One summary and what the backend knows of how it was made.

    Token counts are the model's own (``None``: the backend does not know them).
    ``lost_tokens`` counts the tokens of the dialogue that the model never read.
    ``service_time`` is in seconds, send to last byte; ``None`` for a backend that only replays text.
    """

    summary: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    service_time: float | None = None
    status: int | None = None


class Backend(Protocol):
    """Something that turns dialogues into summaries.

    ``summarise`` makes exactly one attempt for the whole list, returns one `Answer` per dialogue in
    order, and raises `helpers.errors.RequestError` when the attempt fails; it never retries, logs
    or sleeps: that belongs to `helpers.timing`.
    """

    kind: str

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]: ...

    def close(self) -> None: ...


def load_local(model: Model) -> Backend:
    """Return the engine on this machine that a run's ``model`` asks for; what computes is imported only now."""
    if model.engine == "ctranslate2":
        from helpers.backends.ctranslate2 import CTranslate2Backend

        return CTranslate2Backend(model)
    if model.engine == "openvino":
        if not is_here(model.engine):
            from helpers.backends.served import ServedBackend

            return ServedBackend(model)
        from helpers.backends.openvino import OpenVINOBackend

        return OpenVINOBackend(model)
    from helpers.backends.transformers import TransformersBackend

    return TransformersBackend(model)
