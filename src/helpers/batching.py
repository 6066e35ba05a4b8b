"""Which of the waiting requests are computed together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from helpers.backends.base import Answer
from helpers.params import Batching, Generation

#: Characters of a token, about: exact counts would need every engine's tokenizer before its turn.
CHARACTERS = 4


@dataclass(eq=False)
class Waiting:
    """A request that waits for its turn: its dialogues, its settings, and where its answers will be."""

    dialogues: Sequence[str]
    generation: Generation
    answers: asyncio.Future[list[Answer]]

    @property
    def tokens(self) -> float:
        """About how many tokens its longest dialogue has."""
        return max(map(len, self.dialogues)) / CHARACTERS


def take(waiting: Sequence[Waiting], told: Batching | None) -> list[Waiting]:
    """Return the requests to compute next, in one batch: the one that waits longest and those that go with it.

    Those have equal settings; the nearest to it in length come first, because a batch is padded to its longest. The
    bounds hold for every batch but one of a single request, which is never refused for its size. Without ``told`` a
    batch is one request.
    """
    first, *others = waiting
    batch, rows, longest = [first], len(first.dialogues), first.tokens
    if told is None:
        return batch
    alike = [one for one in others if one.generation == first.generation]
    for one in sorted(alike, key=lambda one: abs(one.tokens - first.tokens)):
        more, padded_to = rows + len(one.dialogues), max(longest, one.tokens)
        if more <= told.max_batch and more * padded_to <= told.max_tokens:
            batch.append(one)
            rows, longest = more, padded_to
    return batch
