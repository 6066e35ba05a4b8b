"""Where the app's requests are asked and logged: one attempt each, errors in plain words, nothing kept of a token.

Nothing here knows how a page looks. The log follows ``privacy.text``; a visitor's names for dialogues are not in it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from helpers.app.addresses import AddressPolicy, PublicResolver
from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import Failure, InputError
from helpers.params import Generation, Params
from helpers.runs.request_log import Counter, Record, RequestLog
from helpers.runs.sender import RequestSender

#: What a visitor is told of each kind of failure.
WORDS = {
    Failure.AUTH: "The server does not accept the token. Check it, and that it may use this endpoint.",
    Failure.NOT_FOUND: "There is nothing at this address. Check the address for a typing error.",
    Failure.PAUSED: "The endpoint is paused. Its owner has to resume it.",
    Failure.COLD: "The server is starting or loading its model. Try again in a minute.",
    Failure.RATE_LIMITED: "The server has too much to do right now. Try again in a moment.",
    Failure.TIMEOUT: "The server did not answer in time. Try again, or send a shorter dialogue.",
    Failure.CONNECTION: "Nobody answers at this address: the server is down, or the address is wrong or not public.",
    Failure.BAD_REQUEST: "The server refuses this dialogue or these settings. Try fewer beams or a shorter dialogue.",
    Failure.SERVER_ERROR: "The server failed while it was working on this. Try again; tell its owner if it stays so.",
    Failure.BAD_RESPONSE: "Something answers at this address, but not a summariser. Check the address.",
    Failure.TOO_LARGE: "This is larger than the server takes, or its answer is larger than it may be.",
    Failure.CANCELLED: "Cancelled.",
}
PAGE = "app"


class Stopped(BaseException):
    """The visitor has cancelled; no `Exception`, so that the attempt is logged as cancelled."""


@dataclass(frozen=True)
class VisitorRequest:
    """What a visitor asks with: an address and a token of their own (or ``''``), beams, and the longest summary."""

    url: str = ""
    token: str = ""
    beams: int = 1
    length: int = 128


@dataclass(frozen=True)
class Answered:
    """A dialogue and what came of it, as the visitor's own session keeps it; ``seconds`` is the service time.

    ``tokens_by`` is as in `helpers.runs.request_log.Record`.
    """

    name: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    summary: str = ""
    problem: str = ""
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    tokens_by: Counter = "server"
    request: str = ""
    kind: str = "ok"


@dataclass
class Interruptible:
    """A backend whose attempt is broken off as soon as one of ``stops`` is set."""

    inner: EndpointBackend
    stops: tuple[threading.Event, ...]
    kind = "endpoint"

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers; raises `Stopped` when the visitor has cancelled."""
        under_way = self.inner.begin(dialogues, generation)
        while True:
            try:
                return under_way.result(0.1)
            except TimeoutError:
                if any(stop.is_set() for stop in self.stops):
                    under_way.cancel()
                    raise Stopped from None

    def close(self) -> None:
        """Leave the backend open for others."""


class AppClient:
    """Asks the app's own server, or whom a visitor names with a token of theirs, and logs every attempt.

    Setting ``closing`` breaks off whatever is under way.
    """

    def __init__(
        self,
        params: Params,
        folder: Path,
        own: EndpointBackend,
        addresses: AddressPolicy,
        count_tokens: Callable[[str], int] | None = None,
    ) -> None:
        self.params, self.addresses = params, addresses
        self.closing = threading.Event()
        self._own, self._count = own, count_tokens
        self._log = RequestLog(folder / "requests.jsonl", params.privacy.text)
        self._feedback, self._lock = folder / "feedback.jsonl", threading.Lock()

    def ask(self, dialogue: str, wanted: VisitorRequest, stop: threading.Event, name: str = "dialogue") -> Answered:
        """Ask once and return what came of it; raises `InputError`, in words for the visitor, for unusable input."""
        cancelled = Answered(name, problem=WORDS[Failure.CANCELLED], kind=Failure.CANCELLED)
        if stop.is_set():  # it has waited for its turn
            return cancelled
        self._check(dialogue)
        generation = self.params.generation.model_copy(
            update={"num_beams": wanted.beams, "max_new_tokens": wanted.length}
        )
        with self._backend(wanted) as backend:
            sender = RequestSender(Interruptible(backend, (stop, self.closing)), generation, self._log, page=PAGE)
            if backend is self._own and self.params.backend == "endpoint":
                sender.count_tokens, sender.context_tokens = self._count, self.params.model.context_tokens
            try:
                outcome = sender.ask("dialogue", dialogue)
            except Stopped:
                outcome = None
        if outcome is None:
            return cancelled
        return _answered(name, outcome.record, outcome.answer)

    def judge(self, request: str, helpful: bool) -> None:
        """Write down whether a visitor found an answer helpful: the request it belongs to, and no text."""
        line = {"request": request, "helpful": helpful, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        with self._lock, self._feedback.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _check(self, dialogue: str) -> None:
        if not dialogue.strip():
            raise InputError("there is no dialogue yet: type or paste one, or choose an example")
        most = self.params.app.max_characters
        if len(dialogue) > most:
            raise InputError(f"the dialogue has {len(dialogue):,} characters; at most {most:,} can be sent")

    @contextmanager
    def _backend(self, wanted: VisitorRequest) -> Iterator[EndpointBackend]:
        """Give the app's own server, or one named by a visitor; that one never sees a token but the visitor's."""
        url, token = wanted.url.strip(), wanted.token.strip()
        if not url and not token:
            yield self._own
            return
        if not token.isascii() or not token.isprintable():
            raise InputError("this is no token: it holds signs that none has; copy it again")
        if not url and self.params.backend == "local":
            raise InputError("a token goes with an address: type the endpoint's address as well")
        # The app's own endpoint may be asked with the visitor's token; where it stands is its owner's choice.
        resolver = None if self.addresses.on_loopback or not url else PublicResolver
        url = self.addresses.checked(url, token) if url else self._own.url
        with EndpointBackend(url, self.params.endpoint, token or None, resolver=resolver) as backend:
            yield backend


def _answered(name: str, record: Record, answer: Answer | None) -> Answered:
    return Answered(
        name=name,
        at=record.started_at,
        summary=answer.summary if answer else "",
        problem="" if record.ok else WORDS[Failure(record.kind)],
        seconds=record.service_time,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        lost_tokens=record.lost_tokens,
        tokens_by=record.tokens_by,
        request=record.request,
        kind=str(record.kind),
    )
