"""The poller against real servers on loopback: it writes what it sees, and nothing it meets stops a run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from helpers.runs import poller
from helpers.runs.poller import NAME, Poller, metrics_paths, read_gpu_use, read_usage
from tests.local_server import Scripted, served
from tests.scripted_server import ScriptedServer, answer, hold, raw
from tests.unit.serving.serving_helpers import ask, until


def samples(folder: Path) -> list[dict[str, Any]]:
    path = folder / NAME
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def logged(folder: Path) -> Path:
    log = folder / "requests.jsonl"
    log.write_text("a first line\n")
    return log


def test_it_samples_our_server_and_the_load_comes_out_of_it(tmp_path: Path) -> None:
    with served(Scripted) as server:
        until(lambda: httpx2.get(f"{server.url}/health").is_success)
        watching = Poller(server.url, logged(tmp_path), 0.05)
        assert ask(server).is_success
        until(lambda: len(samples(tmp_path)) >= 3)
        watching.stop()
        after = len(samples(tmp_path))
        time.sleep(0.2)
        assert len(samples(tmp_path)) == after
    assert set(samples(tmp_path)[0]) == {
        "at", "running", "queue", "input_tokens", "output_tokens", "cpu_seconds", "cores", "memory_bytes",
    }  # fmt: skip
    usage = read_usage([tmp_path / "requests.jsonl"])
    assert len(usage) == after - 1
    assert all(0 <= share < 1.5 for _, share in usage)


def test_it_never_asks_before_the_run_does(tmp_path: Path) -> None:
    with ScriptedServer(answer(200, "")) as server:
        watching = Poller(server.url, tmp_path / "requests.jsonl", 0.02)
        time.sleep(0.2)
        assert server.looks == []
        logged(tmp_path)
        until(lambda: bool(server.looks))
        watching.stop()


@pytest.mark.parametrize(
    ("play", "expected"),
    [
        (answer(200, "inf_queue_size 3\n", kind="text/plain"), {"queue": 3.0}),
        (answer(401, "no"), {"status": 401}),
        (answer(200, "<html>"), {}),
        (raw(b""), {"failure": "connection"}),
    ],
)
def test_whatever_it_meets_is_written_down(tmp_path: Path, play: Any, expected: dict[str, Any]) -> None:
    with ScriptedServer(answer(200, "")) as server:
        server.metrics = play
        watching = Poller(server.url, logged(tmp_path), 0.02, state=lambda: "running")
        until(lambda: bool(samples(tmp_path)))
        watching.stop()
    (first, *_) = samples(tmp_path)
    assert {key: value for key, value in first.items() if key != "at"} == expected | {"state": "running"}


def test_a_server_that_hangs_holds_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = poller.LIMITS.model_copy(update={"read_timeout": 0.2, "total_timeout": 0.3})
    monkeypatch.setattr(poller, "LIMITS", quick)
    with ScriptedServer(answer(200, "")) as server:
        server.metrics = hold(1.0, answer(200, ""))
        watching = Poller(server.url, logged(tmp_path), 0.02)
        until(lambda: bool(server.looks))
        began = time.monotonic()
        watching.stop()
        assert time.monotonic() - began < 2


def test_a_file_that_cannot_be_written_is_met_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / NAME).mkdir()
    with ScriptedServer(answer(200, "")) as server:
        watching = Poller(server.url, logged(tmp_path), 0.02)
        until(lambda: len(server.requests) + len(server.looks) > 2)
        watching.stop()
    assert capfd.readouterr() == ("", "")


def test_the_load_leaves_out_restarts_and_torn_lines(tmp_path: Path) -> None:
    rows = [(0, 10.0), (2, 12.0), (4, 1.0), (6, 5.0)]
    lines = [json.dumps({"at": f"2026-03-02T09:00:{s:02}+00:00", "cpu_seconds": c, "cores": 2}) for s, c in rows]
    (tmp_path / NAME).write_text("\n".join([*lines, '{"at": "2026', "{}"]) + "\n")
    log = tmp_path / "requests.jsonl"
    assert [share for _, share in read_usage([log, log])] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("url", "paths"),
    [
        ("http://h:8000", ("/metrics",)),
        ("http://h:8000/v1", ("/metrics",)),
        ("http://h:8000/v1/chat/completions", ("/metrics",)),
        ("https://h/llm/v1/", ("/llm/metrics", "/metrics")),
    ],
)
def test_where_a_chat_server_may_give_its_figures(url: str, paths: tuple[str, ...]) -> None:
    assert metrics_paths(url) == paths


def test_figures_are_found_at_the_origin_and_those_of_a_gpu_beside_them(tmp_path: Path) -> None:
    gpu = 'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 40\nprocess_resident_memory_bytes 7\n'
    with ScriptedServer(answer(404, "")) as server, ScriptedServer(answer(404, "")) as exporter:
        server.metrics = answer(200, "vllm:num_requests_waiting 3\n", kind="text/plain")
        exporter.metrics = answer(200, gpu, kind="text/plain")
        paths = metrics_paths(f"{server.url}/llm/v1")
        watching = Poller(server.url, logged(tmp_path), 0.02, paths=paths, beside=(exporter.url,))
        until(lambda: len(samples(tmp_path)) >= 3)
        watching.stop()
    assert [request.split(b" ")[1] for request in server.requests] == [b"/llm/metrics"]
    first, *_ = samples(tmp_path)
    assert {name: value for name, value in first.items() if name != "at"} == {"queue": 3.0, "gpu_use": 0.4}
    assert {share for _, share in read_gpu_use([tmp_path / "requests.jsonl"])} == {0.4}


def test_an_exporter_that_fails_is_no_failure_of_the_server(tmp_path: Path) -> None:
    with ScriptedServer(answer(200, "")) as server, ScriptedServer(raw(b"")) as exporter:
        server.metrics = answer(200, "inf_queue_size 3\n", kind="text/plain")
        watching = Poller(server.url, logged(tmp_path), 0.02, beside=(f"{exporter.url}/gpu",))
        until(lambda: bool(samples(tmp_path)))
        watching.stop()
    assert samples(tmp_path)[0].keys() == {"at", "queue"}


def test_a_disk_that_is_full_for_a_moment_costs_that_moment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = Poller._write, iter([True, True])

    def once_full(self: Poller, sample: dict[str, Any]) -> None:
        if next(full, False):
            raise OSError(28, "No space left on device")
        write(self, sample)

    monkeypatch.setattr(Poller, "_write", once_full)
    with ScriptedServer(answer(200, "")) as server:
        watching = Poller(server.url, logged(tmp_path), 0.05)
        until(lambda: len(samples(tmp_path)) >= 2)
        watching.stop()
