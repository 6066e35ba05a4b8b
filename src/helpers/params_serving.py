"""What ``helpers serve`` is told beside the model: batches, workers, how many may wait, and whether it remembers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from helpers.rooms import Positive, Room, Seconds


class Batching(Room):
    """Requests with equal settings that wait are computed together, those of like length first.

    A request waits at most ``max_wait`` seconds for company, and only where company is likely. A batch has at most
    ``max_batch`` inputs and ``max_tokens`` padded tokens (the longest input times their number); what is too large for
    any batch is computed alone.
    """

    max_wait: Annotated[float, Field(ge=0, le=1)] = 0.01
    max_batch: Annotated[int, Field(ge=2)] = 8
    max_tokens: Positive = 4096


class Cache(Room):
    """Answers that are given again to the same text, settings and model: at most ``entries``, each for ``seconds``."""

    entries: Positive = 1024
    seconds: Seconds = 3600.0


class Serving(Room):
    """The server: by default one request at a time, as the managed toolkit serves, and nothing remembered.

    ``workers`` models, each in a thread of its own, share the machine's cores unless ``model.threads`` says what each
    takes. ``queue`` requests may wait; the next is refused with 503 and told when to come back.
    """

    batching: Batching | None = None
    workers: Positive = 1
    queue: Positive = 64
    cache: Cache | None = None

    @property
    def in_words(self) -> str:
        """How a server says that it serves."""
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        told, batches = self.batching, "one request at a time"
        if told is not None:
            batches = f"batches of {told.max_batch} inputs and {told.max_tokens} tokens at most"
        return f"{workers}, {batches}, {'no cache' if self.cache is None else 'a cache'}"
