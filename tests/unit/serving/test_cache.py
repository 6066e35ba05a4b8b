"""The cache of the server: what it forgets, whose answers it gives, and what a client notices."""

from __future__ import annotations

import httpx2

from helpers.backends.base import Answer
from helpers.backends.endpoint import EndpointBackend
from helpers.params import Cache, Endpoint, Generation, Model
from helpers.serving.cache import AnswerCache, identity
from tests.local_server import Scripted, served
from tests.unit.serving.serving_helpers import ask, until
from tests.unit.serving.test_metrics import figures


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_cache_forgets_by_number_and_by_age() -> None:
    clock, plain = Clock(), Generation()
    cache = AnswerCache(Cache(entries=2, seconds=10), "model", clock)
    cache.keep(["a", "b"], plain, [Answer("A", 1, 2, 0, 0.5), Answer("B")])
    assert cache.find(["a", "b", "c"], plain) == {"a": Answer("A", 1, 2, 0, None), "b": Answer("B")}
    assert cache.find(["a"], Generation(num_beams=2)) == {}
    clock.now = 5.0
    cache.find(["a"], plain)
    cache.keep(["c"], plain, [Answer("C")])
    assert list(cache.find(["a", "b", "c"], plain)) == ["a", "c"], "b was not asked for the longest time"
    clock.now = 10.0
    assert list(cache.find(["a", "c"], plain)) == ["c"]
    assert len(cache._kept) == 1


def test_another_model_is_another_identity() -> None:
    model = Model(id="demo")
    known = {identity(model, {}), identity(model, {"weights_sha256": "1"}), identity(model, {"weights_sha256": "2"})}
    assert len(known | {identity(Model(id="demo", dtype="int8"), {})}) == 4


def test_an_answer_from_the_cache_is_marked_and_counted_and_measurements_get_none() -> None:
    backend = Scripted()
    cache = AnswerCache(Cache(), "model")
    with served(lambda: backend, cache=cache) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        first, again, other = ask(server, "a"), ask(server, "a"), ask(server, "b")
        both = httpx2.post(server.url, json={"inputs": ["a", "c"]})
        marks = [answer.headers["x-cache"] for answer in (first, again, other, both)]
        assert marks == ["miss", "hit", "miss", "hit,miss"]
        assert again.json() == first.json()
        assert both.json() == [{"summary_text": "About a."}, {"summary_text": "About c."}]
        assert ("x-compute-time" in first.headers, "x-compute-time" in again.headers) == (True, False)
        assert [texts for texts, _ in backend.asked] == [["a"], ["b"], ["c"]]
        with EndpointBackend(server.url, Endpoint()) as measuring:
            measuring.summarise(["a"], Generation())
        with EndpointBackend(server.url, Endpoint(), may_be_cached=True) as app:
            app.summarise(["a"], Generation(num_beams=1))
        assert [texts for texts, _ in backend.asked][3:] == [["a"]]
        found = figures(server.url)
    counted = {label: value for (name, label), value in found.items() if name == "summariser_cache_lookups_total"}
    assert counted == {"hit": 3, "miss": 3}
