"""What answers at an address: the protocol it speaks, the model it serves, and whether it streams.

AskedServer is what such servers say of themselves (``/v1/models``) and then one short request by each protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from helpers.backends.base import Answer
from helpers.backends.chat import Chat, chat_path
from helpers.backends.endpoint import EndpointBackend, checked_url, token_for
from helpers.core.errors import Failure, InputError, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt

#: A first request may load the model.
LIMITS = Endpoint(connect_timeout=10.0, read_timeout=120.0, total_timeout=120.0)
GREETING = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan."
BRIEF = Generation(max_new_tokens=8)
#: How servers call themselves in ``owned_by`` of a model.
ENGINES = {"llamacpp": "llama.cpp", "vllm": "vLLM", "library": "Ollama", "sglang": "SGLang"}
#: How a model that nobody has tuned here is asked.
PROMPT = "zero-shot"
#: What a server of unknown models is asked for; most that serve one model do not look at the name.
ANY_MODEL = "default"


#: How `transformers serve` says which model alone it serves, whatever else lies in its cache.
_PINNED = re.compile(r"pinned to '([^']+)'")
#: What says that a server does not speak the chat protocol, rather than that it cannot answer now.
_NO_CHAT = (Failure.NOT_FOUND, Failure.BAD_REQUEST, Failure.BAD_RESPONSE)


class AskedServer(Protocol):
    """A server as discovery asks it."""

    def get(self, path: str) -> tuple[int, str]: ...

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]: ...


Opener = Callable[[Chat | None], AbstractContextManager[AskedServer]]


class NobodyFoundError(InputError):
    """No summariser answers at an address; ``chat`` is how to ask it all the same, where it is likely to speak chat."""

    def __init__(self, problem: str, chat: Chat | None) -> None:
        super().__init__(problem)
        self.chat = chat


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
        """How it is asked by the chat protocol; ``None`` where it speaks another."""
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


def discover(url: str, environment: Mapping[str, str], opener: Opener | None = None) -> Found:
    """Return what answers at an address, whichever way it is spelt.

    ``opener`` opens it to be asked by chat or by the toolkit's protocol; by default with the environment's token, if it
    may go there. Raises `NobodyFoundError` naming all that was tried.
    """
    url, token = checked_url(url), token_for(url, environment)
    opened = opener or (lambda chat: EndpointBackend(url, LIMITS, token, chat))
    models = _models(url, opened)
    problems = []
    served = models[0] if models else {}
    name = str(served.get("id") or ANY_MODEL)
    chat = Chat(name, load_prompt(PROMPT), streams=True)
    try:
        name, answer = _ask_by_chat(opened, chat)
    except RequestError as error:
        speaks_chat = bool(models) or error.kind not in _NO_CHAT
        problems.append(f"POST {chat_path(urlsplit(url).path)}: {error}")
    else:
        return _chat(url, name, models, answer)
    if not models:
        try:
            _ask(opened, None)
        except RequestError as error:
            problems.append(f"POST {urlsplit(url).path or '/'}: {error}")
        else:
            told = ("the model's name, its context and its precision cannot be seen by this protocol",)
            return Found(url, "summarization", "served-model", False, None, "", "", told)
    key = "; a key goes into HF_TOKEN, and this address into HF_ENDPOINT_URL" if _refused(problems) else ""
    where = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    raise NobodyFoundError(
        f"{where}: no summariser answers there ({'; '.join(problems)}). Give the address up to /v1, such as "
        f"{where}/v1, for a chat server, or that of the endpoint itself{key}",
        chat if speaks_chat else None,
    )


def _models(url: str, opened: Opener) -> list[dict[str, Any]]:
    """Return what the server says of its models; none where it does not."""
    path = chat_path(urlsplit(url).path).rstrip("/").removesuffix("/chat/completions") + "/models"
    with opened(None) as server:
        try:
            status, text = server.get(path)
            rows = json.loads(text)["data"] if status == 200 else []
        except (RequestError, ValueError, KeyError, TypeError):
            return []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)] if rows else []


def _ask(opened: Opener, chat: Chat | None) -> Answer:
    with opened(chat) as server:
        return server.summarise([GREETING], BRIEF)[0]


def _ask_by_chat(opened: Opener, chat: Chat) -> tuple[str, Answer]:
    """Return the served model and its answer; a server that serves one model alone says its name when it refuses."""
    try:
        return chat.model, _ask(opened, chat)
    except RequestError as error:
        pinned = _PINNED.search(error.said)
        if pinned is None or pinned[1] == chat.model:
            raise
    return pinned[1], _ask(opened, replace(chat, model=pinned[1]))


def _chat(url: str, name: str, models: list[dict[str, Any]], answer: Answer) -> Found:
    served = next((row for row in models if row["id"] == name), {})
    told = served.get("meta") if isinstance(served.get("meta"), dict) else {}
    assert isinstance(told, dict)
    owner, context = str(served.get("owned_by", "")), told.get("n_ctx") or served.get("max_model_len")
    streams, assumed = answer.chunks is not None, []
    if len(models) > 1 and served:
        assumed.append(f"of {len(models)} models {name} is asked; another with --set endpoint.served_model=NAME")
    if name == ANY_MODEL:
        assumed.append("it does not name its models; give the name with --set endpoint.served_model=NAME")
    if not isinstance(context, int):
        assumed.append("its context is not known; give it with --set model.context_tokens=N")
    if not streams:
        assumed.append("it does not stream")
    if answer.output_tokens is None:
        assumed.append("it does not count tokens")
    length = context if isinstance(context, int) and context > 0 else None
    engine, precision = ENGINES.get(owner, ""), str(told.get("ftype", ""))
    return Found(url, "chat", name, streams, length, engine, precision, tuple(assumed))


def _refused(problems: list[str]) -> bool:
    return any(f"HTTP {status}" in problem for problem in problems for status in (401, 403))
