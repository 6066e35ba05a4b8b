"""Batches and workers of the server: what goes together, what must not, and what a client notices."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from helpers.backends.base import Answer
from helpers.core.errors import Failure, RequestError
from helpers.params import Batching, Generation, Serving
from helpers.serving.worker import Waiting, next_batch
from tests.local_server import Scripted, Served, served
from tests.unit.serving.serving_helpers import ask, until
from tests.unit.serving.test_metrics import figures

BATCHES = Serving(batching=Batching(max_wait=0.2))


@dataclass
class Gated(Scripted):
    """Holds every batch until it is let through; one with ``bad`` in it fails."""

    gate: threading.Event | None = field(default_factory=threading.Event)

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        answers = super().summarise(dialogues, generation)
        if any("bad" in text for text in dialogues):
            raise RequestError(Failure.SERVER_ERROR, f"{len(dialogues)} and one bad")
        return answers

    def open(self) -> None:
        assert self.gate
        self.gate.set()

    def batches(self) -> list[list[str]]:
        return [texts for texts, _ in self.asked]


@contextmanager
def held(serving: Serving = BATCHES) -> Iterator[tuple[Served, Gated, Callable[..., Future[httpx2.Response]]]]:
    """A server whose one model is at work on ``first``; whatever is sent now waits until the gate opens."""
    backend = Gated()
    with served(lambda: backend, serving=serving) as server, ThreadPoolExecutor(16) as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)

        def send(inputs: Any, **parameters: int) -> Future[httpx2.Response]:
            waiting = server.worker.queued
            body = {"inputs": inputs, "parameters": parameters}
            answer = pool.submit(httpx2.post, server.url, json=body, timeout=20)
            if server.worker.running:
                until(lambda: server.worker.queued > waiting)
            return answer

        first = send("first")
        until(lambda: server.worker.running == 1)
        try:
            yield server, backend, send
        finally:
            backend.open()
        assert first.result().json() == [{"summary_text": "About first."}]


def waiting(*sizes: int | tuple[int, ...], **settings: Any) -> list[Waiting]:
    async def made() -> list[Waiting]:
        future = asyncio.get_running_loop().create_future
        texts = [["x" * 4 * n for n in ([size] if isinstance(size, int) else size)] for size in sizes]
        return [Waiting(each, Generation(**settings), future()) for each in texts]

    return asyncio.run(made())


TAKEN = [
    ("all that fit", (10, 11, 12), Batching(), [10, 11, 12]),
    ("the nearest in length", (10, 900, 11, 500, 9), Batching(max_batch=3), [10, 11, 9]),
    ("padded to the longest", (10, 100, 20), Batching(max_tokens=60), [10, 20]),
    ("the oldest, however long", (5000, 10), Batching(), [5000]),
    ("several inputs count each", (10, (10, 10), 12), Batching(max_batch=2), [10, 12]),
    ("one at a time", (10, 10), None, [10]),
]


@pytest.mark.parametrize(("sizes", "told", "taken"), [case[1:] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_what_goes_together(sizes: Any, told: Batching | None, taken: list[int]) -> None:
    assert [one.tokens for one in next_batch(waiting(*sizes), told)] == taken


def test_only_equal_settings_go_together_and_the_longest_wait_goes_first() -> None:
    first, other = waiting(10), waiting(10, 10, num_beams=2)
    assert next_batch([*other, *first], Batching()) == other
    assert next_batch([*first, *other], Batching()) == first


def test_everybody_gets_their_own_answers_and_the_time_of_the_batch() -> None:
    with held() as (server, backend, send):
        answers = [send(text) for text in ("a", "bbb", ["cc", "dddd"], "e")]
        other = send("f", num_beams=2)
        backend.open()
        found = [[one["summary_text"] for one in answer.result().json()] for answer in answers]
        assert found == [["About a."], ["About bbb."], ["About cc.", "About dddd."], ["About e."]]
        assert other.result().json() == [{"summary_text": "About f."}]
        assert {answer.result().headers["x-compute-time"] for answer in answers} == {"0.250000"}
        counted = figures(server.url)
    first, together, alone = backend.batches()
    assert (first, sorted(together), alone) == (["first"], ["a", "bbb", "cc", "dddd", "e"], ["f"])
    sizes = {label: value for (name, label), value in counted.items() if name == "summariser_batch_inputs_bucket"}
    assert (sizes["1.0"], sizes["4.0"], sizes["8.0"]) == (2, 2, 3)


def test_one_that_breaks_a_batch_does_not_break_the_others() -> None:
    with held() as (_, backend, send):
        answers = [send(text) for text in ("a", "bad", "c")]
        backend.open()
        codes = [answer.result().status_code for answer in answers]
        assert codes == [200, 500, 200]
        assert answers[1].result().json() == {"error": "1 and one bad"}
        assert answers[2].result().json() == [{"summary_text": "About c."}]
    assert [len(batch) for batch in backend.batches()] == [1, 3, 1, 1, 1]


def hang_up_on(server: Served, text: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10)
    body = f'{{"inputs": "{text}"}}'.encode()
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return client


def test_a_client_that_hangs_up_leaves_the_queue_and_kills_no_batch() -> None:
    with held() as (server, backend, send):
        with hang_up_on(server, "gone while waiting"):
            until(lambda: server.worker.queued == 1)
        until(lambda: server.worker.queued == 0)
        with hang_up_on(server, "gone while computed"):
            until(lambda: server.worker.queued == 1)
            stays = send("stays")
            gate, backend.gate = backend.gate, threading.Event()
            assert gate
            gate.set()
            until(lambda: server.worker.running == 2)
        until(lambda: figures(server.url).get(("summariser_requests_total", "cancelled")) == 2)
        backend.open()
        assert stays.result().json() == [{"summary_text": "About stays."}]
        assert ask(server, "after").is_success
    assert [sorted(batch) for batch in backend.batches()] == [["first"], ["gone while computed", "stays"], ["after"]]


def test_a_full_queue_says_when_to_come_back() -> None:
    with held(Serving(batching=Batching(), queue=2)) as (server, _, send):
        for text in "ab":
            send(text)
        server.worker._pace = 7.4
        refused = ask(server)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15"), "two of 7.4 seconds wait"
        server.worker._pace = 7_400.0
        assert ask(server).headers["Retry-After"] == "60"


def test_a_batch_under_way_is_finished_when_the_server_stops() -> None:
    with held() as (server, backend, send):
        gate, backend.gate = backend.gate, threading.Event()
        answers = [send(text) for text in "ab"]
        assert gate
        gate.set()
        until(lambda: server.worker.running == 2)
        late = send("c")
        server.stop()
        assert late.result().json() == {"error": "the server is stopping"}
        backend.open()
        assert [answer.result().status_code for answer in answers] == [200, 200]


def test_whoever_comes_alone_does_not_wait_for_company() -> None:
    patient = Serving(batching=Batching(max_wait=1.0))
    with served(Scripted, serving=patient) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        began = time.monotonic()
        for text in "abcde":
            assert ask(server, text).is_success
        assert time.monotonic() - began < 3.0, "each but the first would have waited a second"


def test_those_who_were_answered_together_are_waited_for() -> None:
    with held(Serving(batching=Batching(max_wait=1.0))) as (_, backend, send):
        answers = [send(text) for text in "abc"]
        backend.open()
        [answer.result() for answer in answers]
        again = [send(text) for text in "def"]
        assert all(answer.result().is_success for answer in again)
    assert [len(batch) for batch in backend.batches()] == [1, 3, 3]


def test_workers_compute_side_by_side_each_with_its_own_model() -> None:
    together, made = threading.Barrier(2), []

    class Meeting(Scripted):
        def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
            together.wait(20)
            return super().summarise(dialogues, generation)

    def load() -> Scripted:
        made.append(Meeting())
        return made[-1]

    with served(load, serving=Serving(workers=2)) as server, ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        answers = [pool.submit(ask, server, text) for text in "abcd"]
        assert all(answer.result().is_success for answer in answers)
    assert [len(one.asked) for one in made] == [2, 2]


def test_workers_that_are_free_share_what_waits() -> None:
    gate, made = threading.Event(), []

    def load() -> Scripted:
        made.append(Scripted(gate=gate))
        return made[-1]

    serving = Serving(workers=2, batching=Batching(max_wait=0.5))
    with served(load, serving=serving) as server, ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        answers = [pool.submit(ask, server, text) for text in "ab"]
        until(lambda: server.worker.running == 2)
        answers += [pool.submit(ask, server, text) for text in "cdef"]
        until(lambda: server.worker.queued == 4)
        gate.set()
        assert all(answer.result().is_success for answer in answers)
    assert all(len(one.asked) >= 2 for one in made)


def test_one_request_at_a_time_and_no_endless_queue() -> None:
    backend = Scripted(gate=threading.Event())
    with served(lambda: backend, serving=Serving(queue=2)) as server, ThreadPoolExecutor() as pool:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        answers = [pool.submit(ask, server) for _ in range(3)]
        until(
            lambda: httpx2.get(f"{server.url}/metrics").text.startswith("inf_batch_current_size 1\ninf_queue_size 2\n")
        )
        refused = ask(server)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert "2 requests are waiting" in refused.json()["error"]
        assert backend.gate
        backend.gate.set()
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]
        assert httpx2.get(f"{server.url}/metrics").text.startswith("inf_batch_current_size 0\ninf_queue_size 0\n")
    assert backend.most_at_once == 1


def test_a_panic_of_compiled_code_is_one_answer_and_not_the_end() -> None:
    class PanicError(BaseException):
        """As compiled Rust raises it: no `Exception`."""

    class Panics(Scripted):
        def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
            if "panic" in dialogues[0]:
                raise PanicError("index out of bounds")
            return super().summarise(dialogues, generation)

    with served(Panics) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        assert ask(server, "panic").status_code == 500
        assert ask(server).is_success
