"""A deployed service over HTTP: one attempt per call, bounded in time and size, with typed errors."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from anyio.from_thread import start_blocking_portal

from helpers import __version__
from helpers.backends import wire
from helpers.backends.addresses import checked_url, token_for
from helpers.backends.base import Answer
from helpers.backends.chat import Chat, Reuse, chat_path, parse_chat
from helpers.backends.providers import Provider, provider_of
from helpers.backends.streaming import Stream, Tell, read_stream
from helpers.core.environment import SHORTEST, environment, redact
from helpers.core.errors import Failure, RequestError, RunError
from helpers.params import Endpoint, Generation, Params
from helpers.samples.prompts import load_prompt

T = TypeVar("T")
#: One attempt is made in at most so many words and places: a server that sends it back and forth is not followed.
MOST_WORDINGS = 8
#: A kept connection that fails sooner, seconds, was closed while idle: later, the request itself may have been its end.
IDLE_CLOSED = 1.0
#: What a server sends behind the end of a stream is read for so long, seconds, so that the connection can be kept.
BEHIND_STREAM = 0.2


@dataclass(frozen=True)
class Reply:
    """A response as received; ``seconds`` from send to last byte, ``stream`` if it arrived as events."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float
    stream: Stream | None = None

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.content.decode("utf-8", "replace")


@dataclass
class _Connection:
    """Whether a request went over a connection that an earlier one had left open."""

    was_kept: bool = False


class _ClosedError(Exception):
    """A connection was closed without an answer."""

    def __init__(self, error: RequestError) -> None:
        super().__init__(str(error))
        self.error = error


