"""The ledger of looks: appended to once per look, read strictly, and blind to how many dialogues are drawn."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from helpers.core.errors import InputError, RunError
from helpers.params import Params, Samples
from helpers.params.files import load_params
from helpers.runs.manifest import Manifest
from helpers.verdicts.looks import (
    LEDGER,
    Look,
    Question,
    append,
    dialogues_of,
    read_ledger,
    standing,
    system_of,
    unread_lines,
)

QUESTION = Question(target="average_latency", direction="max", threshold=3.0, system="s", dialogues="bundled")


def look(number: int = 1, run: str = "a", **changes: Any) -> Look:
    fields = {"n": 10, "value": 2.5, "low": 2.0, "high": 3.1, "level": 0.98, "verdict": "undecided"}
    at = datetime(2026, 11, number, tzinfo=UTC)
    return Look.model_validate(QUESTION.model_dump() | {"run": run, "at": at, "look": number} | fields | changes)


def test_what_is_appended_is_read_back_and_never_twice(tmp_path: Path) -> None:
    path = tmp_path / "new" / LEDGER
    assert read_ledger(path) == ()
    append(path, [look(1), look(2, "b")])
    append(path, [look(2, "b"), look(3, "c", value=None, low=None, high=None)])
    assert [one.look for one in read_ledger(path)] == [1, 2, 3]
    before = path.read_bytes()
    append(path, [])
    append(path, [look(1)])
    assert path.read_bytes() == before, "what stands there stays as it is"
    assert all(json.loads(line)["schema_version"] == 1 for line in before.splitlines())


def test_two_reports_that_end_together_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    writers = [threading.Thread(target=append, args=(path, [look(1, f"run {n}")])) for n in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(one.run for one in read_ledger(path)) == sorted(f"run {n}" for n in range(16))


@pytest.mark.parametrize(
    "text", [b"{", b'{"look": 1}', b"\xff\xfe", b'{"tool": "of another"}', b'{"target": "average_late']
)
@pytest.mark.parametrize("end", [b"\n", b""], ids=["whole", "torn"])
def test_a_line_that_is_no_look_is_told_passed_over_and_kept(tmp_path: Path, text: bytes, end: bytes) -> None:
    path = tmp_path / LEDGER
    append(path, [look(1)])
    with path.open("ab") as file:
        file.write(text + end)
    before = path.read_bytes()
    append(path, [look(2, "b")])
    assert [one.look for one in read_ledger(path)] == [1, 2], "a torn line takes no other one along"
    ((line, why),) = ((one.line, one.why) for one in unread_lines(path))
    assert (line, bool(why)) == (2, True)
    assert path.read_bytes().startswith(before)


#: A report of its own: it appends the looks of its run, one at a time, told by arguments what becomes of it.
REPORT = """
import os, resource, signal, sys, time
from pathlib import Path
from helpers.verdicts.looks import Look, append, read_ledger
path, run, number, what = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
pattern = read_ledger(path)[0]
if what == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50,) * 2)
if what == "killed":
    fsync = os.fsync
    os.fsync = lambda file: (print("writing", flush=True), time.sleep(60))
for n in range(number):
    append(path, [pattern.model_copy(update={"run": run, "n": n, "threshold": float(n)})])
"""


def report(path: Path, run: str, number: int, what: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", REPORT, str(path), run, str(number), what]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, [look(1)])
    with report(path, "b", 20, "well") as first, report(path, "c", 20, "well") as second:
        assert [one.wait(120) for one in (first, second)] == [0, 0]
    assert sorted(one.run for one in read_ledger(path)) == ["a", *["b"] * 20, *["c"] * 20]
    assert unread_lines(path) == ()


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, [look(1)])
    before = path.read_bytes()
    with report(path, "b", 1, "full") as full:
        assert full.wait(60) == 1
        assert re.search(r"RunError: .*the look cannot be recorded: .*as it was: free space", full.stderr.read())  # type: ignore[union-attr]
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [LEDGER]


def test_a_kill_amid_writing_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    append(path, [look(1)])
    before = path.read_bytes()
    with report(path, "b", 1, "killed") as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "writing\n"
        killed.kill()
    assert path.read_bytes() == before
    append(path, [look(2, "c")])
    assert path.read_bytes().startswith(before)
    assert [one.run for one in read_ledger(path)] == ["a", "c"]
    assert [one.name for one in tmp_path.iterdir()] == [LEDGER]


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((RunError, InputError), match="cannot be re"):
        append(tmp_path / "file" / LEDGER, [look(1)])


def test_looks_are_counted_over_runs_and_within_one() -> None:
    ledger = [look(1, "a"), look(2, "b", n=40, value=2.6), look(1, "c", threshold=4.0)]
    here = standing(ledger, QUESTION, "d", [(90, 2.7), (200, 2.71)])
    assert list(here.looks()) == [(3, 90), (4, 200)]
    assert (here.used, here.final, here.other_thresholds) == (4, False, (4.0,))
    # its own lines are not earlier ones
    assert list(standing(ledger, QUESTION, "b", [(40, 2.6)]).looks()) == [(2, 40)]
    # what is found again to the last digit is no look
    assert list(standing(ledger, QUESTION, "d", [(10, 2.5), (90, 2.7)]).looks()) == [(1, 10), (3, 90)]
    # unless it is drawn again, as ten of ten requests that succeed once more
    anew = standing(ledger, QUESTION, "d", [(10, 2.5), (90, 2.7)], varies=True)
    assert list(anew.looks()) == [(3, 10), (4, 90)]


def test_no_look_beyond_the_fifth() -> None:
    ledger = [look(number, f"run {number}", n=10 * number, value=2 + number / 10) for number in range(1, 5)]
    last = standing(ledger, QUESTION, "e", [(100, 3.0), (200, 3.0)])
    assert (list(last.looks()), last.final) == ([(5, 100)], True)


@pytest.fixture
def params() -> Params:
    return load_params("demo")


def manifest(**changes: Any) -> Manifest:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return Manifest(run="r", command="c", started_at=at, model="m", processor="p", **changes)


def test_another_system_is_another_question_and_another_machine_for_times_alone(params: Params) -> None:
    def system(changed: Params = params, *, timed: bool = True, **changes: Any) -> str:
        return system_of(changed, manifest(**changes), timed=timed)

    assert system() == system(cores=0)
    assert system(cores=2) != system()
    assert system(timed=False, cores=2) == system(timed=False)
    for changes in ({"weights_sha256": "w"}, {"generation_hash": "g"}, {"prompt_sha256": "x"}, {"revision": "v"}):
        assert system(timed=False, **changes) != system(timed=False)
    quantized = params.model_copy(update={"model": params.model.model_copy(update={"dtype": "int8"})})
    assert system(quantized, timed=False) != system(timed=False)


def test_every_provider_of_a_model_is_a_system_of_its_own() -> None:
    found = {
        system_of(load_params("provider", [f"endpoint.provider={name}"]), manifest(), timed=timed)
        for name in ("cerebras", "together")
        for timed in (True, False)
    }
    assert len(found) == 2


def test_more_dialogues_of_the_same_kind_are_the_same_question(params: Params) -> None:
    assert dialogues_of(Samples(source="bundled:demo")) == dialogues_of(Samples(source="bundled:test", n=100))
    assert dialogues_of(Samples(source="/home/me/mine.csv", n=5)) == dialogues_of(Samples(source="/home/me/mine.csv"))
    hub = Samples(source="hub:a/b", split="test")
    assert dialogues_of(hub) == "hub:a/b@main/test" != dialogues_of(hub.model_copy(update={"split": "train"}))
