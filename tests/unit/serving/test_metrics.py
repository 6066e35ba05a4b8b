"""The server's own figures, read back with the parser of prometheus-client."""

from __future__ import annotations

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from helpers.core.errors import Failure, RequestError
from helpers.serving.metrics import BUCKETS, DURATION
from tests.local_server import Scripted, served
from tests.unit.serving.serving_helpers import ask, until


def figures(url: str) -> dict[tuple[str, str], float]:
    """Return every sample by name and the value of its first label."""
    text = httpx2.get(f"{url}/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    labels = [
        next((s.labels[name] for name in ("outcome", "type", "result", "le") if name in s.labels), "") for s in samples
    ]
    named = zip(samples, labels, strict=True)
    return {(s.name, label): s.value for s, label in named if not s.labels.get("error_type")}


def test_requests_tokens_durations_and_the_process_are_counted() -> None:
    backend = Scripted()
    with served(lambda: backend) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        assert ask(server, "four").is_success
        assert httpx2.post(server.url, content=b"no JSON").status_code == 400
        backend.error = RequestError(Failure.SERVER_ERROR, "broken")
        assert ask(server, "four").status_code == 500
        found = figures(server.url)
    assert found["inf_batch_current_size", ""] == found["inf_queue_size", ""] == 0
    outcomes = {label: value for (name, label), value in found.items() if name == "summariser_requests_total"}
    assert outcomes == {"ok": 1, "bad_request": 1, "server_error": 1}
    assert (found["summariser_tokens_total", "input"], found["summariser_tokens_total", "output"]) == (4, 2)
    edges = [float(label) for name, label in found if name == f"{DURATION}_bucket"]
    assert tuple(edges) == (*BUCKETS, float("inf"))
    assert found[f"{DURATION}_bucket", "+Inf"] == found[f"{DURATION}_count", ""] == 1
    assert found["process_cpu_seconds_total", ""] > 0
    assert found["process_resident_memory_bytes", ""] > 1e6
    assert found["summariser_cpu_cores", ""] >= 1


def test_two_servers_in_a_process_do_not_mix() -> None:
    with served(Scripted) as one, served(Scripted) as other:
        until(lambda: httpx2.get(f"{one.url}/health").is_success)
        assert ask(one).is_success
        assert ("summariser_requests_total", "ok") in figures(one.url)
        assert ("summariser_requests_total", "ok") not in figures(other.url)
