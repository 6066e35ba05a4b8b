"""What answers at an address: the protocol it speaks, the model it serves, and whether it streams.

The requests are for what such servers say of themselves (``/v1/models``), and then one short one by each protocol.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from helpers.backends.addresses import checked_url, token_for
from helpers.backends.base import Answer
from helpers.backends.chat import Chat, chat_path
from helpers.backends.endpoint import EndpointBackend
from helpers.core.console import say
from helpers.core.errors import Failure, InputError, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt

#: A first request may load the model.
LIMITS = Endpoint(connect_timeout=10.0, read_timeout=120.0, total_timeout=120.0)
#: How long to wait, seconds, for a server that says that it is loading (503).
PATIENCE = 300.0
#: Why a server may be starting, as the terminal is told it.
LOADING, UNREACHED = "says that it is loading (HTTP 503)", "cannot be reached yet"
GREETING = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan."
BRIEF = Generation(max_new_tokens=8)
#: How servers call themselves in ``owned_by`` of a model.
ENGINES = {"llamacpp": "llama.cpp", "vllm": "vLLM", "library": "Ollama", "sglang": "SGLang"}
#: The prompt for a model that was not tuned here.
PROMPT = "zero-shot"
#: What a server of unknown models is asked for; most that serve one model do not look at the name.
ANY_MODEL = "default"
#: How `transformers serve` says which model alone it serves, whatever else lies in its cache.
_PINNED = re.compile(r"pinned to '([^']+)'")
#: What says that a server does not speak the chat protocol, rather than that it cannot answer now.
_NO_CHAT = (Failure.NOT_FOUND, Failure.BAD_REQUEST, Failure.BAD_RESPONSE)
#: What says that a service does not answer, whatever the request.
_SILENT = frozenset({Failure.CONNECTION, Failure.TIMEOUT, Failure.COLD, Failure.RATE_LIMITED, Failure.PAUSED})


class AskedServer(Protocol):
    """A server as discovery asks it."""

    def get(self, path: str) -> tuple[int, str]: ...

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]: ...


Opener = Callable[[Chat | None], AbstractContextManager[AskedServer]]


class NobodyFoundError(InputError):
    """No summariser answers at an address.

    ``chat`` is how to ask it all the same, where it is likely to speak chat; ``is_silent`` says that nothing there
    answers now, whatever it is asked for.
    """

    def __init__(self, problem: str, chat: Chat | None, *, is_silent: bool) -> None:
        super().__init__(problem)
        self.chat, self.is_silent = chat, is_silent


@dataclass(frozen=True)
class Found:
    """What was found at ``url``; ``assumed`` says in words what follows from it and what could not be seen.

    ``model`` is the served model's name as the server has it, ``engine`` and ``precision`` what it says of itself.
    """

    url: str
    protocol: Literal["chat", "summarization"]
    model: str
    streams: bool
    context_tokens: int | None
    engine: str
    precision: str
    assumed: tuple[str, ...]

    @property
    def chat(self) -> Chat | None:
        """Its chat settings; ``None`` where it speaks another protocol."""
        return Chat(self.model, load_prompt(PROMPT), streams=self.streams) if self.protocol == "chat" else None

    @property
    def overrides(self) -> list[str]:
        """What makes a params file one of this server."""
        name = PurePosixPath(self.model).name if self.model.startswith("/") else self.model
        name = name.removesuffix(".gguf")
        told: dict[str, Any] = {
            "endpoint.url": self.url,
            "endpoint.protocol": self.protocol,
            "model.id": name,
            "title": name,
        }
        if self.protocol == "chat":
            told |= {"endpoint.served_model": self.model, "endpoint.stream": self.streams}
        if self.context_tokens:
            told["model.context_tokens"] = self.context_tokens
        return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]


@dataclass
class _Look:
    """One look at an address: what was ``found``, or the error of each request, and the chat that was tried."""

    found: Found | None = None
    problems: dict[str, RequestError] = field(default_factory=dict)
    chat: Chat | None = None

    @property
    def reason(self) -> str | None:
        """Why a server may be starting, as a phrase; ``None`` where waiting would not help."""
        return next((why for why in map(_starting, self.problems.values()) if why), None)


def discover(
    url: str, environment: Mapping[str, str], opener: Opener | None = None, *, wait: float | None = None
) -> Found:
    """Return what answers at an address, whichever way it is spelt.

    ``opener`` opens it for requests by the chat or the toolkit's protocol; by default with the environment's token, if
    that may go there. A server that is loading its model is waited for, `PATIENCE` or ``wait`` seconds. Giving ``wait``
    says that the server is being started: an address that does not respond is then waited for as well. Raises
    `NobodyFoundError` naming all that was tried.
    """
    url, token = checked_url(url), token_for(url, environment)
    opened = opener or (lambda chat: EndpointBackend(url, LIMITS, token, chat))
    began, limit, said = time.monotonic(), PATIENCE if wait is None else wait, False
    while True:
        look = _looked(url, opened)
        waited = time.monotonic() - began
        if look.found:
            if said:
                say(f"it is up after {waited:.0f} s")
            return look.found
        reason = look.reason
        if reason is None or (reason != LOADING and wait is None) or waited >= limit:
            raise _nobody(url, look, waited if said else 0.0)
        if not said:
            say(f"{_origin(url)} {reason}; waiting up to {limit:.0f} s until it answers")
        said = True
        time.sleep(min(max(0.25, waited / 20), 5.0, max(0.0, limit - waited)))


def _starting(error: RequestError) -> str | None:
    """Return, as a phrase, why a server may be starting; ``None`` where waiting would not help."""
    if error.kind is Failure.COLD:
        return LOADING
    return UNREACHED if error.kind is Failure.CONNECTION and "DNS" not in error.private else None


def _looked(url: str, opened: Opener) -> _Look:
    """Return what answers now, tried by chat and then, where it tells of no models, by the toolkit's protocol."""
    path, look = urlsplit(url).path, _Look()
    with opened(None) as server:
        models = told_models(server, url)
        look.chat = Chat(str(models[0]["id"]) if models else ANY_MODEL, load_prompt(PROMPT), streams=True)
        try:
            name, answer = _ask_by_chat(opened, look.chat)
        except RequestError as error:
            look.problems[f"POST {chat_path(path)}"] = error
            if not models and error.kind in _NO_CHAT:
                look.chat = None
        else:
            look.found = _chat(server, url, name, models, answer)
            return look
        if models:
            return look
        try:
            server.summarise([GREETING], BRIEF)
        except RequestError as error:
            look.problems[f"POST {path or '/'}"] = error
            return look
    told = ("the model's name, its context and its precision cannot be seen by this protocol",)
    look.found = Found(url, "summarization", "served-model", False, None, "", "", told)
    return look


