"""Who answers: the protocol every backend keeps, and the values that cross it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from helpers.params import Generation

#: What is counted of an answer, by its names in an `Answer`.
COUNTS = ("input_tokens", "output_tokens", "lost_tokens", "cached_tokens", "reasoning_tokens", "thought")


@dataclass(frozen=True, slots=True)
class Answer:
    """One summary and what the backend knows of how it was made.

    Token counts are the model's own (``None``: the backend does not know them).
    ``lost_tokens`` counts the tokens of the dialogue that the model never read, ``cached_tokens`` those of the prompt
    that a server says it had computed before.
    ``finish`` is the server's word for why the answer ended (``length``: it was cut off), ``thought`` the characters of
    thinking that were taken out of it. Of an answer that came in events, ``first_token`` is the time from send to the
    first content, ``inter_token`` that between tokens, in seconds; ``longest_gap`` lay between two of the ``chunks``.
    ``service_time`` is in seconds, send to last byte; ``None`` for a backend that only replays text.
    ``replaced`` counts characters of the summary that were replaced because nothing may show them.
    """

    summary: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    service_time: float | None = None
    status: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    finish: str = ""
    thought: int | None = None
    first_token: float | None = None
    inter_token: float | None = None
    chunks: int | None = None
    longest_gap: float | None = None
    replaced: int = 0


class Backend(Protocol):
    """Something that turns dialogues into summaries.

    ``summarise`` makes exactly one attempt for the whole list, returns one `Answer` per dialogue in
    order, and raises `helpers.core.errors.RequestError` when the attempt fails; it never retries, logs
    or sleeps: that belongs to `helpers.runs.sender`.
    """

    kind: str

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]: ...

    def close(self) -> None: ...


class RecordedBackend(ABC):
    """A backend whose answers were given earlier, each to the dialogue of an id: several ids may share one text.

    A caller that knows the dialogue's id, as `helpers.runs.sender` does, requests the answer by it.
    """

    kind: str

    @abstractmethod
    def answer(self, sample: str) -> Answer:
        """Return what was answered to the dialogue of this id; raises `RequestError` as the attempt did."""

    @abstractmethod
    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers to dialogues that each have one id alone; raises `RequestError` where one has not."""

    def close(self) -> None:  # noqa: B027
        """Nothing is held open."""
