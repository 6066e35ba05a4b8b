"""The server speaks the endpoint's protocol, says what is wrong with a request, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from helpers.core.errors import Failure, InputError, ModelError, RequestError
from helpers.params import Generation, Serving
from helpers.serving.server import listen
from tests.local_server import Scripted, Served, served

DEFAULTS = Generation(num_beams=4, max_new_tokens=60)


@pytest.fixture(scope="module")
def backend() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def server(backend: Scripted) -> Iterator[Served]:
    with served(lambda: backend, DEFAULTS) as running:
        until(lambda: httpx2.get(f"{running.url}/health").text == "Ok")
        yield running


def until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def ask(server: Served, text: str = "Ann: hi", **options: Any) -> httpx2.Response:
    return httpx2.post(server.url, json={"inputs": text}, timeout=20, **options)


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
    ("many inputs", json.dumps({"inputs": ["x"] * 65}).encode(), 413, "65 inputs in one request; send at most 64"),
    ("parameters", b'{"inputs": "x", "parameters": 3}', 422, "'parameters' must be an object"),
    (
        "unknown",
        b'{"inputs": "x", "parameters": {"max_new_token": 5, "top_p": 1}}',
        400,
        "did you mean 'max_new_tokens'",
    ),
    ("wrapped", b'{"inputs": "x", "parameters": {"generate_parameters": {}}}', 400, "'generate_parameters'"),
    ("a range", b'{"inputs": "x", "parameters": {"num_beams": 0}}', 400, "'num_beams': Input should be greater than 0"),
    (
        "a type",
        b'{"inputs": "x", "parameters": {"num_beams": "4"}}',
        400,
        "'num_beams': Input should be a valid integer",
    ),
    ("many beams", b'{"inputs": "x", "parameters": {"num_beams": 33}}', 400, "'num_beams' must be at most 32"),
    ("truncation", b'{"inputs": "x", "parameters": {"truncation": "long"}}', 400, "'truncation' must be true or false"),
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
    [("GET", "/", 405), ("PUT", "/predict", 405), ("GET", "/secret", 404), ("POST", "/health", 405)],
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


def test_the_port_answers_before_the_model_is_loaded() -> None:
    loaded = threading.Event()

    def load() -> Scripted:
        assert loaded.wait(20)
        return Scripted()

    with served(load) as server:
        for response in (httpx2.get(f"{server.url}/health"), ask(server)):
            assert (response.status_code, response.json()) == (503, {"error": "the model is loading"})
        loaded.set()
        until(lambda: httpx2.get(f"{server.url}/health").status_code == 200)
        assert ask(server).is_success


@pytest.mark.parametrize("path", ["/health", "/predict"])
def test_a_model_that_fails_to_load_is_told_then_the_server_ends(path: str) -> None:
    def load() -> Scripted:
        raise ModelError("weights are missing; fetch them")

    with served(load) as server:
        until(lambda: server.worker.failure is not None)
        response = httpx2.request("GET" if path == "/health" else "POST", server.url + path, json={"inputs": "x"})
        assert response.status_code == 500
        assert response.json() == {"error": "the model failed to load: weights are missing; fetch them"}
        server.thread.join(5)
        assert not server.thread.is_alive()


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


def test_one_request_at_a_time_and_no_endless_queue() -> None:
    backend = Scripted(gate=threading.Event())
    with served(lambda: backend, serving=Serving(queue=2)) as server, ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        answers = [pool.submit(ask, server) for _ in range(3)]
        until(
            lambda: httpx2.get(f"{server.url}/metrics").text.startswith("inf_batch_current_size 1\ninf_queue_size 2\n")
        )
        refused = ask(server)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "2 requests are waiting" in refused.json()["error"]
        assert backend.gate
        backend.gate.set()
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
        assert httpx2.get(f"{server.url}/metrics").text.startswith("inf_batch_current_size 0\ninf_queue_size 0\n")
    assert backend.most_at_once == 1


def test_the_running_request_is_finished_and_the_waiting_one_refused() -> None:
    backend = Scripted(gate=threading.Event())
    with served(lambda: backend) as server, ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        running = pool.submit(ask, server)
        until(lambda: server.worker.running == 1)
        waiting = pool.submit(ask, server)
        until(lambda: server.worker.queued == 1)
        server.stop()
        time.sleep(0.5)
        assert backend.gate
        backend.gate.set()
        assert running.result().status_code == 200
        assert (waiting.result().status_code, waiting.result().json()) == (503, {"error": "the server is stopping"})


@pytest.mark.parametrize(
    ("host", "port", "token", "message"),
    [
        ("0.0.0.0", 0, None, "set HELPERS_SERVE_TOKEN"),
        ("", 0, None, "set HELPERS_SERVE_TOKEN"),
        ("::", 0, None, "set HELPERS_SERVE_TOKEN"),
        ("127.0.0.1", 70_000, None, "expected 0 .* to 65535"),
        ("127.0.0.1", -1, None, "expected 0 .* to 65535"),
        ("no.such.host.invalid", 0, "token", "cannot listen on no.such.host.invalid:0"),
    ],
)
def test_an_address_that_cannot_be_used(host: str, port: int, token: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        listen(host, port, token)


SLOW = """
import helpers.cli.main, helpers.serving.server, time
from tests.local_server import Scripted
class Slow(Scripted):
    def summarise(self, dialogues, generation):
        time.sleep({seconds})
        return super().summarise(dialogues, generation)
