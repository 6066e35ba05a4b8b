"""What goes over the wire: bodies and answers of the toolkit's protocols, and the refusals of all of them.

``summarization`` and ``text2text`` are those of the managed endpoint's own toolkit; ``chat`` has a module of its own.
The known shapes of an answer are read tolerantly, whatever type it is said to be; everything else is a
``bad_response``.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from helpers.core.errors import Failure, RequestError
from helpers.params import Generation

#: HTTP status → kind of failure, and whether a retry can help.
STATUSES: Mapping[int, tuple[Failure, bool]] = {
    400: (Failure.BAD_REQUEST, False),
    401: (Failure.AUTH, False),
    402: (Failure.PAYMENT_REQUIRED, False),
    403: (Failure.AUTH, False),
    404: (Failure.NOT_FOUND, False),
    408: (Failure.TIMEOUT, True),
    413: (Failure.TOO_LARGE, False),
    422: (Failure.BAD_REQUEST, False),
    424: (Failure.SERVER_ERROR, True),
    429: (Failure.RATE_LIMITED, True),
    503: (Failure.COLD, True),
}
#: Error bodies are only shown to a person; more of them helps nobody.
SHOWN_ERROR = 300
#: What the vendor says of an endpoint that its owner has paused; a dialogue that an error repeats may hold the word.
_PAUSED = re.compile(r"^\W*(?:error\W+)?(?:bad request:\s*)?(?:the )?endpoint\b[^'\"\n]{0,60}\bpaused\b", re.IGNORECASE)
#: How servers say that they have no model of the name that was asked for.
_NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}?\b(not exist|not found|unknown|not available|no such|not supported by (any )?provider)"
    r"|(no|unknown) model",
    re.I,
)


def plain_body(dialogues: Sequence[str], generation: Generation) -> dict[str, Any]:
    """Return the request of the toolkit's protocols; without ``truncation`` an over-long input crashes a model."""
    inputs = dialogues[0] if len(dialogues) == 1 else list(dialogues)
    return {"inputs": inputs, "parameters": {**generation.sent(), "truncation": True}}


def parse_summaries(content: bytes, expected: int) -> list[str]:
    """Return the summaries in an answer's body; raises `RequestError` (bad_response) for any unknown shape.

    Known shapes: ``[{"summary_text": …}]``, ``[{"generated_text": …}]``, the bare object for one input, and lists of
    one within a list.
    """
    answer = read_json(content)
    items = [answer] if isinstance(answer, dict) else answer
    if isinstance(items, list) and len(items) == 1 != expected and isinstance(items[0], list):
        items = items[0]
    if isinstance(items, list):
        items = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in items]
    if not isinstance(items, list) or len(items) != expected:
        raise _unknown(f"expected a list of {expected}", _shape(answer))
    return [_summary(item) for item in items]


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
    reason = f"HTTP {status}" + (", the account's credits are used up or it cannot pay" if status == 402 else "")
    if status in (400, 404, 503) and _PAUSED.search(_message(text)):
        kind, retryable = Failure.PAUSED, False
    elif status in (400, 404, 422) and _NO_MODEL.search(_message(text)):
        kind, retryable, reason = (
            Failure.NOT_FOUND,
            False,
            f"HTTP {status}, it serves no model of the name it was asked for",
        )
    wait = _seconds(headers.get("Retry-After"))
    return RequestError(kind, reason, said=text[:SHOWN_ERROR], status=status, retry_after=wait, retryable=retryable)


def token_counts(headers: Mapping[str, str], name: str, n: int) -> list[int | None]:
    """Return the counts of a comma-separated header of our own server, ``None`` for each input when it does not fit."""
    parts = headers.get(f"x-{name}-tokens", "").split(",")
    if len(parts) != n or not all(part.strip().isdigit() for part in parts):
        return [None] * n
    return [int(part) for part in parts]


def no_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities, which Python's reader takes and JSON does not have."""
    raise ValueError(f"{name} is not JSON")


def read_json(content: bytes) -> Any:
    """Return what JSON says, whatever its type was said to be; raises `RequestError` (bad_response)."""
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


def no_text(message: str, answer: Any) -> RequestError:
    """Return the error of an answer in a shape that is not known."""
    return _unknown(message, _shape(answer))


def _message(text: str) -> str:
    """Return the message in the body of an error, which servers wrap in several ways."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for _ in range(2):
        told = (
            next((told[name] for name in ("error", "message", "detail") if name in told), "")
            if isinstance(told, dict)
            else told
        )
    return told if isinstance(told, str) else text


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
