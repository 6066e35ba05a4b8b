"""The endpoint's wire protocol as an ASGI application: bodies checked, answers in JSON, a line each on stderr."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helpers.backends.base import Answer
from helpers.backends.wire import no_constant
from helpers.core.errors import Failure, RequestError, did_you_mean
from helpers.params import Generation
from helpers.serving.cache import AnswerCache
from helpers.serving.metrics import EXPOSITION, ServerMetrics
from helpers.serving.worker import Worker

MAX_BODY = 1_000_000
MAX_INPUTS = 64
MAX_BEAMS = 32
PATHS = ("/", "/predict", "/health", "/metrics")
#: What nginx logs for a client that has hung up; nobody receives it.
CLIENT_GONE = 499
#: HTTP status of what a backend refuses; everything else is a fault of the server.
STATUSES = {Failure.BAD_REQUEST: 400, Failure.TOO_LARGE: 413}
#: What the vendor's toolkit takes for ``truncation`` beside true and false.
TRUNCATION = ("longest_first", "only_first", "only_second", "do_not_truncate")
#: Its names for limits that count the prompt or a mark at the start too, and ours for those that do not.
OTHER_LIMITS = {"max_length": "max_new_tokens", "min_length": "min_new_tokens"}
#: Spaces that a tokenizer of words leaves before a mark or the end of a contraction.
_LOOSE = re.compile(r" (?=[.?!,]|n't|'m|'s|'ve|'re)")


class ParsedBody(NamedTuple):
    """What the body of a request asks for; ``tidied``: without the spaces that a tokenizer leaves before marks."""

    dialogues: list[str]
    settings: Generation
    tidied: bool


class AccessLog:
    """Middleware that writes one line per request to stderr: never a text, a token or an unknown path."""

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app, self._paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through and write the line when the answer is sent."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), "-"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            path = scope["path"] if scope["path"] in self._paths else "(unknown)"
            seconds, n = time.perf_counter() - began, scope.get("inputs", 0)
            print(now, scope["method"], path, status, f"{seconds:.3f}s", f"n={n}", file=sys.stderr, flush=True)


def build_app(
    worker: Worker, generation: Generation, token: str | None = None, cache: AnswerCache | None = None
) -> Starlette:
    """Return the application.

    ``generation`` fills in what a request leaves open; with a ``token``, POST needs it. A request with
    ``Cache-Control: no-cache``, such as everybody who measures sends, has nothing to do with the ``cache``.
    """

    live = ServerMetrics(worker)

    async def predict(request: Request) -> Response:
        _authorise(request, token)
        body = await _read(request)
        remembered = cache if "no-cache" not in request.headers.get("Cache-Control", "") else None
        with live.timed() as computed:
            dialogues, settings, tidied = parse_body(body, generation)
            request.scope["inputs"] = len(dialogues)
            known = remembered.find(dialogues, settings) if remembered else {}
            missing = [text for text in dialogues if text not in known]
            if missing:
                computed.extend(await _while_there(request, worker.summarise(missing, settings)))
        if not remembered:
            return _answered(computed, tidied=tidied)
        remembered.keep(missing, settings, computed)
        hits, fresh = [text in known for text in dialogues], iter(computed)
        live.looked_up(hits)
        answers = [known[text] if hit else next(fresh) for text, hit in zip(dialogues, hits, strict=True)]
        return _answered(answers, {"x-cache": ",".join("hit" if hit else "miss" for hit in hits)}, tidied=tidied)

    async def health(request: Request) -> Response:
        worker.check_ready()
        return PlainTextResponse("Ok")

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(live.text(), headers={"Content-Type": EXPOSITION})

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(worker.load())
        yield
        loading.cancel()

    return Starlette(
        routes=[
            Route("/", predict, methods=["POST"]),
            Route("/", health),
            Route("/predict", predict, methods=["POST"]),
            Route("/health", health),
            Route("/metrics", metrics),
        ],
        exception_handlers={RequestError: _refused, HTTPException: _unknown, Exception: _broken},
        middleware=[Middleware(AccessLog, paths=PATHS)],
        lifespan=lifespan,
    )


def parse_body(content: bytes, defaults: Generation) -> ParsedBody:
    """Return what a request's body asks for, in the parameters that the vendor's toolkit and its client have.

    Settings may be among the parameters or in ``generate_parameters``. ``truncation`` may be sent: over-long input
    is always cut, and the answer's headers count what was lost.
    Raises `RequestError` with the HTTP status: 400 for no JSON, no ``inputs`` or unusable parameters, 413 for
    too many inputs, 422 for any other shape.
    """
    try:
        body = json.loads(content, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(400, f"the body is not JSON: {error}")
    if not isinstance(body, dict):
        _refuse(422, 'the body must be an object like {"inputs": "…", "parameters": {…}}')
    if "inputs" not in body:
        _refuse(400, "the body has no 'inputs' key; put the dialogue there")
    if unknown := sorted(set(body) - {"inputs", "parameters"}):
        _refuse(422, f"unknown key in the body: {', '.join(unknown)}; known: inputs, parameters")
    return ParsedBody(_inputs(body["inputs"]), *_settings(body.get("parameters"), defaults))


def _inputs(given: Any) -> list[str]:
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not inputs or not all(isinstance(text, str) for text in inputs):
        _refuse(422, "'inputs' must be a text or a list of texts")
    if len(inputs) > MAX_INPUTS:
        _refuse(413, f"{len(inputs)} inputs in one request; send at most {MAX_INPUTS}")
    try:
        "".join(inputs).encode()
    except UnicodeEncodeError:
        _refuse(422, "'inputs' holds half a surrogate pair, which is no text")
    return inputs


def _settings(given: Any, defaults: Generation) -> tuple[Generation, bool]:
    """Return the settings of a request, and whether its answers are to be tidied."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        _refuse(422, "'parameters' must be an object")
    given, problems = dict(given), []
    truncation = given.pop("truncation", True)
    if not isinstance(truncation, bool) and truncation not in TRUNCATION:
        problems.append(f"'truncation' must be true, false or one of {', '.join(TRUNCATION)}")
    tidied = given.pop("clean_up_tokenization_spaces", False)
    if not isinstance(tidied, bool):
        problems.append("'clean_up_tokenization_spaces' must be true or false")
    nested = given.pop("generate_parameters", {})
    if not isinstance(nested, dict):
        problems.append("'generate_parameters' must be an object")
        nested = {}
    twice = [key for key in nested if given.get(key, nested[key]) != nested[key]]
    problems += [f"'{key}' has one value in 'generate_parameters' and another beside it" for key in twice]
    wanted = {**given, **nested}
    if wanted.pop("do_sample", False) is not False:
        problems.append("'do_sample': answers here are the likeliest; leave it out")
    unknown = [key for key in ("extra", *OTHER_LIMITS) if key in wanted]
    problems += [_problem(key, "extra_forbidden", "") for key in unknown]
    wanted = {**defaults.model_dump(), **{key: value for key, value in wanted.items() if key not in unknown}}
    try:
        settings = Generation.model_validate(wanted, strict=True)
    except ValidationError as error:
        problems += [_problem(str(item["loc"][0]), item["type"], item["msg"]) for item in error.errors()]
    else:
        if settings.num_beams > MAX_BEAMS:
            problems.append(f"'num_beams' must be at most {MAX_BEAMS}")
    if problems:
        _refuse(400, "; ".join(problems))
    return settings, tidied


