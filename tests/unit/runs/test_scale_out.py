"""Whole data sets over Dask workers: the same answers however many, only what is missing, and readable messages."""

import csv
import json
import os
import pickle
import signal
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.backends.replay import AnsweredBackend
from helpers.cli.main import main
from helpers.core.errors import ParamsError, RunError
from helpers.params import Params
from helpers.params.files import given_tree, load_params
from helpers.runs import scale_out
from helpers.runs.answer_parts import AnswerParts
from helpers.samples.dataset import Sample, load_samples, stream_samples
from tests.chat_server import ChatServer
from tests.scripted_server import ScriptedServer, summary


def recording(folder: Path, n: int, missing: tuple[int, ...] = ()) -> list[str]:
    """Write dialogues and recorded predictions; return the overrides that replay them over two workers."""
    rows = [{"id": f"d{i}", "dialogue": f"Ana: hello {i}.\nBen: yes.", "summary": "s"} for i in range(n)]
    (folder / "dialogues.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = [{"id": f"d{i}", "prediction": f"=Ana greets Ben, {i}."} for i in range(n) if i not in missing]
    (folder / "recorded.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    return [
        f"samples.source={folder / 'dialogues.jsonl'}",
        f"replay.predictions={folder / 'recorded.jsonl'}",
        "execution={engine: dask, workers: 2, chunk: 7}",
    ]


def replayed(folder: Path, n: int, *more: str, missing: tuple[int, ...] = ()) -> Params:
    return load_params("replay", [*recording(folder, n, missing), *more])


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Answer chunks in this process; return how many dialogues each chunk asked."""
    asked: list[int] = []

    def fan_out(client: object, settings: str, chunks, written) -> None:  # type: ignore[no-untyped-def]
        for chunk in chunks:
            asked.append(len(chunk.missing))
            written(chunk, scale_out.answer_chunk(settings, chunk.missing))

    scale_out._opened.cache_clear()
    monkeypatch.setattr(scale_out, "_fan_out", fan_out)
    monkeypatch.setattr(scale_out, "_client", lambda execution: nullcontext(SimpleNamespace(run=lambda f, **_: f())))
    return asked


def test_only_what_has_no_answer_is_asked_again(tmp_path: Path, inline: list[int]) -> None:
    params = replayed(tmp_path, 20, missing=(3, 18))
    parts = tmp_path / "parts"
    first = scale_out.summarise_all(params, stream_samples(params.samples), parts)
    assert (first.dialogues, first.asked, first.failed, inline) == (20, 20, 2, [7, 7, 6])
    (parts / "part-000001.parquet").unlink()
    recording(tmp_path, 20)
    scale_out._opened.cache_clear()
    inline.clear()
    again = scale_out.summarise_all(params, stream_samples(params.samples), parts)
    assert (again.asked, again.failed, inline) == (9, 0, [1, 7, 1])
    rows = list(AnswerParts(parts).rows())
    assert [row["id"] for row in rows] == [f"d{i}" for i in range(20)]
    assert [row["summary"] for row in rows] == [f"=Ana greets Ben, {i}." for i in range(20)]


def test_answers_to_something_else_are_never_taken_for_these(tmp_path: Path, inline: list[int]) -> None:
    params = replayed(tmp_path, 9)
    scale_out.summarise_all(params, load_samples(params.samples), tmp_path / "parts")
    other = replayed(tmp_path, 9, "generation.max_new_tokens=7")
    with pytest.raises(RunError, match=r"part-000000.parquet: answers to other dialogues, chunks or settings; remove"):
        scale_out.summarise_all(other, load_samples(other.samples), tmp_path / "parts")


def test_no_token_travels_with_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "t" * 34)
    params = replayed(tmp_path, 3)
    settings = json.dumps(given_tree(params))
    task = pickle.dumps((scale_out.answer_chunk, settings, [("d0", "Ana: hello.")]))
    assert b"hf_" not in task


def test_the_command_writes_a_table_and_says_what_it_kept(
    tmp_path: Path, inline: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [part for pair in recording(tmp_path, 10) for part in ("--set", pair)]
    output = tmp_path / "out.csv"
    assert main(["summarise", "replay", *sets, "--output", str(output)]) == 0
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["id"] for row in rows] == [f"d{i}" for i in range(10)]
    assert rows[4]["summary"] == "'=Ana greets Ben, 4."
    assert main(["summarise", "replay", *sets, "--output", str(output)]) == 0
    assert "10 have a summary already; remove" in capsys.readouterr().err
    assert main(["summarise", "replay", *sets]) == 2
    assert "writes --output FILE.csv, and Parquet parts beside it" in capsys.readouterr().err


def test_two_workers_give_what_one_gives(tmp_path: Path) -> None:
    params = replayed(tmp_path, 30, missing=(5,))
    found = []
    for workers in (1, 2):
        execution = params.execution.model_copy(update={"workers": workers})
        parts = tmp_path / f"parts-{workers}"
        summarised = params.model_copy(update={"execution": execution})
        scale_out.summarise_all(summarised, load_samples(params.samples), parts)
        # How long a request took that failed is not the same twice.
        found.append([{**row, "service_time": None} for row in AnswerParts(parts).rows()])
    one, two = found
    assert one == two
    assert [row["kind"] for row in one].count("ok") == 29


def test_workers_ask_a_chat_server_as_a_report_does_and_lose_nothing_it_says(tmp_path: Path, inline: list[int]) -> None:
    output, dask = tmp_path / "out.csv", "execution={engine: dask, workers: 2, chunk: 7}"
    with ChatServer() as server:
        url = server.url("streams-quickly")
        assert main(["summarise", "--url", url, "--set", dask, "--output", str(output)]) == 0
        assert all(body["stream"] for body in server.bodies("streams-quickly"))
    rows = list(AnswerParts(output.with_suffix(".parts")).rows())
    assert inline == [7, 3]
    assert {(row["finish"], row["cached_tokens"]) for row in rows} == {("stop", 0)}
    assert all(row["output_tokens"] for row in rows)
    samples = load_samples(load_params("chat").samples)
    again = AnsweredBackend(rows, samples).answer(samples[0].id)
    assert (again.finish, again.output_tokens) == ("stop", rows[0]["output_tokens"])


@pytest.mark.slow
def test_workers_that_asked_an_endpoint_end_at_once_and_leave_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    unbounded = "budget={usd: null, requests: null, minutes: null}"
    with ScriptedServer(summary()) as server:
        params = load_params(
            "endpoint",
            [f"endpoint.url={server.url}", unbounded, "execution={engine: dask, workers: 2, chunk: 3}"],
        )
        totals = scale_out.summarise_all(params, stream_samples(params.samples), tmp_path / "parts")
    assert (totals.asked, totals.failed) == (10, 0)
    told = capfd.readouterr().err
    assert "Unclosed" not in told
    assert "2 workers on this machine" in told


@pytest.mark.slow
def test_a_killed_worker_loses_no_dialogue_and_counts_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = replayed(tmp_path, 4000, "execution={engine: dask, workers: 2, chunk: 40}")
    parts, killed = tmp_path / "parts", []
    start = scale_out._fan_out

    def watched(client, settings, chunks, written) -> None:  # type: ignore[no-untyped-def]
        pids = [worker["pid"] for worker in client.run(lambda: {"pid": os.getpid()}).values()]

        def kill() -> None:
            while len(list(parts.glob("part-*.parquet"))) < 10:
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

        thread = threading.Thread(target=kill)
        thread.start()
        start(client, settings, chunks, written)
        thread.join()

    monkeypatch.setattr(scale_out, "_fan_out", watched)
    totals = scale_out.summarise_all(params, stream_samples(params.samples), parts)
    assert killed
    assert len(list(parts.glob("part-*.parquet"))) == 100
    assert (totals.dialogues, totals.asked, totals.failed) == (4000, 4000, 0)
    assert [row["id"] for row in AnswerParts(parts).rows()] == [f"d{i}" for i in range(4000)]


WRONG = [
    ("execution.workers=0", "'execution.workers': Input should be greater than 0, got 0"),
    ("execution.chunk=-1", "'execution.chunk': Input should be greater than 0, got -1"),
    ("execution.engine=spark", "'execution.engine': Input should be 'local' or 'dask', got 'spark'"),
    ("execution.scheduler=localhost:8786", "'execution.scheduler': String should match pattern"),
    ("execution.scheduler=tcp://u:p@h:1", "'execution.scheduler': String should match pattern"),
    ("execution.worker=2", "unknown key 'worker' under 'execution' (did you mean 'workers'?)"),
    ("execution={scheduler: tcp://127.0.0.1:1}", "'scheduler' goes with 'engine: dask', and only with it"),
    ("execution=3", "'execution': Input should be a valid dictionary"),
    ("execution.token=abc", "secrets come from the environment"),
    ("samples.columns.dialogue=3", "'samples.columns.dialogue': Input should be a valid string, got 3"),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_setting_is_one_readable_message(override: str, message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params("full", [override])
    assert len(caught.value.problems) == 1
    assert message in caught.value.problems[0]


def test_an_unreachable_scheduler_is_one_readable_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_out, "CONNECT", 1)
    params = replayed(tmp_path, 3, "execution={engine: dask, scheduler: 'tcp://127.0.0.1:1'}")
    with pytest.raises(RunError, match=r"execution.scheduler tcp://127.0.0.1:1: no scheduler answers there"):
        scale_out.summarise_all(params, [Sample(id="a", dialogue="b")], tmp_path / "parts")


def test_a_stream_is_what_a_list_is(tmp_path: Path) -> None:
    params = replayed(tmp_path, 5)
    assert tuple(stream_samples(params.samples)) == load_samples(params.samples)


def test_workers_that_no_budget_bounds_are_refused() -> None:
    with pytest.raises(ParamsError, match=r"'budget' cannot bound the workers of 'execution.engine: dask'"):
        load_params("endpoint", ["execution.engine=dask"])
