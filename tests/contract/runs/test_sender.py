"""A real server that does everything a deployment can do wrong, asked as a report asks.

Each behaviour stands between two good answers: it gets its kind in the log, is bounded in time and memory, and
harms no other request. The table of them is printed at the end of the tests.
"""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers import scorers
from helpers.backends.endpoint import EndpointBackend
from helpers.params import Endpoint, Generation
from helpers.runs.request_log import RequestLog
from helpers.runs.sender import KNOWN_GOOD, Limits, RequestSender
from tests.contract.conftest import Seen
from tests.scripted_server import (
    Play,
    ScriptedServer,
    answer,
    cut,
    drip,
    echo,
    flood,
    hang_up_on_next,
    hold,
    raw,
    reset,
    stall,
    summary,
)  # fmt: skip

ENDPOINT = Endpoint(connect_timeout=0.5, read_timeout=0.6, total_timeout=1.2, max_answer_bytes=100_000, wake_timeout=3)
#: Most memory that one answer may take on the way, bytes; server and client of the test together.
MOST_MEMORY = 12_000_000
TOKEN = "hf_planted.(token)+"
DIALOGUE = "Ann: Are you coming on Sunday?\nBo: Yes, at noon."
GOOD = summary("Bo will come on Sunday at noon.")
HEAD = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
KEPT = raw(HEAD + b'Content-Length: 35\r\n\r\n[{"summary_text": "Bo will come"}] ')
BOMB = gzip.compress(b" " * 50_000_000)
DEFLATED = zlib.compress(b'[{"summary_text": "Bo will come on Sunday at noon."}]')
ECHOED = answer(400, {"error": "Input validation error: input 'Tom: I paused the endpoint' is too long"})
TOOLKIT = answer(400, {"error": "index out of range in self"})


@dataclass(frozen=True)
class Behaviour:
    """What a server does, the kinds that the log then holds for that request, and how many attempts it may have."""

    name: str
    plays: tuple[Play, ...]
    kinds: tuple[str, ...]
    attempts: int = 1
    semantic: tuple[str, ...] = ()


def once(name: str, play: Play, kind: str, **more: object) -> Behaviour:
    return Behaviour(name, (play,), (kind,), **more)  # type: ignore[arg-type]


