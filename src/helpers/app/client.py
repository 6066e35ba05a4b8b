"""Sends and logs the app's requests: one attempt each, errors in plain words, nothing kept of a token.

Nothing here knows how a page looks. The log follows ``privacy.text``; a visitor's names for dialogues are not in it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from helpers.app.addresses import AddressPolicy, PublicResolver
from helpers.app.checks import CheckedAnswer, Objecting, checked
from helpers.backends.base import Answer
from helpers.backends.chat import Chat
from helpers.backends.discovery import NobodyFoundError, discover
from helpers.backends.endpoint import EndpointBackend, chat_of
from helpers.backends.providers import provider_of
from helpers.backends.streaming import Tell
from helpers.core.console import say
from helpers.core.errors import Failure, InputError, ToolError
from helpers.core.text import cleaned, on_a_line
from helpers.params import Generation, Params
from helpers.runs.request_log import Counter, Record, RequestLog
from helpers.runs.sender import RequestSender
from helpers.scorers.faithfulness import faithfulness

#: What a visitor is told of each kind of failure.
WORDS = {
    Failure.AUTH: "The server does not accept the token. Check it, and that it may use this endpoint.",
    Failure.PAYMENT_REQUIRED: "The credits of this token's account are used up. Its owner has to add some.",
    Failure.NOT_FOUND: "There is nothing at this address. Check the address for a typing error.",
    Failure.PAUSED: "The endpoint is paused. Its owner has to resume it.",
    Failure.COLD: "The server is starting or loading its model. Try again in a minute.",
    Failure.RATE_LIMITED: "The server has too much to do right now. Try again in a moment.",
    Failure.TIMEOUT: "The server did not answer in time. Try again, or send a shorter dialogue.",
    Failure.CONNECTION: "Nobody answers at this address: the server is down, or the address is wrong or not public.",
    Failure.BAD_REQUEST: "The server refuses this dialogue or these settings. Try a shorter dialogue, or others.",
    Failure.SERVER_ERROR: "The server failed while it was working on this. Try again; tell its owner if it stays so.",
    Failure.BAD_RESPONSE: "Something answers at this address, but not a summariser. Check the address.",
    Failure.TOO_LARGE: "This is larger than the server takes, or its answer is larger than it may be.",
    Failure.CANCELLED: "Cancelled.",
}
UNFINISHED = "The server broke off while it was writing. Try again; tell its owner if it stays so."
NOT_LOGGED = "The app cannot write its log: the disk is full or read-only. It shows no answer; tell its owner."
PAGE = "app"
#: So much of a dialogue names it in a list, characters.
EXCERPT = 40
T = TypeVar("T")


class Stopped(BaseException):
    """The visitor has cancelled; no `Exception`, so that the attempt is logged as cancelled."""


@dataclass(frozen=True)
class Known:
    """What a look at a visitor's address has shown: ``chat`` holds the chat settings, if the server speaks chat.

    ``said`` tells a visitor what answers there; it is empty where nothing does.
    """

    url: str
    chat: Chat | None
    said: str = ""


@dataclass(frozen=True)
class VisitorRequest:
    """What a visitor asks with: an address and a token of their own (or ``''``), beams, and the longest summary.

    ``known`` is what was seen of the address before; it is looked at first where that is another, or nothing.
    """

    url: str = ""
    token: str = ""
    beams: int = 1
    length: int = 128
    known: Known | None = None


@dataclass(frozen=True)
class Answered:
    """A dialogue and its response, as the visitor's own session keeps it; ``seconds`` is the service time.

    ``excerpt`` is the beginning of the dialogue, ``record`` what the log has of a request that was sent.
    ``tokens_by``, ``first_token`` and ``finish`` are as in `helpers.runs.request_log.Record`.
    """

    name: str
    excerpt: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    summary: str = ""
    problem: str = ""
    seconds: float | None = None
    first_token: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    tokens_by: Counter = "server"
    request: str = ""
    finish: str = ""
    kind: str = "ok"
    checked: CheckedAnswer = field(default_factory=CheckedAnswer)
    record: Record | None = None


@dataclass
class Interruptible:
    """A backend whose attempt is broken off as soon as one of ``stops`` is set; ``tell`` is told of the text so far."""

    inner: EndpointBackend
    stops: tuple[threading.Event, ...]
    tell: Tell | None = None
    kind = "endpoint"

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the answers; raises `Stopped` when the visitor has cancelled."""
        return self._waited_for(self.inner.begin(dialogues, generation, self.tell))

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a plain GET; raises `Stopped` as `summarise` does."""
        return self._waited_for(self.inner.begin_get(path))

    def _waited_for(self, under_way: Future[T]) -> T:
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
    """Sends requests to the app's own server, or to one that a visitor names with their token, and logs every attempt.

    Setting ``closing`` cancels whatever is in flight.
    """

    def __init__(
        self,
        params: Params,
        folder: Path,
        own: EndpointBackend,
        addresses: AddressPolicy,
        count_tokens: Callable[[str], int] | None = None,
        objecting: Objecting = faithfulness,
    ) -> None:
        self.params, self.addresses, self._objecting = params, addresses, objecting
        self.closing = threading.Event()
        self._own, self._count = own, count_tokens
        self._log = RequestLog(folder / "requests.jsonl", params.privacy.text)
        self._feedback, self._lock = folder / "feedback.jsonl", threading.Lock()

    def ask(
        self,
        dialogue: str,
        wanted: VisitorRequest,
        stop: threading.Event,
        name: str = "dialogue",
        tell: Tell = lambda _: None,
    ) -> Answered:
        """Send one request and return the response; ``tell`` is given as much of a streamed summary as has arrived.

        Raises `InputError`, in words for the visitor, for unusable input, and `ToolError` where no log can be written.
        """
        cancelled = Answered(name, excerpt(dialogue), problem=WORDS[Failure.CANCELLED], kind=Failure.CANCELLED)
        if stop.is_set():  # it has waited for its turn
            return cancelled
        self._check(dialogue)
        try:
            chat = self._chat(wanted, stop)
            with self._backend(wanted, chat) as backend:
                asked = Interruptible(backend, (stop, self.closing), lambda text: tell(cleaned(text)[0]))
                sender = RequestSender(asked, self._generation(wanted, chat), self._log, page=PAGE)
                if backend is self._own and self.params.backend == "endpoint":
                    sender.count_tokens, sender.context_tokens = self._count, self.params.model.context_tokens
                outcome = sender.ask("dialogue", dialogue)
        except Stopped:
            outcome = None
        except (OSError, ToolError) as error:
            raise _not_logged(error) from None
        if outcome is None:
            return cancelled
        found = _answered(name, outcome.record, outcome.answer)
        seen = checked(found.summary, dialogue, found.finish, self._objecting) if outcome.answer else CheckedAnswer()
        return replace(found, excerpt=cancelled.excerpt, checked=seen)

    def offers_beams(self, known: Known | None) -> bool:
        """Whether the server that gets the requests supports beams: the app's own server, or one that was looked at."""
        return (chat_of(self.params) if known is None else known.chat) is None

    def look(self, wanted: VisitorRequest, stop: threading.Event) -> Known:
        """Return what answers at a visitor's address, found as ``report --url`` finds it.

        Raises `InputError` for an address that may not be called, and `Stopped` when the visitor has cancelled.
        """
        url = self._checked(wanted)[0]

        @contextmanager
        def opener(chat: Chat | None) -> Iterator[Interruptible]:
            with self._backend(wanted, chat) as backend:
                yield Interruptible(backend, (stop, self.closing))

        try:
            found = discover(url, {}, opener, wait=0.0)
        except NobodyFoundError as nobody:
            return Known(wanted.url, nobody.chat)
        if found.chat is None:
            return Known(wanted.url, None, "A summariser answers there, by the toolkit's protocol.")
        streams = "its answers are shown as they come" if found.streams else "its answers come whole"
        said = f"{found.engine or 'A chat server'} answers there with the model {found.model}; {streams}."
        return Known(wanted.url, found.chat, f"{said} Beams do not apply to it.")

    def judge(self, request: str, helpful: bool) -> None:
        """Write down whether a visitor found an answer helpful: the request it belongs to, and no text.

        Raises `ToolError` where it cannot be written.
        """
        line = {"request": request, "helpful": helpful, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            with self._lock, self._feedback.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise _not_logged(error) from None

    def _check(self, dialogue: str) -> None:
        if not dialogue.strip():
            raise InputError("there is no dialogue yet: type or paste one, or choose an example")
        most = self.params.app.max_characters
        if len(dialogue) > most:
            raise InputError(f"the dialogue has {len(dialogue):,} characters; at most {most:,} can be sent")

    def _chat(self, wanted: VisitorRequest, stop: threading.Event) -> Chat | None:
        """Return the server's chat settings, if it speaks the chat protocol."""
        if not wanted.url.strip():
            return chat_of(self.params)
        known = wanted.known if wanted.known and wanted.known.url == wanted.url else self.look(wanted, stop)
        return known.chat

    def _generation(self, wanted: VisitorRequest, chat: Chat | None) -> Generation:
        """Return the settings that are sent, and logged: those of the app's own server, and what a visitor chose.

        A chat server knows nothing of beams, and what only the own server understands is not sent to others.
        """
        own = self.params.generation
        extra = {} if wanted.url.strip() else own.extra
        if chat is not None:
            return Generation(max_new_tokens=wanted.length, extra=extra)
        return own.model_copy(update={"num_beams": wanted.beams, "max_new_tokens": wanted.length, "extra": extra})

    @contextmanager
    def _backend(self, wanted: VisitorRequest, chat: Chat | None) -> Iterator[EndpointBackend]:
        """Give the app's own server, or one named by a visitor; that one never sees a token but the visitor's."""
        url, token = self._checked(wanted)
        if not url and not token:
            yield self._own
            return
        # The app's own endpoint may be called with the visitor's token; where it runs is its owner's choice.
        resolver = None if self.addresses.on_loopback or not url else PublicResolver
        provider = None if url else provider_of(self.params, token)
        with EndpointBackend(
            url or self._own.url, self.params.endpoint, token or None, chat, resolver=resolver, provider=provider
        ) as backend:
            yield backend

    def _checked(self, wanted: VisitorRequest) -> tuple[str, str]:
        """Return address and token as a visitor may use them, either empty; raises `InputError`."""
        url, token = wanted.url.strip(), wanted.token.strip()
        if not token.isascii() or not token.isprintable():
            raise InputError("this is no token: it holds signs that none has; copy it again")
        if token and not url and self.params.backend == "local":
            raise InputError("a token goes with an address: type the endpoint's address as well")
        return self.addresses.checked(url, token) if url else "", token


def _not_logged(error: Exception) -> ToolError:
    """Return what a visitor is told; where on the disk it was, the terminal of the app is told."""
    say(f"the app's log cannot be written: {error}")
    return ToolError(NOT_LOGGED)


def excerpt(dialogue: str) -> str:
    """Return the beginning of a dialogue, by which a visitor knows it again."""
    start = on_a_line(" ".join(dialogue[: 4 * EXCERPT].split()))
    return start if len(start) <= EXCERPT else f"{start[: EXCERPT - 1].rstrip()}…"


def _answered(name: str, record: Record, answer: Answer | None) -> Answered:
    return Answered(
        name=name,
        at=record.started_at,
        summary=answer.summary if answer else "",
        problem="" if record.ok else WORDS[Failure(record.kind)],
        seconds=record.service_time,
        first_token=record.first_token,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        lost_tokens=record.lost_tokens,
        tokens_by=record.tokens_by,
        request=record.request,
        finish=record.finish,
        kind=str(record.kind),
        record=record,
    )
