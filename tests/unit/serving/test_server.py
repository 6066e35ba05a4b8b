"""The server listens before its model is loaded, says why it cannot start, shares the cores, and ends cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from helpers.core.errors import InputError, ModelError
from helpers.params.files import load_params
from helpers.serving.metrics import served_how
from helpers.serving.server import listen, threads
from tests.local_server import Scripted, served
from tests.unit.serving.serving_helpers import ask, until


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


SHARES: list[tuple[list[str], int | None]] = [
    ([], None),
    (["serving.workers=1000"], 1),
    (["serving.workers=1000", "model.threads=3"], 3),
]


@pytest.mark.parametrize(("told", "share"), SHARES)
def test_workers_share_the_cores(told: list[str], share: int | None) -> None:
    assert threads(load_params("demo", told)) == share


def test_a_server_says_how_it_serves() -> None:
    told = ["--set", "serving={workers: 2, batching: {max_batch: 4}, cache: {}}"]
    with process(*told) as (_, url):
        until(lambda: httpx2.get(f"{url}/health").is_success)
        how = served_how(httpx2.get(f"{url}/metrics").text)
        assert [httpx2.post(url, json={"inputs": "a"}).headers["x-cache"] for _ in range(2)] == ["miss", "hit"]
    assert how == "2 workers, batches of 4 inputs and 4096 tokens at most, a cache"
    assert served_how("inf_queue_size 0\n") is None