BEHAVIOURS = [
    Behaviour("503 four times, then 200", (answer(503, ""),) * 4, ("cold", "cold", "cold", "cold", "ok", "ok"), 3),
    Behaviour("503, then held until it is up", (answer(503, ""), hold(1.5, GOOD)), ("cold", "ok", "ok"), 3),
    Behaviour("502 twice, then 200", (answer(502, ""),) * 2, ("server_error", "server_error", "ok"), 3),
    Behaviour("429 with Retry-After, then 200", (answer(429, "", ["Retry-After: 1"]),), ("rate_limited", "ok"), 3),
    Behaviour("429 without Retry-After, then 200", (answer(429, ""),), ("rate_limited", "ok"), 3),
    Behaviour("reset, then 200", (reset,), ("connection", "ok"), 3),
    Behaviour("keep-alive closed between requests", (), ("ok",), 3),
    Behaviour("400 to this input alone", (TOOLKIT, GOOD), ("ok", "bad_request"), 3),
    Behaviour(
        "400 to everything",
        (TOOLKIT,) * 4,
        ("server_error", "server_error", "server_error", "server_error"),
        3,
    ),
    once("answer held for a while", hold(0.4, GOOD), "ok"),
    once("401", answer(401, {"error": "no"}), "auth"),
    once("403 with a page", answer(403, "<html>Forbidden</html>", kind="text/html"), "auth"),
    once("404", answer(404, ""), "not_found"),
    Behaviour("424, then 200", (answer(424, ""),), ("server_error", "ok"), 3),
    Behaviour("400 that repeats the word paused", (ECHOED, GOOD), ("ok", "bad_request"), 3),
    once("an error that repeats the word paused", answer(422, {"error": "input 'I paused the game'"}), "bad_request"),
    once("408", answer(408, ""), "timeout"),
    once("413", answer(413, ""), "too_large"),
    once("418", answer(418, ""), "bad_response"),
    once("422", answer(422, {"error": "x"}), "bad_request"),
    once("429 that asks for an hour", answer(429, "", ["Retry-After: 3600"]), "rate_limited", attempts=3),
    once("500", answer(500, "oops"), "server_error"),
    once("502", answer(502, ""), "server_error"),
    once("503", answer(503, {"error": "loading"}), "cold"),
    once("504", answer(504, ""), "server_error"),
    once("paused", answer(400, {"error": "Endpoint is paused, ask a maintainer"}), "paused"),
    once("the token repeated in an error", answer(500, f"who is {TOKEN}?"), "server_error"),
    once("reset before headers", reset, "connection"),
    once("closed before headers", raw(b""), "connection"),
    once("reset after headers", cut(HEAD + b"Content-Length: 100\r\n\r\n[{"), "connection"),
    once("half a body", raw(HEAD + b"Content-Length: 100\r\n\r\n[{"), "bad_response"),
    once("half a chunked body", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[{"), "bad_response"),
    once("no HTTP", raw(b"SSH-2.0\r\n\r\n"), "bad_response"),
    once("never-ending headers", flood(b"HTTP/1.1 200 X\r\n", b"X-More: and more\r\n", 50), "bad_response"),
    once("one never-ending header", flood(b"HTTP/1.1 200 X\r\nX: ", b"x" * 4096, 50), "bad_response"),
    once("one byte a while", drip(HEAD + b"Content-Length: 9\r\n\r\n", 0.1), "timeout"),
    once("no answer at all", stall(b""), "timeout"),
    once("stall after headers", stall(HEAD + b"Content-Length: 9\r\n\r\n"), "timeout"),
    once("Content-Length too long", raw(HEAD + b"Content-Length: 99\r\n\r\n[]"), "bad_response"),
    once("Content-Length too short", raw(HEAD + b'Content-Length: 5\r\n\r\n[{"summary_text": "x"}]'), "bad_response"),
    once("Content-Length that is no number", raw(HEAD + b"Content-Length: many\r\n\r\n[]"), "bad_response"),
    once("JSON under another type", answer(200, [{"summary_text": "Bo will come."}], kind="text/html"), "ok"),
    once("JSON under text/plain", answer(200, [{"summary_text": "Bo will come."}], kind="text/plain"), "ok"),
    once("JSON without a type", answer(200, [{"summary_text": "Bo will come."}], kind=""), "ok"),
    once("JSON behind a mark", answer(200, b'\xef\xbb\xbf[{"summary_text": "Bo will come."}]'), "ok"),
    once("HTML page", answer(200, "<html>Sign in</html>", kind="text/html"), "bad_response"),
    once("invalid JSON", answer(200, "[{'summary_text'"), "bad_response"),
    once("invalid UTF-8", answer(200, b'[{"summary_text": "\xff"}]'), "bad_response"),
    once("NaN", answer(200, '[{"summary_text": NaN}]'), "bad_response"),
    once("nothing", answer(200, ""), "bad_response"),
    once("null", answer(200, None), "bad_response"),
    once("empty list", answer(200, []), "bad_response"),
    once("nested list", answer(200, [[{"summary_text": "Bo will come."}]]), "ok"),
    once("wrong key", answer(200, [{"summary": "x"}]), "bad_response"),
    once("a number for a summary", answer(200, [{"summary_text": 7}]), "bad_response"),
    once("two answers to one input", answer(200, [{"summary_text": "x"}] * 2), "bad_response"),
    once("five thousand brackets", answer(200, "[" * 5_000), "bad_response"),
    once("empty summary", summary(""), "ok", semantic=("empty",)),
    once("echo", echo, "ok", semantic=("copy",)),  # type: ignore[arg-type]
    once("50 MB", flood(HEAD + b"Content-Length: 50000000\r\n\r\n", b"x" * 65_536, 50), "too_large"),
    once("never-ending answer", flood(HEAD + b"\r\n", b"x" * 65_536, 5_000), "too_large"),
    once("a compressed answer", answer(200, DEFLATED, ["Content-Encoding: deflate"]), "ok"),
    once("compressed bomb of 50 MB", answer(200, BOMB, ["Content-Encoding: gzip"]), "too_large"),
    once("compressed by something else", answer(200, b"x", ["Content-Encoding: br"]), "bad_response"),
    once("no gzip where gzip is announced", answer(200, b"x", ["Content-Encoding: gzip"]), "bad_response"),
    once("redirect on the same host", answer(307, "", ["Location: /elsewhere"]), "bad_response"),
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=[b.name for b in BEHAVIOURS])
def test_a_misbehaviour(
    behaviour: Behaviour, tmp_path: Path, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helpers.runs.sender.LONGEST_WAIT", 0.1)
    first = hang_up_on_next(KEPT) if "keep-alive" in behaviour.name else GOOD
    log = RequestLog(tmp_path / "requests.jsonl")
    with (
        ScriptedServer(first, *behaviour.plays, GOOD) as server,
        EndpointBackend(server.url, ENDPOINT, TOKEN) as backend,
    ):
        sender = RequestSender(backend, Generation(), log, "02", Limits(behaviour.attempts, 20.0, 3.0))
        before = sender.ask("before", DIALOGUE)
        tracemalloc.start()
        began = time.monotonic()
        outcome = sender.ask("between", DIALOGUE)
        seconds, memory = time.monotonic() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        after = sender.ask("after", DIALOGUE)
    assert outcome is not None
    said = outcome.answer.summary if outcome.answer else None
    semantic = scorers.output_failures(said, DIALOGUE) if said is not None else ()
    between = [r for r in log.read() if r.sample not in ("before", "after")]
    kinds = tuple(r.kind for r in between)
    seen.append(Seen(behaviour.name, kinds, tuple(map(str, semantic)), seconds, memory))
    assert kinds == behaviour.kinds
    assert tuple(map(str, semantic)) == behaviour.semantic
    assert seconds < ENDPOINT.total_timeout * (len(kinds) + 1)
    assert memory < MOST_MEMORY
    assert all(o is not None and o.record.ok for o in (before, after)), "the other requests are unharmed"
    assert "planted" not in log.path.read_text()
    assert all(r.settings and r.response_time is not None for r in log.read())


def test_nobody_listens(tmp_path: Path, seen: list[Seen]) -> None:
    with ScriptedServer(GOOD) as server:
        url = server.url
    began = time.monotonic()
    with EndpointBackend(url, ENDPOINT, TOKEN) as backend:
        sender = RequestSender(backend, Generation(), RequestLog(tmp_path / "log.jsonl"), "02")
        outcome = sender.ask("between", DIALOGUE)
    assert outcome is not None
    assert outcome.record.kind == "connection"
    seen.append(Seen("refused", (outcome.record.kind,), (), time.monotonic() - began, 0))


def test_a_redirect_to_another_host_takes_nothing_there(tmp_path: Path, seen: list[Seen]) -> None:
    with ScriptedServer(GOOD) as other, ScriptedServer(answer(307, "", [f"Location: {other.url}/"])) as server:
        began = time.monotonic()
        with EndpointBackend(server.url, ENDPOINT, TOKEN) as backend:
            sender = RequestSender(backend, Generation(), RequestLog(tmp_path / "log.jsonl"), "02")
            outcome = sender.ask("between", DIALOGUE)
    assert outcome is not None
    assert outcome.record.kind == "bad_response"
    assert other.requests == []
    seen.append(Seen("redirect to another host", (outcome.record.kind,), (), time.monotonic() - began, 0))


def test_the_known_good_input_is_what_decides() -> None:
    assert scorers.output_failures("Ann and Bo will have lunch at noon.", KNOWN_GOOD) == ()


def test_an_interrupted_attempt_is_logged_as_cancelled(tmp_path: Path, seen: list[Seen]) -> None:
    class Interrupted(EndpointBackend):
        def summarise(self, *arguments: object) -> list:  # type: ignore[type-arg, override]
            raise KeyboardInterrupt

    log = RequestLog(tmp_path / "log.jsonl")
    with (
        ScriptedServer(GOOD) as server,
        Interrupted(server.url, ENDPOINT) as backend,
        pytest.raises(KeyboardInterrupt),
    ):
        RequestSender(backend, Generation(), log, "02").ask("between", DIALOGUE)
    assert [r.kind for r in log.read()] == ["cancelled"]
    seen.append(Seen("interrupted by the user", ("cancelled",), (), 0.0, 0))