helpers.serving.server.load_local = lambda model: Slow()
helpers.serving.server.GRACE = {grace}
raise SystemExit(helpers.cli.main.main({arguments}))
"""


@contextmanager
def process(*arguments: str, seconds: float = 0.0, grace: int = 10) -> Iterator[tuple[subprocess.Popen[str], str]]:
    code = SLOW.format(seconds=seconds, grace=grace, arguments=["serve", "demo", "--port", "0", *arguments])
    running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout
    try:
        yield running, running.stdout.readline().strip()
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_running_request_finish(number: signal.Signals) -> None:
    with process(seconds=1.0) as (running, url), ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{url}/health").is_success)
        answer = pool.submit(httpx2.post, url, json={"inputs": "x"}, timeout=20)
        until(lambda: "inf_batch_current_size 1" in httpx2.get(f"{url}/metrics").text)
        running.send_signal(number)
        assert answer.result().json() == [{"summary_text": "About x."}]
        assert running.wait(10) == 0


def test_a_request_that_never_ends_is_left_after_the_grace() -> None:
    with process(seconds=60.0, grace=1) as (running, url), ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{url}/health").is_success)
        answer = pool.submit(httpx2.post, url, json={"inputs": "x"}, timeout=20)
        until(lambda: "inf_batch_current_size 1" in httpx2.get(f"{url}/metrics").text)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
        assert isinstance(answer.exception(), httpx2.HTTPError) or answer.result().status_code == 500


def test_the_server_ends_with_its_parent() -> None:
    with subprocess.Popen(["sleep", "60"]) as parent, process("--parent", str(parent.pid)) as (running, url):
        until(lambda: httpx2.get(f"{url}/health").is_success)
        parent.kill()
        assert running.wait(10) == 0, "a zombie counts as gone"


def test_a_model_that_fails_to_load_ends_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "helpers", "serve", "demo", "--port", "0", "--set", f"model.id={tmp_path}/none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        url = running.stdout.readline().strip()
        until(lambda: httpx2.get(f"{url}/health").status_code == 500, limit=90)
        _, log = running.communicate(timeout=20)
    assert running.returncode == 1
    assert log.splitlines()[-1].endswith("none is not there; give 'demo', a model folder, or a Hub name")


def test_the_body_of_an_answer_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    with listen("127.0.0.1", 0, None) as listener, socket.create_connection(listener.getsockname(), timeout=5):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_is_one_readable_line() -> None:
    with listen("127.0.0.1", 0, None) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "helpers", "serve", "demo", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"helpers serve: cannot listen on 127.0.0.1:{port}: ")
    assert done.stderr.count("\n") == 1


def test_a_parent_that_is_not_there_is_an_input_error() -> None:
    code = SLOW.format(seconds=0, grace=1, arguments=["serve", "demo", "--port", "0", "--parent", str(_unused_pid())])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such process" in done.stderr


def _unused_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(gone.pid, 0)
    return gone.pid
