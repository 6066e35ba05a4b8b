"""What answers at an address: the protocol it speaks, the model it serves, and whether it streams.

Asked is what such servers say of themselves (``/v1/models``) and then one short request by each protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from helpers.backends.base import Answer
from helpers.backends.chat import Chat, chat_path
from helpers.backends.endpoint import EndpointBackend, checked_url, token_for
from helpers.core.errors import InputError, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt

#: A first request may load the model.
LIMITS = Endpoint(connect_timeout=10.0, read_timeout=120.0, total_timeout=120.0)
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


def discover(url: str, environment: Mapping[str, str]) -> Found:
    """Return what answers at an address, whichever way it is spelt; raises `InputError` naming all that was tried."""
    url, token = checked_url(url), token_for(url, environment)
    models = _models(url, token)
    problems = []
    served = models[0] if models else {}
    name = str(served.get("id") or ANY_MODEL)
    try:
        answer = _ask(url, token, Chat(name, load_prompt("zero-shot"), streams=True))
    except RequestError as error:
        problems.append(f"POST {chat_path(urlsplit(url).path)}: {error}")
    else:
        return _chat(url, name, models, answer)
    if not models:
        try:
            _ask(url, token, None)
        except RequestError as error:
            problems.append(f"POST {urlsplit(url).path or '/'}: {error}")
        else:
            told = ("the model's name, its context and its precision cannot be seen by this protocol",)
            return Found(url, "summarization", "served-model", False, None, "", "", told)
    key = "; a key goes into HF_TOKEN, and this address into HF_ENDPOINT_URL" if _refused(problems) else ""
    where = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    raise InputError(
        f"{where}: no summariser answers there ({'; '.join(problems)}). Give the address up to /v1, such as "
        f"{where}/v1, for a chat server, or that of the endpoint itself{key}"
    )


def _models(url: str, token: str | None) -> list[dict[str, Any]]:
    """Return what the server says of its models; none where it does not."""
    path = chat_path(urlsplit(url).path).rstrip("/").removesuffix("/chat/completions") + "/models"
    with EndpointBackend(url, LIMITS, token) as server:
        try:
            status, text = server.get(path)
            rows = json.loads(text)["data"] if status == 200 else []
        except (RequestError, ValueError, KeyError, TypeError):
            return []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)] if rows else []


def _ask(url: str, token: str | None, chat: Chat | None) -> Answer:
    with EndpointBackend(url, LIMITS, token, chat) as server:
        return server.summarise([GREETING], BRIEF)[0]


def _chat(url: str, name: str, models: list[dict[str, Any]], answer: Answer) -> Found:
    served = models[0] if models else {}
    told = served.get("meta") if isinstance(served.get("meta"), dict) else {}
    assert isinstance(told, dict)
    owner, context = str(served.get("owned_by", "")), told.get("n_ctx") or served.get("max_model_len")
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
    engine, precision = ENGINES.get(owner, ""), str(told.get("ftype", ""))
    return Found(url, "chat", name, streams, length, engine, precision, tuple(assumed))


def _refused(problems: list[str]) -> bool:
    return any(f"HTTP {status}" in problem for problem in problems for status in (401, 403))