class EndpointBackend:
    """Sends requests to a service that speaks a protocol of `helpers.backends.wire`; that of chat needs ``chat``.

    The token is sent to this address alone; redirects are never followed. Calls from any thread share
    one connection pool on an event loop of its own, because a notebook's own loop is already running.
    Once the service has said that it is down (503), the next request asks its proxy to hold it until it is up.
    ``resolver`` makes what turns host names into addresses, the system's by default. Answers must be computed again
    each time, as every measurement needs, unless they ``may_be_cached``. A ``provider`` prepares each request. ``told``
    is what the latest answer says of its origin: ``provider`` and ``model``, where it does.
    """

    kind = "endpoint"

    def __init__(
        self,
        url: str,
        endpoint: Endpoint,
        token: str | None = None,
        chat: Chat | None = None,
        resolver: Callable[[], AbstractResolver] | None = None,
        *,
        may_be_cached: bool = False,
        provider: Provider | None = None,
    ) -> None:
        self.url = checked_url(url)
        parts = urlsplit(self.url)
        self._origin, self._path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
        if chat:
            self._path = chat_path(parts.path)
        self._query = f"?{parts.query}" if parts.query else ""
        self._endpoint, self._chat = endpoint, chat
        self._asleep, self._streams_end = False, True
        # Nothing compressed is asked for, and what comes so all the same is inflated here, within bounds.
        self._headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"helpers/{__version__}",
        }
        if not may_be_cached:
            self._headers["Cache-Control"] = "no-cache"
        self._token, self._resolver = token, resolver
        self.provider = provider
        self.told: dict[str, str] = {}
        if provider:
            self._headers |= provider.headers
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._portal_manager = start_blocking_portal()
        self._portal = self._portal_manager.__enter__()
        self._session = self._portal.call(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Make one attempt for the dialogues and return their answers in order, or raise `RequestError`."""
        return self.call(self.ask, list(dialogues), generation)

    def begin(self, dialogues: Sequence[str], generation: Generation, tell: Tell | None = None) -> Future[list[Answer]]:
        """Begin the attempt that `summarise` makes; cancelling what is returned breaks it off.

        ``tell`` is told, on the event loop, of an answer that comes in a stream: of as much of it as is there.
        """
        return self._portal.start_task_soon(self.ask, list(dialogues), generation, tell)

    def begin_get(self, path: str) -> Future[tuple[int, str]]:
        """Begin what `get` does; cancelling what is returned breaks it off."""
        return self._portal.start_task_soon(self._get, path)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a plain GET such as ``/health``; raises `RequestError` if nothing answers."""
        return self.call(self._get, path)

    def reusing(self, reuse: Reuse) -> EndpointBackend:
        """Return this backend, over the same connections, with another way to keep prompts from being cached."""
        other = copy.copy(self)
        other._chat = replace(self._chat, reuse=reuse) if self._chat else None
        return other

    @property
    def refused(self) -> frozenset[str]:
        """The fields of a request that the service has refused, and that are left out since."""
        return self._chat.left_out if self._chat else frozenset()

    def close(self) -> None:
        """Close the connections and end the event loop."""
        self._portal.call(self._session.close)
        self._portal_manager.__exit__(None, None, None)

    def call(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run on this backend's event loop; a caller that is interrupted while waiting leaves no request behind."""
        future = self._portal.start_task_soon(work, *arguments)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _open(self) -> aiohttp.ClientSession:
        # A load test has as many requests in flight as arrive: none may wait here for a connection.
        connector = aiohttp.TCPConnector(limit=0, resolver=self._resolver() if self._resolver else None)
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_kept)
        return aiohttp.ClientSession(
            connector=connector, trust_env=False, auto_decompress=False, trace_configs=[tracing]
        )

    async def ask(self, dialogues: list[str], generation: Generation, tell: Tell | None = None) -> list[Answer]:
        """Make one attempt as `begin` does, for code that `call` runs on this backend's event loop."""
        reply = await self._asked(dialogues, generation, tell and partial(self._show, tell))
        self._asleep = reply.status == 503
        if reply.status != 200:
            raise self._refusal(reply)
        try:
            return self._answers(reply, len(dialogues))
        except RequestError as error:
            said, again = self._clean(error.said), error.retryable
            raise RequestError(error.kind, error.private, said=said, status=error.status, retryable=again) from None

    async def _asked(self, dialogues: list[str], generation: Generation, tell: Tell | None) -> Reply:
        """Return the reply to one attempt, made again in other words if the server says that it takes those only."""
        for _ in range(MOST_WORDINGS):
            chat, path = self._chat, self._path
            reply = await self._exchange("POST", path + self._query, self._body(dialogues, generation), tell)
            other, moved = chat.corrected(reply.status, reply.text) if chat else None, _slash(reply, path)
            # What a concurrent request has corrected already is taken as it is.
            if other is not None:
                self._chat = other if self._chat is chat else self._chat
            elif moved is not None:
                self._path = moved if self._path == path else self._path
            else:
                break
        return reply

    def _refusal(self, reply: Reply) -> RequestError:
        error = wire.refusal(reply.status, reply.headers, self._clean(reply.text))
        if error.kind is Failure.NOT_FOUND and self.provider:
            who = "no provider serves" if self.provider.name == "auto" else f"{self.provider.name} does not serve"
            reason = f"{error.private}: {who} {self.provider.model}"
            return RequestError(error.kind, reason, said=error.said, status=error.status)
        if error.kind is not Failure.NOT_FOUND or reply.status != 404 or "no model" in error.private:
            return error
        advice = "for a chat server set endpoint.protocol: chat" if self._chat is None else "give its address up to /v1"
        reason = f"{error.private}: nothing at {self._path}; {advice}"
        return RequestError(error.kind, reason, said=error.said, status=error.status)

    def _answers(self, reply: Reply, n: int) -> list[Answer]:
        if self._chat:
            found = reply.stream.completion() if reply.stream else parse_chat(reply.content)
            clocks = reply.stream.clocks(found.counts.get("output_tokens")) if reply.stream else {}
            by = {"provider": reply.headers.get("X-Inference-Provider"), "model": found.model}
            self.told |= {name: self._clean(said) for name, said in by.items() if said}
            told: dict[str, Any] = {"finish": found.finish, "thought": found.thought or None, **found.counts, **clocks}
            return [Answer(self._clean(found.text), service_time=reply.seconds, status=reply.status, **told)]
        summaries = wire.parse_summaries(reply.content, n)
        read, made, lost = (wire.token_counts(reply.headers, name, n) for name in ("input", "output", "lost"))
        return [
            Answer(self._clean(text), read[i], made[i], lost[i], reply.seconds, reply.status)
            for i, text in enumerate(summaries)
        ]

    async def _get(self, path: str) -> tuple[int, str]:
        reply = await self._exchange("GET", path, None)
        return reply.status, self._clean(reply.text)

    def _body(self, dialogues: list[str], generation: Generation) -> bytes:
        if len(dialogues) != 1 and (self._chat or self.provider):
            who = "the chat protocol" if self._chat else "a provider"
            raise RequestError(Failure.BAD_REQUEST, f"{who} takes one dialogue per request")
        if self._chat:
            body = self._chat.body(dialogues[0], generation)
            body = self.provider.chat_body(body) if self.provider else body
        elif self.provider:
            body = self.provider.summarization_body(dialogues[0], generation.sent())
        else:
            body = wire.plain_body(dialogues, generation)
        return json.dumps(body).encode()

    def _clean(self, text: str) -> str:
        """Return what a server said without the token, which a server may well repeat."""
        own = [self._token] if self._token and len(self._token) >= SHORTEST else []
        # half a surrogate pair is no text, and cannot be written anywhere
        return redact(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), own)

    def _show(self, tell: Tell, text: str) -> None:
        """Tell of an unfinished text without the token, and without what may become the token at its end."""
        text, token = self._clean(text), self._token or ""
        longest = min(len(text), len(token))
        tell(text[: len(text) - next((n for n in range(longest, 0, -1) if text.endswith(token[:n])), 0)])

    async def _exchange(self, method: str, path: str, body: bytes | None, tell: Tell | None = None) -> Reply:
        """Return the response; a connection that the server has closed since its last answer is opened again."""
        while True:
            on_kept, began = _Connection(), time.monotonic()
            try:
                return await self._exchanged(method, path, body, on_kept, tell)
            except _ClosedError as closed:
                if not on_kept.was_kept or time.monotonic() - began > IDLE_CLOSED:
                    raise closed.error from None

    async def _exchanged(
        self, method: str, path: str, body: bytes | None, connection: _Connection, tell: Tell | None
    ) -> Reply:
        limits, headers = self._limits(), dict(self._headers)
        if self._asleep and method == "POST":
            headers["X-Scale-Up-Timeout"] = f"{self._endpoint.wake_timeout:.0f}"
        began, most, stream = time.perf_counter_ns(), self._endpoint.max_answer_bytes, None
        try:
            async with self._session.request(
                method,
                self._origin + path,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=limits,
                trace_request_ctx=connection,
            ) as response:
                if response.status == 200 and response.content_type == "text/event-stream" and self._chat:
                    stream, raw = await read_stream(response.content.iter_any(), began, most, tell), b""
                else:
                    raw = await self._bounded(response)
                seconds = (time.perf_counter_ns() - began) / 1e9
                if stream and self._streams_end:
                    self._streams_end = await _read_on(response)
                content = wire.inflated(raw, response.headers.get("Content-Encoding", ""), most)
                return Reply(response.status, response.headers, content, seconds, stream)
        except aiohttp.ConnectionTimeoutError:
            limit = self._endpoint.connect_timeout
            raise RequestError(Failure.CONNECTION, f"no connection within {limit:g} s", retryable=True) from None
        except aiohttp.SocketTimeoutError:
            reason = f"nothing came for {limits.sock_read:g} s"
            raise RequestError(Failure.TIMEOUT, reason, retryable=True) from None
        except TimeoutError:
            reason = f"no complete answer within {limits.total:g} s"
            raise RequestError(Failure.TIMEOUT, reason, retryable=True) from None
        except (aiohttp.ClientConnectionError, OSError) as error:
            said = self._clean(str(error))
            failed = RequestError(Failure.CONNECTION, type(error).__name__, said=said, retryable=True)
            # A connection that went while a request was written has its reason behind the error.
            closed = (aiohttp.ServerDisconnectedError, ConnectionError)
            if isinstance(error, closed) or isinstance(error.__cause__, closed):
                raise _ClosedError(failed) from None
            raise failed from None
        except aiohttp.ClientError as error:
            said = self._clean(str(error))[: wire.SHOWN_ERROR]
            # Only the text tells an answer that a reset cut off from one that was sent too short.
            kind = Failure.CONNECTION if ConnectionResetError.__name__ in said else Failure.BAD_RESPONSE
            raise RequestError(kind, type(error).__name__, said=said, retryable=True) from None

    def _limits(self) -> aiohttp.ClientTimeout:
        """Return the limits of one request; one that is held while the service starts may take as long as that."""
        endpoint = self._endpoint
        total, read = endpoint.total_timeout, endpoint.read_timeout
        if self._asleep:
            total = read = max(total, endpoint.wake_timeout)
        return aiohttp.ClientTimeout(total=total, sock_connect=endpoint.connect_timeout, sock_read=read)

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            content += chunk
            if len(content) > self._endpoint.max_answer_bytes:
                response.close()
                limit = self._endpoint.max_answer_bytes
                raise RequestError(
                    Failure.TOO_LARGE, f"the answer is larger than {limit:,} bytes", status=response.status
                )
        return bytes(content)


