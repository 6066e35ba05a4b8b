"""A server of the chat protocol whose truth is known: what it computes, reads, writes, caches, and when it sends.

The path names how it behaves: ``http://127.0.0.1:PORT/MODE/v1/chat/completions``. It runs in a process of its own, so
that the clocks of a test do not stop with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from types import TracebackType
from typing import Any, Self

#: Seconds for a prompt that is computed, and for one that is known.
FRESH, KNOWN = 0.06, 0.002
SAYS = "The two agree to meet on Friday at the station."
MODES = ("plain", "reads-all", "bytes", "no-usage", "sampling", "over-limit", "cuts", "by-version")
#: Modes that stream: seconds to a role without content, to the first of the words, and between these; then, after a
#: pause as long as that before the words, ``usage``.
STREAMS = {"streams": (0.05, 0.3, 0.02), "streams-quickly": (0.005, 0.03, 0.004)}
#: Every event of a stream holds so many tokens by ``usage``.
TOKENS_AN_EVENT = 2
#: The mode that stands for the vendor's Hub and router: a model of an organization behaves as the mode of its name, or
#: answers with the status that it ends in (``http-402``), in the words that the router has for it.
ROUTER = "router"
REFUSALS = {
    400: "The requested model 'x' is not supported by any provider you have enabled.",
    401: "Invalid username or password.",
    402: "You have depleted your monthly included credits. Purchase pre-paid credits to continue.",
    404: "The requested model 'x' is not supported by provider 'together'.",
    429: "Too many requests.",
    503: "The model is loading.",
}
#: Judges: one that knows the truth about each summary and about pairs, one that affirms all, one that prefers the first
#: place, one that answers no JSON, one that denies all.
JUDGES = ("judge-knows", "judge-affirms", "judge-first", "judge-prose", "judge-denies")
CACHING = ("cached", "cached-salt", "cached-always", "cached-apart", "cached-silent")


@dataclass
class Streamed:
    """One answer in events: when it was asked for, and when each of its words was really written (``perf_counter``)."""

    received: float
    written: list[float] = field(default_factory=list)
    done: float = 0.0

    @property
    def inter_token(self) -> float:
        """The time between its tokens, seconds."""
        return (self.written[-1] - self.written[0]) / (TOKENS_AN_EVENT * len(self.written) - 1)


@dataclass
class ChatAnswers:
    """What the server answers; ``seen`` are the prompts it has computed, ``asked`` counts requests by mode."""

    seen: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    streamed: list[Streamed] = field(default_factory=list)
    routed: list[dict[str, Any]] = field(default_factory=list)
    truth: dict[str, dict[str, Any]] = field(default_factory=dict)

    def judged(self, mode: str, material: dict[str, str]) -> str:
        """Return what a judge says of a summary or of a pair, as its mode has it."""
        if mode == "judge-prose":
            return "I would say that it is fine."
        if "summary" not in material:
            worth = [self._worth(material[place]) for place in ("first", "second")]
            best = "first" if worth[0] > worth[1] else "second" if worth[1] > worth[0] else "neither"
            return json.dumps({"better": "first" if mode == "judge-first" else best})
        said: dict[str, Any] = {"faithful": True, "usable": True, "kind": None, "words": ""}
        if mode == "judge-denies":
            said |= {"faithful": False, "usable": False, "kind": "other"}
        if mode in ("judge-knows", "judge-first"):
            said |= self.truth.get(material["summary"], {})
        return f"```json\n{json.dumps(said)}\n```"

    def _worth(self, summary: str) -> int:
        known = self.truth.get(summary, {})
        return 2 * known.get("faithful", True) + known.get("usable", True)

    async def stream(self, mode: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        """Send an answer in events, whose last word is its place in ``streamed``."""
        self.asked[mode] += 1
        self.bodies.append({"mode": mode, **body})
        role, first, gap = STREAMS[mode]
        named = {"model": body["model"]} if body.get("model", "").startswith("Vendor/") else {}
        record = Streamed(time.perf_counter())
        words = [f"{word} " for word in SAYS.split()] + [str(len(self.streamed))]
        self.streamed.append(record)
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")

        async def event(at: float, delta: dict[str, str] | None, **more: Any) -> float:
            await asyncio.sleep(max(0.0, record.received + at - time.perf_counter()))
            choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}]
            writer.write(b"data: " + json.dumps({"choices": choices, **named, **more}).encode() + b"\n\n")
            return time.perf_counter()

        await event(role, {"role": "assistant", "content": ""})
        for place, word in enumerate(words):
            record.written.append(await event(first + gap * place, {"content": word}))
        read, made = sum(len(turn["content"].split()) for turn in body["messages"]), TOKENS_AN_EVENT * len(words)
        usage = {"prompt_tokens": read, "completion_tokens": made, "prompt_tokens_details": {"cached_tokens": 0}}
        await event(2 * first + gap * len(words), {}, finish="stop")
        record.done = await event(0.0, None, usage=usage)
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def answer(self, mode: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        """Return the answer of a mode, after as long as it takes."""
        self.asked[mode] += 1
        self.bodies.append({"mode": mode, "key": key, **body})
        prompt = "\n".join(turn["content"] for turn in body["messages"])
        read, most = len(prompt.split()), body.get("max_tokens") or body.get("max_completion_tokens") or 16
        text, cached = SAYS, 0
        made = len(text.split())
        if mode.startswith("cached"):
            cached = await self._computed(mode, body, prompt)
        if mode == "bytes":
            text, made = "·\u0301 " * most, most
        if mode == "over-limit":
            made = most + 5
        if mode in JUDGES:
            text = self.judged(mode, json.loads(body["messages"][-1]["content"]))
        if mode == "sampling":
            text = f"{SAYS} Take {self.asked[mode]}."
        message = {"role": "assistant", "content": text}
        told: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": made, "total_tokens": read + made}
        if mode != "cached-silent":
            told["prompt_tokens_details"] = {"cached_tokens": cached}
        answer = {
            "object": "chat.completion",
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "length" if mode == "cuts" else "stop", "message": message}],
        }
        return answer if mode == "no-usage" else {**answer, "usage": told}

    async def route(
        self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> tuple[int, Any, str] | None:
        """Return status, answer and more headers of the Hub or the router; ``None`` for an answer in events."""
        told = json.loads(body) if body else {}
        self.routed.append({"path": path, "headers": headers, "body": told})
        name = (told.get("model") or path.partition("?")[0].removesuffix("/v1/chat/completions")).rpartition("/")[2]
        if path.startswith("api/models/"):
            return await _hub(name)
        if not headers.get("authorization", "").startswith("Bearer hf_"):
            return 401, {"error": REFUSALS[401]}, ""
        if name.startswith("http-"):
            status = int(name.removeprefix("http-"))
            return status, {"error": {"message": REFUSALS[status]}}, "Retry-After: 1\r\n" if status == 429 else ""
        if told.get("stream"):
            await self.stream(name, told, writer)
            return None
        if "inputs" in told:
            return 200, [{"summary_text": SAYS}], ""
        answer = await self.answer("plain", told)
        return 200, {**answer, "model": told["model"]}, "X-Inference-Provider: together\r\n"

    async def _computed(self, mode: str, body: dict[str, Any], prompt: str) -> int:
        """Take as long as a prompt takes, and return how much of it was known."""
        salt = body.get("cache_salt", "") if mode == "cached-salt" else ""
        key = f"{mode} {salt} {prompt}"
        known = key in self.seen and not (mode == "cached" and body.get("cache_prompt") is False)
        self.seen.add(key)
        await asyncio.sleep(KNOWN if known else FRESH)
        return len(prompt.split()) - 1 if known else 0


async def _hub(name: str) -> tuple[int, Any, str]:
    """Return what the Hub says of a model: which provider serves it, under what name and for which task."""
    if name == "absent":
        return 404, {"error": "Repository not found"}, "X-Error-Code: RepoNotFound\r\n"
    await asyncio.sleep(1.0 if name == "slow" else 0.0)
    mapping = {"together": {"providerId": f"Vendor/{name}", "task": "conversational", "status": "live"}}
    tag = "summarization" if name.startswith("sums") else "text-generation"
    return 200, {"id": f"org/{name}", "pipeline_tag": tag, "tags": [], "inferenceProviderMapping": mapping}, ""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: ChatAnswers) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, *_ = head.decode().split(" ")
            lengths = [line[15:] for line in head.decode().split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            path, _, query = target.partition("?")
            mode, _, rest = path.strip("/").partition("/")
            if mode == "by-version" and query != "api-version=3":
                rest = "without its version"
            status, content, more = 404, {"error": {"message": f"no such path: {target}"}}, ""
            if method == "GET" and target == "/asked":
                streamed = [vars(one) for one in answers.streamed]
                status, content = 200, {"asked": answers.asked, "bodies": answers.bodies, "streamed": streamed}
                content["routed"] = answers.routed
            elif mode == ROUTER and method != "POST" and not rest.startswith("api/models/"):
                more = "X-Error-Code: EntryNotFound\r\n"  # a file of a model's, such as its tokenizer
            elif mode == ROUTER:
                lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
                headers = {name.lower(): value for name, _, value in lines if name}
                found = await answers.route(f"{rest}?{query}" if query else rest, headers, body, writer)
                if found is None:
                    return None
                status, content, more = found
            elif method == "GET" and rest == "v1/models":
                names = ["m:latest", "other"] if mode == "reads-all" else ["m"]
                status, content = 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
            elif method == "POST" and mode in STREAMS and json.loads(body).get("stream"):
                return await answers.stream(mode, json.loads(body), writer)
            elif method == "POST" and mode in (*MODES, *CACHING, *JUDGES) and rest == "v1/chat/completions":
                keys = [line[15:] for line in head.decode().split("\r\n") if line.lower().startswith("authorization:")]
                status, content = 200, await answers.answer(mode, json.loads(body), "".join(keys))
            elif method == "POST" and mode == "no-model":
                status, content = 400, {"error": {"message": "The model `x` does not exist: " + str(body)}}
            sent = b"" if method == "HEAD" else json.dumps(content).encode()
            line = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n{more}\r\n"
            writer.write(line.encode() + sent)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    answers = ChatAnswers(truth=json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if sys.argv[1:] else {})
    server = await asyncio.start_server(lambda r, w: _serve(r, w, answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the test is gone


class ChatServer:
    """The server as a process; ``url`` is the address of a mode.

    ``truth`` is a file of what its judges know: by summary, what they say of it.
    """

    def __init__(self, truth: Path | None = None) -> None:
        self._arguments = [] if truth is None else [str(truth)]

    def __enter__(self) -> Self:
        command = [sys.executable, str(Path(__file__)), *self._arguments]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdout
        self._origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)

    def url(self, mode: str) -> str:
        """Return the URL of a mode."""
        return f"{self._origin}/{mode}"

    def bodies(self, mode: str) -> list[dict[str, Any]]:
        """Return the bodies of the requests to a mode, in order."""
        return [body for body in self._told()["bodies"] if body["mode"] == mode]

    def streamed(self) -> list[Streamed]:
        """Return what was sent in events, and when, in order."""
        return [Streamed(**one) for one in self._told()["streamed"]]

    def routed(self) -> list[dict[str, Any]]:
        """Return path, headers and body of the requests to the Hub and the router, in order."""
        found: list[dict[str, Any]] = self._told()["routed"]
        return found

    def _told(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._origin}/asked", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


if __name__ == "__main__":
    asyncio.run(_main())