def _nobody(url: str, look: _Look, waited: float) -> NobodyFoundError:
    """Return the error of an address where no summariser answers."""
    where, tried = _origin(url), "; ".join(f"{what}: {error}" for what, error in look.problems.items())
    is_silent = {error.kind for error in look.problems.values()} <= _SILENT
    after = f" after {waited:.0f} s" if waited else ""
    start = "; `report --url ADDRESS --wait SECONDS` waits for a server that is being started"
    hint = start if look.reason == UNREACHED and not waited else ""
    if is_silent:
        said = f"{where}: nothing answers there now{after} ({tried}){hint}"
        return NobodyFoundError(said, look.chat, is_silent=True)
    refused = any(error.status in (401, 403) for error in look.problems.values())
    key = "; a key goes into HF_TOKEN, and this address into HF_ENDPOINT_URL" if refused else ""
    return NobodyFoundError(
        f"{where}: no summariser answers there{after} ({tried}). Give the address up to /v1, such as "
        f"{where}/v1, for a chat server, or that of the endpoint itself{key}{hint}",
        look.chat,
        is_silent=False,
    )


def _origin(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def told_models(server: AskedServer, url: str) -> list[dict[str, Any]]:
    """Return what a server of the chat protocol says of its models; none where it does not."""
    parts = urlsplit(url)
    path = chat_path(parts.path).rstrip("/").removesuffix("/chat/completions") + "/models"
    found = _told(server, path + (f"?{parts.query}" if parts.query else ""))
    rows = found.get("data")
    named = rows if isinstance(rows, list) else []
    return [row for row in named if isinstance(row, dict) and isinstance(row.get("id"), str)]


def context_of(model: Mapping[str, Any]) -> int | None:
    """Return how many tokens a server says that a model's context has, as llama.cpp or vLLM have it."""
    meta = model.get("meta")
    told = (meta.get("n_ctx") if isinstance(meta, dict) else None) or model.get("max_model_len")
    return told if isinstance(told, int) and told > 0 else None


def engine_of(server: AskedServer, model: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a server says of its engine and of the numbers that it computes with; ``''`` where it does not.

    llama.cpp tells both of a model, vLLM and others the former, TGI neither, but both on a page of its own.
    """
    meta = model.get("meta")
    engine = ENGINES.get(str(model.get("owned_by", "")), "")
    precision = str(meta.get("ftype", "")) if isinstance(meta, dict) else ""
    if not engine:
        about = _told(server, "/info")
        if isinstance(dtype := about.get("model_dtype"), str):
            engine, precision = "TGI", dtype.removeprefix("torch.")
    return engine, precision


def _told(server: AskedServer, path: str) -> dict[str, Any]:
    """Return the object that a server tells at a path; an empty one where there is none."""
    try:
        status, text = server.get(path)
        found = json.loads(text) if status == 200 else {}
    except (RequestError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _ask_by_chat(opened: Opener, chat: Chat) -> tuple[str, Answer]:
    """Return the served model and its answer; a server that serves one model alone says its name when it refuses."""
    try:
        return chat.model, _ask(opened, chat)
    except RequestError as error:
        pinned = _PINNED.search(error.said)
        if pinned is None or pinned[1] == chat.model:
            raise
    return pinned[1], _ask(opened, replace(chat, model=pinned[1]))


def _ask(opened: Opener, chat: Chat) -> Answer:
    with opened(chat) as server:
        return server.summarise([GREETING], BRIEF)[0]


def _chat(server: AskedServer, url: str, name: str, models: list[dict[str, Any]], answer: Answer) -> Found:
    served = next((row for row in models if row["id"] == name), {})
    length = context_of(served)
    streams, assumed = answer.chunks is not None, []
    if len(models) > 1 and served:
        assumed.append(f"of {len(models)} models requests go to {name}; another with --set endpoint.served_model=NAME")
    if name == ANY_MODEL:
        assumed.append("it does not name its models; give the name with --set endpoint.served_model=NAME")
    if length is None:
        assumed.append("its context is not known; give it with --set model.context_tokens=N")
    if not streams:
        assumed.append("it does not stream")
    if answer.output_tokens is None:
        assumed.append("it does not count tokens")

    engine, precision = engine_of(server, served) if served else ("", "")
    return Found(url, "chat", name, streams, length, engine, precision, tuple(assumed))