def open_endpoint(url: str, params: Params, *, with_token: bool = True, may_be_cached: bool = False) -> EndpointBackend:
    """Return the backend of a run that asks ``url``, with the environment's token if it may go there."""
    provider = provider_of(params)
    token = (provider.token if provider else token_for(url, environment())) if with_token else None
    return EndpointBackend(url, params.endpoint, token, chat_of(params), may_be_cached=may_be_cached, provider=provider)


def chat_of(params: Params) -> Chat | None:
    """Return the chat settings of a params file's endpoint; ``None`` where it speaks another protocol."""
    if params.protocol != "chat" or not params.model.prompt:
        return None
    name, streams = params.endpoint.served_model or params.model.id, params.endpoint.stream
    return Chat(name, load_prompt(params.model.prompt), streams=streams)


async def _read_on(response: aiohttp.ClientResponse) -> bool:
    """Read on behind the end of a stream, so that the connection can be kept; return whether it ended in time."""
    try:
        async with asyncio.timeout(BEHIND_STREAM):
            await response.content.read()
    except TimeoutError:
        return False
    except aiohttp.ClientError:
        pass  # what was said is there
    return True


async def _kept(session: Any, context: Any, params: Any) -> None:
    context.trace_request_ctx.was_kept = True


def _slash(reply: Reply, path: str) -> str | None:
    """Return the path that a server sends a request on to for the sake of a slash at its end; ``None`` for all else."""
    if reply.status not in (301, 302, 307, 308):
        return None
    other = urlsplit(reply.headers.get("Location", ""))
    same = other.path.rstrip("/") == path.rstrip("/") and other.path != path
    return other.path if same and not other.netloc else None


def endpoint_url(params: Params) -> str | None:
    """Return the address of a deployed endpoint or of a provider, checked; ``None`` for other backends."""
    if params.backend != "endpoint":
        return None
    if provider := provider_of(params):
        return provider.url
    url = params.endpoint.url or environment().get("HF_ENDPOINT_URL")
    if not url:
        raise RunError(
            "no endpoint address: set HF_ENDPOINT_URL in the environment or .env, or endpoint.url in the params file"
        )
    return checked_url(url)
