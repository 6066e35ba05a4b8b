"""The server speaks the endpoint's protocol and says what is wrong with a request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from helpers.core.errors import Failure, RequestError
from helpers.params import Generation
from tests.local_server import Scripted, Served, served
from tests.unit.serving.serving_helpers import ask, until

DEFAULTS = Generation(num_beams=4, max_new_tokens=60)


@pytest.fixture(scope="module")
def backend() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def server(backend: Scripted) -> Iterator[Served]:
    with served(lambda: backend, DEFAULTS) as running:
        until(lambda: httpx2.get(f"{running.url}/health").text == "Ok")
        yield running


WRONG: list[tuple[str, bytes, int, str]] = [
    ("no JSON", b"{inputs: 1}", 400, "the body is not JSON"),
    ("no UTF-8", b'{"inputs": "\xff"}', 400, "the body is not JSON"),
    ("NaN", b'{"inputs": "x", "parameters": {"length_penalty": NaN}}', 400, "NaN is not JSON"),
    ("deep", b"[" * 100_000, 400, "the body is not JSON"),
    ("no body", b"", 400, "the body is not JSON"),
    ("no inputs", b'{"parameters": {}}', 400, "no 'inputs' key"),
    ("a list", b"[]", 422, "must be an object"),
    ("another key", b'{"inputs": "x", "options": {}}', 422, "unknown key in the body: options"),
    ("a number", b'{"inputs": 3}', 422, "a text or a list of texts"),
    ("no texts", b'{"inputs": []}', 422, "a text or a list of texts"),
    ("not all texts", b'{"inputs": ["x", null]}', 422, "a text or a list of texts"),
    ("half a pair", b'{"inputs": "\\ud800"}', 422, "surrogate"),
    ("a key of half a pair", b'{"inputs": "x", "\\ud800": 1}', 422, "unknown key in the body"),
    ("many inputs", json.dumps({"inputs": ["x"] * 65}).encode(), 413, "65 inputs in one request; send at most 64"),
    ("parameters", b'{"inputs": "x", "parameters": 3}', 422, "'parameters' must be an object"),
    (
        "unknown",
        b'{"inputs": "x", "parameters": {"max_new_token": 5, "top_p": 1}}',
        400,
        "did you mean 'max_new_tokens'",
    ),
    (
        "wrapped",
        b'{"inputs": "x", "parameters": {"num_beams": 2, "generate_parameters": {"num_beams": 3}}}',
        400,
        "'num_beams' has one value in 'generate_parameters' and another beside it",
    ),
    ("no object", b'{"inputs": "x", "parameters": {"generate_parameters": 3}}', 400, "'generate_parameters' must be"),
    ("sampling", b'{"inputs": "x", "parameters": {"do_sample": true}}', 400, "'do_sample': answers here are"),
    ("a length", b'{"inputs": "x", "parameters": {"max_length": 9}}', 400, "send 'max_new_tokens'"),
    ("spaces", b'{"inputs": "x", "parameters": {"clean_up_tokenization_spaces": "no"}}', 400, "must be true or false"),
    ("a range", b'{"inputs": "x", "parameters": {"num_beams": 0}}', 400, "'num_beams': Input should be greater than 0"),
    (
        "a type",
        b'{"inputs": "x", "parameters": {"num_beams": "4"}}',
        400,
        "'num_beams': Input should be a valid integer",
    ),
    ("many beams", b'{"inputs": "x", "parameters": {"num_beams": 33}}', 400, "'num_beams' must be at most 32"),
    (
        "truncation",
        b'{"inputs": "x", "parameters": {"truncation": "long"}}',
        400,
        "true, false or one of longest_first",
    ),
    ("too large", b'{"inputs": "' + b"x" * 1_000_000 + b'"}', 413, "larger than 1,000,000 bytes"),
]


@pytest.mark.parametrize(("body", "status", "message"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_wrong_with_a_body(server: Served, body: bytes, status: int, message: str, chunked: bool) -> None:
    response = httpx2.post(server.url, content=iter([body]) if chunked else body)
    assert response.status_code == status
    assert message in response.json()["error"]


def test_every_problem_of_the_parameters_is_named(server: Served) -> None:
    body = {"inputs": "x", "parameters": {"num_beams": 0, "temperature": 1, "truncation": 1}}
    said = httpx2.post(server.url, json=body).json()["error"]
    assert all(name in said for name in ("num_beams", "temperature", "truncation"))


def test_a_large_body_is_not_awaited(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/predict", 405), ("GET", "/secret", 404), ("POST", "/health", 405)],
)
def test_other_ways_are_refused_in_json(server: Served, method: str, path: str, status: int) -> None:
    response = httpx2.request(method, server.url + path)
    assert (response.status_code, "POST / or /predict" in response.json()["error"]) == (status, True)


@pytest.mark.parametrize("path", ["/", "/predict"])
def test_an_answer_carries_text_and_counts(server: Served, path: str) -> None:
    one = httpx2.post(server.url + path, json={"inputs": "Ann: hi"})
    assert one.json() == [{"summary_text": "About Ann: hi."}]
    many = httpx2.post(server.url + path, json={"inputs": ["Ann: hi", "Bo"], "parameters": {"truncation": True}})
    assert many.json() == [{"summary_text": "About Ann: hi."}, {"summary_text": "About Bo."}]
    found = {name: value for name, value in many.headers.items() if name.startswith("x-")}
    assert found == {
        "x-compute-time": "0.250000", "x-input-tokens": "7,2", "x-output-tokens": "2,2", "x-lost-tokens": "0,0",
    }  # fmt: skip


def test_what_a_request_leaves_open_comes_from_the_params_file(server: Served, backend: Scripted) -> None:
    httpx2.post(server.url, json={"inputs": "x", "parameters": {"max_new_tokens": 5, "length_penalty": 2}})
    assert backend.asked[-1] == (["x"], Generation(num_beams=4, max_new_tokens=5, length_penalty=2.0))


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (RequestError(Failure.BAD_REQUEST, "too few beams"), 400, "too few beams"),
        (RequestError(Failure.TOO_LARGE, "too long"), 413, "too long"),
        (RequestError(Failure.SERVER_ERROR, "out of memory"), 500, "out of memory"),
        (ZeroDivisionError("a dialogue that nobody may read"), 500, "internal error: ZeroDivisionError"),
    ],
)
def test_what_a_backend_raises_has_its_status(error: Exception, status: int, message: str) -> None:
    with served(lambda: Scripted(error=error)) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        response = ask(server)
        assert (response.status_code, response.json()) == (status, {"error": message})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "planted"}, 401),
        ({"Authorization": "Bearer planté".encode()}, 401),
        ({"Authorization": "Bearer planted"}, 200),
    ],
)
def test_a_token_is_asked_for(headers: dict[str, Any], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    with served(Scripted, token="planted") as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        response = ask(server, "confidential", headers=headers)
        assert response.status_code == status
        assert httpx2.get(f"{server.url}/metrics").is_success
        httpx2.get(f"{server.url}/planted?planted")
    log = capsys.readouterr().err
    assert "planted" not in log + response.text
    assert "confidential" not in log
    *_, post, metrics, unknown = (line.split() for line in log.splitlines())
    assert post[1:4] + post[5:] == ["POST", "/", str(status), f"n={int(status == 200)}"]
    assert (metrics[2:4], unknown[2:4]) == (["/metrics", "200"], ["(unknown)", "404"])
