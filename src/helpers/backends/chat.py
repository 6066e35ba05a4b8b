"""The chat protocol of TGI, vLLM, llama.cpp and others: what a request holds, and all that a response says.

Servers differ in what they take; `Chat.corrected` is the request as a server that has refused another wants it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from helpers.backends.wire import no_text, read_json
from helpers.params import Generation
from helpers.samples.prompts import Prompt

#: Where servers of this protocol listen.
CHAT_PATH = "/v1/chat/completions"
#: What is done so that a server computes a prompt it has seen: nothing, its own switch (llama.cpp's ``cache_prompt``,
#: vLLM's ``cache_salt``), or a mark at the beginning that makes each prompt another one.
Reuse = Literal["allowed", "cache_prompt", "cache_salt", "distinct"]
#: Thinking that is in the answer itself, to its end or, if it was cut off, to the end of the answer.
_THINKING = re.compile(r"<think(?:ing)?>(.*?)(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
#: Thinking whose first mark is in the prompt's template and not in the answer.
_THOUGHT = re.compile(r"\A(.*?)</think(?:ing)?>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Chat:
    """What the chat protocol needs beside the dialogue, and how a server wants its requests.

    ``streams``: the answer is to come as it is made. ``limit`` is the name of the limit of new tokens; ``left_out`` are
    fields that the server has refused.
    """

    model: str
    prompt: Prompt
    reuse: Reuse = "allowed"
    streams: bool = False
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    left_out: frozenset[str] = frozenset()

    def body(self, dialogue: str, generation: Generation) -> dict[str, Any]:
        """Return the request; decoding is greedy, as with every other protocol, but for ``generation.extra``."""
        settings = generation.sent("chat")
        turns, mark = self.prompt.messages(dialogue), uuid.uuid4().hex[:8]
        if self.reuse == "distinct":
            turns[0] = {**turns[0], "content": f"[request {mark}]\n{turns[0]['content']}"}
        switches: dict[str, dict[str, Any]] = {
            "cache_prompt": {"cache_prompt": False},
            "cache_salt": {"cache_salt": mark},
        }
        body: dict[str, Any] = {"model": self.model, "messages": turns, self.limit: settings.pop("max_new_tokens")}
        body |= {"stream": self.streams, **({"stream_options": {"include_usage": True}} if self.streams else {})}
        body |= {**switches.get(self.reuse, {}), **settings}
        return {name: value for name, value in body.items() if name not in self.left_out}

    def corrected(self, status: int, said: str) -> Self | None:
        """Return the request as a server wants it that has refused this one; ``None`` if the reason is another."""
        if status not in (400, 422):
            return None
        if "max_completion_tokens" in said and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        for field in ("stream_options", "temperature"):
            refused = re.search(
                rf"{field}\W.{{0,80}}(support|allow|permit|unknown|unrecogni|extra|unexpected)", said, re.I
            )
            if refused and field not in self.left_out:
                return replace(self, left_out=self.left_out | {field})
        if self.streams and re.search(r"\bstream(ing)?\b.{0,80}(support|allow|implement)", said, re.IGNORECASE):
            return replace(self, streams=False)
        return None


@dataclass(frozen=True)
class Completion:
    """An answer of the chat protocol: its text without the thinking, and how much of that there was, in characters.

    ``finish`` is the server's own word for why it ended (``length``: it was cut off), ``counts`` are fields of an
    `helpers.backends.base.Answer`, ``model`` is what the server calls the model that answered.
    """

    text: str
    finish: str
    thought: int
    counts: Mapping[str, int]
    model: str = ""


def parse_chat(content: bytes) -> Completion:
    """Return what a chat completion says; raises `RequestError` (bad_response) where there is no text in it."""
    answer = read_json(content)
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = joined(message["content"])
    except (KeyError, IndexError, TypeError):
        raise no_text("no text in the first of 'choices'", answer) from None
    aside = thinking(message)
    if text is None and not aside:
        raise no_text("no text in the first of 'choices'", answer)
    return completed(text or "", aside, choice.get("finish_reason"), answer)


def completed(text: str, aside: str, finish: Any, told: Mapping[str, Any]) -> Completion:
    """Return the completion of a text, with thinking in it or ``aside``; ``told`` holds the response's other fields."""
    thought = len(aside)
    for pattern in (_THINKING, _THOUGHT):
        thought += sum(len(part) for part in pattern.findall(text))
        text = pattern.sub("", text)
    finish, model = (said if isinstance(said, str) else "" for said in (finish, told.get("model")))
    return Completion(text.strip(), finish, thought, usage_counts(told), model)


def joined(content: Any) -> str | None:
    """Return the text of a message's content, given as a text or in parts; ``None`` where there is none."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type", "text") == "text"]
        content = "".join(part for part in parts if isinstance(part, str)) if parts else None
    return content if isinstance(content, str) else None


def thinking(message: Mapping[str, Any]) -> str:
    """Return what a message says aside from its content, by the names that servers have for it."""
    found = (message.get(name) for name in ("reasoning_content", "reasoning"))
    return next((text for text in found if isinstance(text, str)), "")


def usage_counts(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return what a chat completion says of tokens, as fields of an `Answer`; what it does not say is left out.

    Tokens taken from an earlier prompt are in the details of ``usage``, or in llama.cpp's ``timings``.
    """
    usage, timings = _part(answer, "usage"), _part(answer, "timings")
    found = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "cached_tokens": _part(usage, "prompt_tokens_details").get("cached_tokens", timings.get("cache_n")),
        "reasoning_tokens": _part(usage, "completion_tokens_details").get("reasoning_tokens"),
    }
    return {name: n for name, n in found.items() if isinstance(n, int) and not isinstance(n, bool) and n >= 0}


def chat_path(path: str) -> str:
    """Return the path that requests go to, however an address spells it: with or without ``/v1`` or the whole of it."""
    if path.rstrip("/").endswith("/chat/completions"):
        return path
    base = path.rstrip("/")
    return base + (CHAT_PATH.removeprefix("/v1") if base.endswith("/v1") else CHAT_PATH)


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = answer.get(name)
    return part if isinstance(part, dict) else {}
