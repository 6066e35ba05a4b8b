"""What goes over the wire: bodies, answers and refusals of the three protocols that endpoints speak.

``summarization`` and ``text2text`` are those of the managed endpoint's own toolkit, ``chat`` is that of TGI, vLLM
and llama.cpp. The known shapes of an answer are read tolerantly; everything else is a ``bad_response``.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NoReturn

from helpers.core.errors import Failure, RequestError
from helpers.params import Generation
from helpers.samples.prompts import Prompt

#: HTTP status → kind of failure, and whether asking again can help.
STATUSES: Mapping[int, tuple[Failure, bool]] = {
    400: (Failure.BAD_REQUEST, False),
    401: (Failure.AUTH, False),
    403: (Failure.AUTH, False),
    404: (Failure.NOT_FOUND, False),
    408: (Failure.TIMEOUT, True),
    413: (Failure.TOO_LARGE, False),
    422: (Failure.BAD_REQUEST, False),
    429: (Failure.RATE_LIMITED, True),
    503: (Failure.COLD, True),
}
#: Error bodies are only shown to a person; more of them helps nobody.
SHOWN_ERROR = 300
#: Where servers of the chat protocol listen.
CHAT_PATH = "/v1/chat/completions"


#: What is done so that a server computes a prompt it has seen: nothing, its own switch (llama.cpp's ``cache_prompt``,
#: vLLM's ``cache_salt``), or a mark at the beginning that makes each prompt another one.
Reuse = Literal["allowed", "cache_prompt", "cache_salt", "distinct"]


@dataclass(frozen=True)
class Chat:
    """What the chat protocol needs beside the dialogue: the model's name and the prompt around the dialogue."""

    model: str
    prompt: Prompt
    reuse: Reuse = "allowed"

    def body(self, dialogue: str, generation: Generation) -> dict[str, Any]:
        """Return the request; decoding is greedy, as it is with every other protocol."""
        turns, mark = self.prompt.messages(dialogue), uuid.uuid4().hex[:8]
        if self.reuse == "distinct":
            turns[0] = {**turns[0], "content": f"[request {mark}]\n{turns[0]['content']}"}
        switches: dict[str, dict[str, Any]] = {
            "cache_prompt": {"cache_prompt": False},
            "cache_salt": {"cache_salt": mark},
        }
        limits = {"max_tokens": generation.max_new_tokens, "temperature": 0, "stream": False}
        return {"model": self.model, "messages": turns, **limits, **switches.get(self.reuse, {})}


def plain_body(dialogues: Sequence[str], generation: Generation) -> dict[str, Any]:
    """Return the request of the toolkit's protocols; without ``truncation`` an over-long input crashes a model."""
    inputs = dialogues[0] if len(dialogues) == 1 else list(dialogues)
    return {"inputs": inputs, "parameters": {**generation.sent(), "truncation": True}}


def parse_summaries(content: bytes, expected: int) -> list[str]:
    """Return the summaries in an answer's body; raises `RequestError` (bad_response) for any unknown shape.

    Known shapes: ``[{"summary_text": …}]``, ``[{"generated_text": …}]``, and the bare object for one input.
    """
    answer = _json(content)
    items = [answer] if isinstance(answer, dict) else answer
    if not isinstance(items, list) or len(items) != expected:
        raise _unknown(f"expected a list of {expected}", _shape(answer))
    return [_summary(item) for item in items]


def parse_chat(content: bytes) -> tuple[str, dict[str, int]]:
    """Return the text and the counts of a chat completion, as fields of an `Answer`; raises `RequestError`."""
    answer = _json(content)
    try:
        text = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        raise _unknown("no text in the first of 'choices'", _shape(answer))
    return text.strip(), usage_counts(answer)


def usage_counts(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return what a chat completion says of tokens, as fields of an `Answer`; what it does not say is left out.

    Tokens taken from an earlier prompt stand in the details of ``usage``, or in llama.cpp's ``timings``.
    """
    usage, timings = (part if isinstance(part := answer.get(name), dict) else {} for name in ("usage", "timings"))
    details = usage.get("prompt_tokens_details")
    cached = (details if isinstance(details, dict) else {}).get("cached_tokens", timings.get("cache_n"))
    found = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "cached_tokens": cached,
    }
    return {name: n for name, n in found.items() if isinstance(n, int) and not isinstance(n, bool) and n >= 0}


def check_type(headers: Mapping[str, str]) -> None:
    """Raise `RequestError` (bad_response) when an answer says that it is something other than JSON."""
    kind = headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise _unknown(f"the answer is {kind or 'of no type'}, not application/json")


def inflated(content: bytes, encoding: str, limit: int) -> bytes:
    """Return a body as it was before compression, at most ``limit`` bytes of it; raises `RequestError`.

    Nothing compressed was asked for; a server that sends it anyway must not fill the memory.
    """
    if encoding.lower() in ("", "identity"):
        return content
    if encoding.lower() not in ("gzip", "deflate"):
        raise _unknown(f"the answer is compressed with {encoding}, which was not asked for")
    try:
        plain = zlib.decompressobj(wbits=47).decompress(content, limit + 1)
    except zlib.error as error:
        raise _unknown(f"the answer is not {encoding}: {error}") from None
    if len(plain) > limit:
        raise RequestError(Failure.TOO_LARGE, f"the answer is larger than {limit:,} bytes", status=200)
    return plain


def refusal(status: int, headers: Mapping[str, str], text: str) -> RequestError:
    """Return the error that a status other than 200 means."""
    if 300 <= status < 400:
        reason = "answered with a redirect, which is not followed; give the address it leads to"
        return RequestError(Failure.BAD_RESPONSE, reason, status=status)
    kind, retryable = STATUSES.get(
        status, (Failure.SERVER_ERROR, True) if status >= 500 else (Failure.BAD_RESPONSE, False)
    )
    if "paused" in text.lower() and status in (400, 404, 503):
        kind, retryable = Failure.PAUSED, False
    wait = _seconds(headers.get("Retry-After"))
    return RequestError(
        kind, f"HTTP {status}", said=text[:SHOWN_ERROR], status=status, retry_after=wait, retryable=retryable
    )


def token_counts(headers: Mapping[str, str], name: str, n: int) -> list[int | None]:
    """Return the counts of a comma-separated header of our own server, ``None`` for each input when it does not fit."""
    parts = headers.get(f"x-{name}-tokens", "").split(",")
    if len(parts) != n or not all(part.strip().isdigit() for part in parts):
        return [None] * n
    return [int(part) for part in parts]


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities, which Python's reader takes and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise _unknown("the answer is not JSON", f"{error}: {content[:80]!r}") from None


def _summary(item: Any) -> str:
    if isinstance(item, dict):
        for key in ("summary_text", "generated_text"):
            if isinstance(item.get(key), str):
                return str(item[key])
    raise _unknown("no 'summary_text' in the answer", _shape(item))


def _unknown(message: str, said: str = "") -> RequestError:
    return RequestError(Failure.BAD_RESPONSE, message, said=said, status=200)


def _shape(answer: Any) -> str:
    return json.dumps(answer)[:80]


def _seconds(value: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, given as a number or as a date; ``None`` for anything else."""
    if value is None or value.strip().isdigit():
        return None if value is None else float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