def _problem(key: str, kind: str, message: str) -> str:
    if key in OTHER_LIMITS:
        return f"'{key}' counts more than what is new; send '{OTHER_LIMITS[key]}'"
    if kind == "extra_forbidden":
        return f"unknown parameter '{key}'{did_you_mean(key, [*Generation.model_fields, 'truncation'])}"
    return f"'{key}': {message}"


def _refuse(status: int, message: str) -> NoReturn:
    raise RequestError(Failure.BAD_REQUEST, message, status=status)


def _authorise(request: Request, token: str | None) -> None:
    given = request.headers.get("Authorization", "")
    if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise RequestError(Failure.AUTH, "send the header 'Authorization: Bearer TOKEN'", status=401)


async def _read(request: Request) -> bytes:
    """Return the body, giving up as soon as it is too large, whatever length was announced."""
    content, size = bytearray(), int(request.headers.get("Content-Length", 0))
    stream = request.stream()
    while size <= MAX_BODY and (chunk := await anext(stream, b"")):
        content += chunk
        size = max(size, len(content))
    if size > MAX_BODY:
        _refuse(413, f"the body is larger than {MAX_BODY:,} bytes")
    return bytes(content)


async def _while_there(request: Request, work: Coroutine[Any, Any, list[Answer]]) -> list[Answer]:
    """Return what ``work`` gives; it is cancelled when the client hangs up, which makes room in the queue."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(hung_up())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise RequestError(Failure.CANCELLED, "the client is gone", status=CLIENT_GONE)
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


def _answered(answers: Sequence[Answer], headers: Mapping[str, str] | None = None, *, tidied: bool) -> Response:
    """Return the texts, and in headers what else is known; ``x-compute-time`` is that of the batch."""
    headers = dict(headers or {})
    if times := [answer.service_time for answer in answers if answer.service_time is not None]:
        headers["x-compute-time"] = f"{max(times):.6f}"
    for name in ("input_tokens", "output_tokens", "lost_tokens"):
        counts = [getattr(answer, name) for answer in answers]
        if None not in counts:
            headers[f"x-{name.replace('_', '-')}"] = ",".join(map(str, counts))
    texts = [_LOOSE.sub("", answer.summary.replace(" ' ", "'")) if tidied else answer.summary for answer in answers]
    return JSONResponse([{"summary_text": text} for text in texts], headers=headers)


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    # half a surrogate pair, which a message may repeat from a body, cannot be sent
    return JSONResponse({"error": message.encode("utf-8", "replace").decode()}, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {"WWW-Authenticate": "Bearer"} if error.kind is Failure.AUTH else {}
    if error.retry_after is not None:
        headers["Retry-After"] = f"{error.retry_after:.0f}"
    return _error(error.status or STATUSES.get(error.kind, 500), str(error), headers)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, f"{error.detail}; POST / or /predict, GET /, /health or /metrics", error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    return _error(500, f"internal error: {type(error).__name__}")
