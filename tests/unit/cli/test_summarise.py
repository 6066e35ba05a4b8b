"""``helpers summarise``: every dialogue gets a row, and no row is a formula."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from helpers.backends.base import Answer
from helpers.cli import summarise as verb
from helpers.cli.main import main
from helpers.core.errors import Failure, RequestError, SamplesError
from helpers.params import Generation, Samples
from tests.chat_server import ChatServer

DIALOGUES = [{"id": "a-1", "dialogue": "Ann: =SUM(A1)"}, {"id": "=b", "dialogue": "Bo: bad"}]


class Parrot:
    """Says every dialogue without its speaker; a bad one fails."""

    kind = "parrot"

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        if dialogues[0] == "Bo: bad":
            raise RequestError(Failure.BAD_REQUEST, "a bad dialogue")
        return [Answer(text.partition(": ")[2], 5, 2, 0, 0.25) for text in dialogues]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def parrot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.engines.factory.load_local", lambda model: Parrot())
    monkeypatch.setattr(verb, "model_hashes", lambda params: {"weights_sha256": "w", "prompt_sha256": "p"})


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "given.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in DIALOGUES))
    return path


def test_a_table_for_people(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = given.with_name("out.csv")
    assert main(["summarise", "demo", "--input", str(given), "--output", str(output)]) == 1
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    assert rows[0] == dict(zip(verb.COLUMNS, ("a-1", "'=SUM(A1)", "5", "2", "0", "0.25", ""), strict=True))
    assert rows[1] == dict(zip(verb.COLUMNS, ("'=b", "", "", "", "", "", "bad_request"), strict=True)) | {
        "service_time": rows[1]["service_time"]
    }
    said = capsys.readouterr()
    assert said.out == ""
    assert "=b: bad_request: a bad dialogue" in said.err
    assert "1 of 2 dialogues have a summary" in said.err


def test_a_recording_says_what_made_it(given: Path) -> None:
    output = given.with_name("out.jsonl")
    code = main(["summarise", "demo", "--input", str(given), "--output", str(output), "--set", "model.threads=2"])
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    counts = {"input_tokens": 5, "output_tokens": 2, "lost_tokens": 0}
    assert (code, rows) == (
        1,
        [
            {"id": "a-1", "prediction": "=SUM(A1)", **counts},
            {"id": "=b", "prediction": None, **dict.fromkeys(counts), "error": "bad_request"},
        ],
    )
    text = output.with_suffix(".meta.json").read_text()
    meta = json.loads(text)
    assert (meta["weights_sha256"], meta["prompt_sha256"], meta["dialogues"]) == ("w", "p", 2)
    assert meta["corpus_by_language_model"] is False
    assert meta["given"]["generation.max_new_tokens"] == 128
    assert meta["command"].endswith("summarise demo --set model.threads=2 --input given.jsonl --output out.jsonl")
    assert str(given.parent) not in text


def record(given: Path, output: Path, *settings: str) -> int:
    sets = [part for setting in settings for part in ("--set", setting)]
    return main(["summarise", "demo", "--input", str(given), "--output", str(output), *sets])


def of_recording(output: Path) -> tuple[list[str], dict[str, Any]]:
    ids = [json.loads(line)["id"] for line in output.read_text().splitlines()]
    return ids, json.loads(output.with_suffix(".meta.json").read_text())


@pytest.fixture
def interrupted(given: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of four dialogues, of which two were answered when its process was killed in the third's line."""
    given.write_text("".join(json.dumps({"id": f"d{n}", "dialogue": f"Ann: {n}"}) + "\n" for n in range(4)))
    output = given.with_name("out.jsonl")

    def killed(self: Parrot, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        if dialogues[0] == "Ann: 2":
            raise KeyboardInterrupt
        return [Answer("said", 5, 2, 0, 0.25)]

    with monkeypatch.context() as patched:
        patched.setattr(Parrot, "summarise", killed)
        main(["summarise", "demo", "--input", str(given), "--output", str(output)])
    with output.open("a") as file:
        file.write('{"id": "d2", "predic')
    return output


def test_an_interrupted_recording_goes_on(
    given: Path, interrupted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads(interrupted.with_suffix(".meta.json").read_text())
    assert (before["finished_at"], before["resumed_at"]) == (None, None)
    assert record(given, interrupted) == 0
    ids, meta = of_recording(interrupted)
    assert ids == ["d0", "d1", "d2", "d3"]
    assert [json.loads(line)["prediction"] for line in interrupted.read_text().splitlines()] == [
        *["said"] * 2,
        "2",
        "3",
    ]
    assert meta["started_at"] == before["started_at"] < meta["resumed_at"] < meta["finished_at"]
    assert "2 had one already; remove" in capsys.readouterr().err

    monkeypatch.setattr("helpers.engines.factory.load_local", lambda model: pytest.fail("nothing is left to ask"))
    assert record(given, interrupted) == 0
    assert of_recording(interrupted)[0] == ids
    assert not [path.name for path in given.parent.iterdir() if path.suffix in (".lock", ".part")]


def test_what_failed_is_asked_again(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = given.with_name("out.jsonl")
    assert record(given, output) == 1
    assert of_recording(output)[1]["finished_at"] is None
    monkeypatch.setattr(Parrot, "summarise", lambda self, texts, generation: [Answer("good", 1, 1, 0, 0.1)])
    assert record(given, output) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["id"], row["prediction"], "error" in row) for row in rows] == [
        ("a-1", "=SUM(A1)", False),
        ("=b", "good", False),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": ["generation.num_beams=2"]}, "generation.num_beams: 4 there, 2 now"),
        ({"settings": ["model.dtype=int8"]}, "model.dtype: float16 there, int8 now"),
        ({"weights": "other"}, "weights_sha256: w there, other now"),
        ({"more": True}, "dataset_sha256"),
        ({"no manifest": True}, "out.meta.json, which would say of what, is missing or cannot be read"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)
def test_answers_of_something_else_are_kept_and_not_taken_for_these(
    change: dict[str, Any],
    said: str,
    given: Path,
    interrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if weights := change.get("weights"):
        monkeypatch.setattr(verb, "model_hashes", lambda params: {"weights_sha256": weights, "prompt_sha256": "p"})
    if change.get("more"):
        with given.open("a") as file:
            file.write(json.dumps({"id": "d9", "dialogue": "Ann: 9"}) + "\n")
    if change.get("no manifest"):
        interrupted.with_suffix(".meta.json").unlink()
    before = interrupted.read_bytes()
    assert record(given, interrupted, *change.get("settings", [])) == 2
    assert said in capsys.readouterr().err
    assert interrupted.read_bytes() == before


def test_a_recording_has_one_writer(given: Path, interrupted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(interrupted.with_name(".out.jsonl.lock")):
        assert record(given, interrupted) == 2
    assert "another process writes it" in capsys.readouterr().err


def test_a_recording_of_the_bundled_corpus_says_who_wrote_it(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert main(["summarise", "demo", "--input", "bundled:demo", "--output", str(output)]) == 0
    assert json.loads(output.with_suffix(".meta.json").read_text())["corpus_by_language_model"] is True


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Ann: hi\nBo: hello\n", [["stdin", "hi\nBo: hello"]]),
        ("\ufeffAnn: hi, you;\r\nBo: hello\n", [["stdin", "hi, you;\nBo: hello"]]),
        ('{"id": "x", "dialogue": "Ann: hi"}\n{"dialogue": "Bo: yes"}\n', [["x", "hi"]]),
        ('\ufeff{"dialogue": "Ann: hi"}\n{"dialogue": "Bo: yes"}\n', [["row-1", "hi"], ["row-2", "yes"]]),
        ('[{"messages": [{"role": "user", "content": "hi"}]}]', [["row-1", "hi"]]),
        ("dialogue;id\nAnn: hi, you;a\n", [["a", "hi, you"]]),
    ],
    ids=["plain text", "with a BOM", "no id", "JSON Lines with a BOM", "a JSON array", "CSV"],
)
def test_standard_input(
    text: str, rows: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["summarise", "demo", "--input", "-"]) == 0
    shown = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert [row[:2] for row in shown] == [["id", "summary"], *rows]


def test_several_inputs_are_one_list(given: Path) -> None:
    other = given.with_name("other.csv")
    other.write_text("id,dialogue\nc,Cy: hi\n")
    found = verb.read_dialogues(parsed("--input", str(given), "--input", str(other)), Samples())
    assert [sample.id for sample in found] == ["a-1", "=b", "c"]
    with pytest.raises(SamplesError, match="id 'a-1' is in two inputs"):
        verb.read_dialogues(parsed("--input", str(given), "--input", str(given)), Samples())


def test_without_input_the_samples_of_the_params_file_are_asked() -> None:
    assert len(verb.read_dialogues(parsed(), Samples(n=3))) == 3


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(["demo", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "out.xlsx"], "out.xlsx: give a file that ends in .csv or .jsonl"),
        (["--output", "/no/such/folder/out.csv"], "No such file or directory; choose a folder that exists"),
        (["--input", "missing.jsonl"], "missing.jsonl: no such file"),
        (["--input", "-"], "standard input: no dialogue in it"),
    ],
)
def test_what_cannot_be_used(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert main(["summarise", "demo", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_deployment_that_is_down_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT_URL", "http://127.0.0.1:9")
    arguments = ["--set", "endpoint.attempts=1", "--output", str(tmp_path / "out.csv")]
    assert main(["summarise", "endpoint", *arguments]) == 1
    assert "no response (connection); 7 dialogues not sent" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_foreign_text_and_secrets_leave_cleaned(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "s3cret-value")
    rows = [
        {"id": "s3cret-value\n\x1b[1m", "dialogue": [{"speaker": "Ann\0", "text": "my s3cret-value \ud83d"}]},
        {"id": "f", "dialogue": "Ann: \0=SUM(A1)"},
    ]
    given, output = tmp_path / "in.jsonl", tmp_path / f"out{suffix}"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["summarise", "demo", "--input", str(given), "--output", str(output)]) == 0
    told, text = capfd.readouterr(), output.read_text(encoding="utf-8")
    assert "s3cret-value" not in told.out + told.err + text
    assert "my [redacted] �" in text
    assert not set("\0\x1b") & set(told.err + text)
    if suffix == ".csv":
        assert [row["summary"] for row in csv.DictReader(io.StringIO(text))] == ["my [redacted] �", "'␀=SUM(A1)"]


def test_a_chat_server_is_summarised_by_its_address_alone(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = given.with_name("out.jsonl")
    with ChatServer() as server:
        url = server.url("streams-quickly")
        assert main(["summarise", "--url", url, "--input", str(given), "--output", str(output)]) == 0
        asked = server.bodies("streams-quickly")[-2:]
    assert "serves m; it streams" in capsys.readouterr().err
    assert [row["output_tokens"] for row in map(json.loads, output.read_text().splitlines())] == [22, 22]
    assert all(body["stream"] and "num_beams" not in body for body in asked)
    meta = json.loads(output.with_suffix(".meta.json").read_text())
    assert meta["given"]["endpoint.protocol"] == "chat"
    assert " --url 127.0.0.1:" in meta["command"]


def test_beams_are_refused_where_a_chat_server_knows_none(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer() as server:
        command = ["summarise", "--url", server.url("plain"), "--input", str(given)]
        assert main([*command, "--set", "generation.num_beams=4"]) == 2
    assert "'generation.num_beams' is not in the chat protocol" in capsys.readouterr().err
