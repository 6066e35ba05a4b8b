"""Server-sent events of a chat completion, and the clocks that run while they come.

The time to the first token ends with the first event that has content: one that only names a role does not count. The
time between tokens is that from the first event with generated text to the last, over the tokens that ``usage`` counts,
less one; a server may send several tokens in an event, so gaps between events are another figure.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from helpers.backends.chat import Completion, completed, joined, thinking
from helpers.backends.wire import no_constant
from helpers.core.errors import Failure, RequestError

#: Who is told of the text so far, without thinking, whenever more of it is there.
Tell = Callable[[str], object]
#: Bytes of events for a byte of text: what is around a token is far longer than it.
AROUND = 50


@dataclass
class Stream:
    """A stream in flight: its text so far and its clocks, seconds since the request was sent.

    ``first_token`` is the first content, ``first`` the first generated text, thinking included; ``last`` the latest.
    """

    text: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    finish: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    first_token: float | None = None
    first: float | None = None
    last: float = 0.0
    chunks: int = 0
    longest_gap: float | None = None

    def take(self, event: dict[str, Any], at: float) -> None:
        """Take one event in."""
        self.told |= {name: event[name] for name in ("usage", "timings", "model") if event.get(name)}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        delta = found if isinstance(found := choice.get("delta"), dict) else {}
        content, thought = joined(delta.get("content")), thinking(delta)
        if content or thought:
            if self.first is None:
                self.first = at
            else:
                self.longest_gap = max(self.longest_gap or 0.0, at - self.last)
            self.last, self.chunks = at, self.chunks + 1
        if content:
            self.first_token = at if self.first_token is None else self.first_token
            self.text.append(content)
        self.aside.append(thought)
        if isinstance(choice.get("finish_reason"), str):
            self.finish, self.ended = choice["finish_reason"], True

    def so_far(self) -> str:
        """Return the text that is there, without thinking."""
        return completed("".join(self.text), "", "", {}).text

    def completion(self) -> Completion:
        """Return what was said; raises `RequestError` (bad_response) where the stream says neither text nor end."""
        if not self.chunks and not self.ended:
            raise RequestError(Failure.BAD_RESPONSE, "the stream held no text", status=200, retryable=True)
        if not self.ended:
            raise RequestError(
                Failure.BAD_RESPONSE, "the stream ended before the answer did", status=200, retryable=True
            )
        return completed("".join(self.text), "".join(self.aside), self.finish, self.told)

    def clocks(self, tokens: int | None) -> dict[str, float | int | None]:
        """Return what was timed, as fields of an `Answer`; ``tokens`` is how many the server counted."""
        between = None
        if self.first is not None and tokens is not None and tokens > 1:
            between = (self.last - self.first) / (tokens - 1)
        names = ("first_token", "chunks", "longest_gap")
        return {"inter_token": between, **{name: getattr(self, name) for name in names}}


async def read_stream(chunks: AsyncIterator[bytes], began_ns: int, limit: int, tell: Tell | None = None) -> Stream:
    """Read events until the stream says that it is done, or ends; ``limit`` bounds the text, bytes.

    Raises `RequestError`: too_large, bad_response for what is no JSON, server_error for an error that the server sends.
    """
    stream, buffer, size = Stream(), b"", 0
    async for chunk in chunks:
        at = (time.perf_counter_ns() - began_ns) / 1e9
        size, buffer = size + len(chunk), buffer + chunk
        if size > AROUND * limit or sum(map(len, stream.text)) > limit:
            raise RequestError(Failure.TOO_LARGE, f"the answer is larger than {limit:,} bytes", status=200)
        *lines, buffer = buffer.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and _done(stream, line[5:].strip(), at):
                stream.ended = True
                return stream
        if tell and stream.last == at:
            tell(stream.so_far())
    if buffer.startswith(b"data:"):
        _done(stream, buffer[5:].strip(), (time.perf_counter_ns() - began_ns) / 1e9)
    return stream


def _done(stream: Stream, data: bytes, at: float) -> bool:
    """Take the data of one event in, and return whether it was the last."""
    if data == b"[DONE]":
        return True
    try:
        event = json.loads(data, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        said = f"{error}: {data[:80]!r}"
        raise RequestError(Failure.BAD_RESPONSE, "an event of the stream is not JSON", said=said, status=200) from None
    if not isinstance(event, dict):
        raise RequestError(Failure.BAD_RESPONSE, "an event of the stream is no object", status=200)
    if event.get("error"):
        said = json.dumps(event["error"])[:300]
        raise RequestError(Failure.SERVER_ERROR, "the stream ends in an error", said=said, status=200, retryable=True)
    stream.take(event, at)
    return False
