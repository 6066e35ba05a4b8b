"""What answers at an address: the protocol it speaks, the model it serves, and whether it streams.

Asked is what such servers say of themselves (``/v1/models``) and then one short request by each protocol.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from helpers.backends.base import Answer
from helpers.backends.chat import Chat, chat_path
from helpers.backends.endpoint import EndpointBackend, checked_url, token_for
from helpers.core.console import say
from helpers.core.errors import Failure, InputError, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt

#: A first request may load the model.
LIMITS = Endpoint(connect_timeout=10.0, read_timeout=120.0, total_timeout=120.0)
#: So long is waited, seconds, for a server that says that it is loading (503).
PATIENCE = 300.0
#: Why a server may be starting, as the terminal is told it.
LOADING, UNREACHED = "says that it is loading (HTTP 503)", "cannot be reached yet"
GREETING = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan."
BRIEF = Generation(max_new_tokens=8)
#: How servers call themselves in ``owned_by`` of a model.
ENGINES = {"llamacpp": "llama.cpp", "vllm": "vLLM", "library": "Ollama", "sglang": "SGLang"}
#: What a server of unknown models is asked for; most that serve one model do not look at the name.
ANY_MODEL = "default"


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


def discover(url: str, environment: Mapping[str, str], wait: float | None = None) -> Found:
    """Return what answers at an address, whichever way it is spelt; raises `InputError` naming all that was tried.

    A server that is loading its model is waited for, `PATIENCE` or ``wait`` seconds; whoever names ``wait`` says that
    it is being started, so that nobody at home is waited for as well.
    """
    url, token = checked_url(url), token_for(url, environment)
    began, limit, said = time.monotonic(), PATIENCE if wait is None else wait, False
    while True:
        problems: dict[str, RequestError] = {}
        found = _looked(url, token, problems)
        waited = time.monotonic() - began
        if found:
            if said:
                say(f"it is up after {waited:.0f} s")
            return found
        reason = next((why for why in map(_starting, problems.values()) if why), None)
        if reason is None or (reason != LOADING and wait is None) or waited >= limit:
            raise _nobody(url, problems, waited if said else 0.0, unreached=reason not in (None, LOADING))
        if not said:
            say(f"{_origin(url)} {reason}; waiting up to {limit:.0f} s until it answers")
        said = True
        time.sleep(min(max(0.25, waited / 20), 5.0, max(0.0, limit - waited)))


def _starting(error: RequestError) -> str | None:
    """Return in words why a server may be starting; ``None`` where waiting would not help."""
    if error.kind is Failure.COLD:
        return LOADING
    return UNREACHED if error.kind is Failure.CONNECTION and "DNS" not in error.private else None


def _looked(url: str, token: str | None, problems: dict[str, RequestError]) -> Found | None:
    """Return what answers now, or nothing; ``problems`` are then what came of each request."""
    path = urlsplit(url).path
    with EndpointBackend(url, LIMITS, token) as server:
        models = told_models(server)
        name = str(models[0]["id"]) if models else ANY_MODEL
        try:
            answer = _ask(url, token, Chat(name, load_prompt("zero-shot"), streams=True))
        except RequestError as error:
            problems[f"POST {chat_path(path)}"] = error
        else:
            return _chat(server, name, models, answer)
        if models:
            return None
        try:
            server.summarise([GREETING], BRIEF)
        except RequestError as error:
            problems[f"POST {path or '/'}"] = error
            return None
    told = ("the model's name, its context and its precision cannot be seen by this protocol",)
    return Found(url, "summarization", "served-model", False, None, "", "", told)


def _nobody(url: str, problems: Mapping[str, RequestError], waited: float, *, unreached: bool) -> InputError:
    """Return the error of an address where no summariser answers."""
    where, tried = _origin(url), "; ".join(f"{what}: {error}" for what, error in problems.items())
    refused = any(error.status in (401, 403) for error in problems.values())
    key = "; a key goes into HF_TOKEN, and this address into HF_ENDPOINT_URL" if refused else ""
    after = f" after {waited:.0f} s" if waited else ""
    start = "; a server that is being started is waited for with --wait SECONDS" if unreached and not waited else ""
    return InputError(
        f"{where}: no summariser answers there{after} ({tried}). Give the address up to /v1, such as "
        f"{where}/v1, for a chat server, or that of the endpoint itself{key}{start}"
    )


def _origin(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def told_models(server: EndpointBackend) -> list[dict[str, Any]]:
    """Return what a server of the chat protocol says of its models; none where it does not."""
    parts = urlsplit(server.url)
    path = chat_path(parts.path).rstrip("/").removesuffix("/chat/completions") + "/models"
    found = _told(server, path + (f"?{parts.query}" if parts.query else ""))
    rows = found.get("data")
    named = rows if isinstance(rows, list) else []
    return [row for row in named if isinstance(row, dict) and isinstance(row.get("id"), str)]


def engine_of(server: EndpointBackend, model: Mapping[str, Any]) -> tuple[str, str]:
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


def _told(server: EndpointBackend, path: str) -> dict[str, Any]:
    """Return the object that a server tells at a path; an empty one where there is none."""
    try:
        status, text = server.get(path)
        found = json.loads(text) if status == 200 else {}
    except (RequestError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _ask(url: str, token: str | None, chat: Chat) -> Answer:
    with EndpointBackend(url, LIMITS, token, chat) as server:
        return server.summarise([GREETING], BRIEF)[0]


def _chat(server: EndpointBackend, name: str, models: list[dict[str, Any]], answer: Answer) -> Found:
    served = models[0] if models else {}
    told = served.get("meta") if isinstance(served.get("meta"), dict) else {}
    assert isinstance(told, dict)
    context = told.get("n_ctx") or served.get("max_model_len")
    streams, assumed = answer.chunks is not None, []
    if len(models) > 1:
        assumed.append(f"of {len(models)} models {name} is asked; another with --set endpoint.served_model=NAME")
    if not models:
        assumed.append("it does not name its models; give the name with --set endpoint.served_model=NAME")
    if not isinstance(context, int):
        assumed.append("its context is not known; give it with --set model.context_tokens=N")
    if not streams:
        assumed.append("it does not stream")
    if answer.output_tokens is None:
        assumed.append("it does not count tokens")
    length = context if isinstance(context, int) and context > 0 else None
    engine, precision = engine_of(server, served) if served else ("", "")
    return Found(server.url, "chat", name, streams, length, engine, precision, tuple(assumed))
