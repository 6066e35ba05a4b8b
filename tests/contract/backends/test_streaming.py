"""Streams of a chat server: the clocks against what was sent when, and every way in which a stream can go wrong."""

from __future__ import annotations

import itertools
import json
import socket
import time

import pytest

from helpers.backends.chat import Chat
from helpers.backends.endpoint import EndpointBackend
from helpers.core.errors import Failure, RequestError
from helpers.params import Endpoint, Generation
from helpers.samples.prompts import load_prompt
from tests.scripted_server import Play, ScriptedServer, answer, cut, flood, raw, stall

LIMITS = Endpoint(connect_timeout=0.5, read_timeout=0.5, total_timeout=1.5, max_answer_bytes=2_000)
CHAT = Chat("m", load_prompt("zero-shot"), streams=True)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": 0}}


def event(delta: dict[str, object] | None = None, finish: str | None = None, **more: object) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"choices": choices, **more}).encode() + b"\n\n"


ROLE, WORD, LAST = event({"role": "assistant", "content": ""}), event({"content": "Ann "}), event({}, "stop")


def asked(play: Play) -> RequestError:
    with (
        ScriptedServer(play) as server,
        EndpointBackend(server.url, LIMITS, None, CHAT) as backend,
        pytest.raises(RequestError) as caught,
    ):
        backend.summarise(["Ann: hi"], Generation())
    return caught.value


@pytest.mark.parametrize(
    ("play", "kind", "reason"),
    [
        (raw(HEAD), Failure.BAD_RESPONSE, "held no text"),
        (raw(HEAD + ROLE + WORD), Failure.BAD_RESPONSE, "ended before the answer did"),
        (raw(HEAD + b"data: {nonsense\n\n"), Failure.BAD_RESPONSE, "not JSON"),
        (raw(HEAD + b"data: 7\n\n"), Failure.BAD_RESPONSE, "no object"),
        (
            raw(HEAD + WORD + b'data: {"error": {"message": "out of memory"}}\n\n'),
            Failure.SERVER_ERROR,
            "ends in an error",
        ),
        (cut(HEAD + ROLE + WORD), Failure.BAD_RESPONSE, "ended before the answer did"),
        (stall(HEAD + ROLE + WORD), Failure.TIMEOUT, "nothing came"),
        (flood(HEAD, WORD, 50), Failure.TOO_LARGE, "larger than"),
        (flood(HEAD, b": ping\n\n" * 100, 50), Failure.TOO_LARGE, "larger than"),
    ],
    ids=[
        "empty",
        "half-closed",
        "malformed",
        "no object",
        "error",
        "broken",
        "silent",
        "never-ending",
        "only comments",
    ],
)
def test_a_stream_that_goes_wrong_has_its_kind(play: Play, kind: Failure, reason: str) -> None:
    began = time.monotonic()
    error = asked(play)
    assert error.kind is kind
    assert reason in error.private
    assert time.monotonic() - began < 3


def test_a_stream_is_read_whole_and_its_clocks_are_right() -> None:
    """The gaps are what this server sent; a role alone is no token, and two tokens may come in one event."""
    sent: list[float] = []

    def play(client: socket.socket) -> None:
        client.sendall(HEAD + b": comment\r\n\r\n" + ROLE)
        for text in ("Ann ", "and Bo ", "meet ", "at noon."):
            time.sleep(0.12 if not sent else 0.03)
            client.sendall(event({"content": text}))
            sent.append(time.perf_counter())
        client.sendall(LAST + event(usage=USAGE) + b"data: [DONE]\n\n")

    with ScriptedServer(play) as server, EndpointBackend(server.url, LIMITS, None, CHAT) as backend:
        began = time.perf_counter()
        found = backend.summarise(["Ann: hi"], Generation())[0]
    assert (found.summary, found.finish, found.chunks) == ("Ann and Bo meet at noon.", "stop", 4)
    assert (found.input_tokens, found.output_tokens, found.cached_tokens) == (9, 6, 0)
    assert found.first_token == pytest.approx(sent[0] - began, abs=0.02)
    assert found.inter_token == pytest.approx((sent[-1] - sent[0]) / 5, abs=0.004)
    assert found.longest_gap == pytest.approx(max(b - a for a, b in itertools.pairwise(sent)), abs=0.02)


def test_thinking_is_no_first_token_and_no_part_of_the_summary() -> None:
    told = event({"reasoning_content": "They greet."}) + event({"content": "Ann greets."}) + LAST + event(usage=USAGE)
    with ScriptedServer(raw(HEAD + told)) as server, EndpointBackend(server.url, LIMITS, None, CHAT) as backend:
        found = backend.summarise(["Ann: hi"], Generation())[0]
    assert (found.summary, found.thought, found.chunks) == ("Ann greets.", 11, 2)


def test_a_server_that_cannot_stream_answers_whole() -> None:
    whole = {"choices": [{"message": {"content": "Ann greets."}, "finish_reason": "length"}]}
    refuses = answer(400, {"error": {"message": "Unknown parameter: stream_options is not permitted"}})
    with (
        ScriptedServer(refuses, answer(200, whole)) as server,
        EndpointBackend(server.url, LIMITS, None, CHAT) as backend,
    ):
        found = backend.summarise(["Ann: hi"], Generation())[0]
    assert (found.summary, found.finish, found.first_token) == ("Ann greets.", "length", None)
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert ["stream_options" in body for body in bodies] == [True, False]


def test_a_connection_is_kept_over_streams_whose_end_comes_behind_what_says_it() -> None:
    """As servers send it: the last chunk apart. A new connection for each answer would be in its first token's time."""
    connections = 0

    def streams(client: socket.socket) -> None:
        nonlocal connections
        connections += 1
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            events = ROLE + WORD + LAST + b"data: [DONE]\n\n"
            client.sendall(head + b"%x\r\n%s\r\n" % (len(events), events))
            time.sleep(0.03)
            client.sendall(b"0\r\n\r\n")
            if not client.recv(65_536):
                return

    with ScriptedServer(streams) as server, EndpointBackend(server.url, LIMITS, None, CHAT) as backend:
        for _ in range(3):
            assert backend.summarise(["Ann: hi"], Generation())[0].summary == "Ann"
    assert connections == 1
