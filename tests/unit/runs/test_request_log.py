"""The request log: whole lines, private texts, and a torn end that harms nothing."""

import hashlib
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.core.errors import RunError
from helpers.runs.request_log import RECORD, Record, RequestLog, final_attempts, settings_hash

ROOT = Path(__file__).parents[3]


def record(request: str = "r1", attempt: int = 1, **more: object) -> Record:
    fields: dict[str, object] = {
        "page": "02",
        "phase": "steady",
        "sample": "s",
        "kind": "ok",
        "settings": "h",
        "summary": "早 Text.",
    }
    return Record(request=request, attempt=attempt, started_at=datetime(2026, 1, 1, tzinfo=UTC), **(fields | more))  # type: ignore[arg-type]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    log.append(record(message="line one\nline two", service_time=1.25))
    assert log.read() == [record(message="line one\nline two", service_time=1.25)]


@pytest.mark.parametrize(
    ("form", "kept"), [("redacted", ""), ("hash", hashlib.sha256("早 Text.".encode()).hexdigest())]
)
def test_a_text_that_is_private_is_not_written(tmp_path: Path, form: str, kept: str) -> None:
    log = RequestLog(tmp_path / "log.jsonl", form)  # type: ignore[arg-type]
    log.append(record())
    assert log.read()[0].summary == kept
    assert "Text" not in log.path.read_text()


def test_a_torn_last_line_is_left_out_and_a_broken_one_within_is_named(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    log.append(record())
    with log.path.open("a") as file:
        file.write('{"request": "r2", "att')
    assert [r.request for r in log.read()] == ["r1"]
    assert log.damaged() == []
    with log.path.open("a") as file:
        file.write("\n")
    assert [r.request for r in log.read()] == ["r1"]
    assert log.damaged() == ["log.jsonl line 2: 22 bytes that are no JSON are left out"]
    with log.path.open("a") as file:
        file.write('{"request": "r2"}\n')
    with pytest.raises(RunError, match=r"log\.jsonl line 3: not a request record: attempt Field required"):
        log.read()


def test_two_writers_do_not_interleave(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    long = "x" * 20_000

    def write(name: str) -> None:
        for number in range(20):
            log.append(record(f"{name}{number}", summary=long))

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(log.read()) == 40


def test_the_last_attempt_of_a_request_counts() -> None:
    records = [record("a", 1, kind="server_error"), record("b"), record("a", 2)]
    assert [(r.request, r.attempt) for r in final_attempts(records)] == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("torn", ['{"request": "r2", "att', "{", '{"summary": "' + "x" * 200_000])
def test_a_torn_last_line_is_set_aside_before_the_next(tmp_path: Path, torn: str) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    log.append(record("r1"))
    with log.path.open("a") as file:
        file.write(torn)
    assert log.set_aside_torn() == len(torn)
    assert log.set_aside_torn() == 0
    assert (tmp_path / "log.torn").read_text() == torn + "\n"
    with log.path.open("a") as file:
        file.write(torn)
    log.append(record("r2"))
    assert [r.request for r in log.read()] == ["r1", "r2"]
    assert (tmp_path / "log.torn").read_text() == (torn + "\n") * 2


def test_a_log_that_has_grown_goes_on_in_a_new_part(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests.jsonl", part_size=1000)
    for number in range(40):
        log.append(record(f"r{number}"))
    names = [part.name for part in log.parts()]
    assert names[:2] == ["requests.0001.jsonl", "requests.0002.jsonl"]
    assert all(part.stat().st_size < 1200 for part in log.parts())
    assert [r.request for r in log.read()] == [f"r{number}" for number in range(40)]
    assert RequestLog(log.path).count() == 40


WRITER = """
import sys
from pathlib import Path
from tests.unit.runs.test_request_log import record
from helpers.runs.request_log import RequestLog
log = RequestLog(Path(sys.argv[1]), part_size=60_000)
for number in range(50):
    log.append(record(f"{sys.argv[2]}{number}", summary="x" * 3_000))
"""


def test_processes_that_write_at_once_lose_nothing_when_a_part_is_full(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], cwd=ROOT) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    requests = [r.request for r in RequestLog(path).read()]
    assert sorted(requests) == sorted(f"{name}{number}" for name in "abc" for number in range(50))


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.unit.runs.test_request_log import record
from helpers.runs.request_log import RequestLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
log = RequestLog(Path(sys.argv[1]))
for number in range(100):
    log.append(record(f"r{number}", summary="x" * 300))
"""


def test_a_full_disk_is_said_and_what_was_written_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "ToolError: log.jsonl: a record cannot be written" in done.stderr
    assert "go on with report --resume RUN" in done.stderr
    assert path.read_bytes().endswith(b"}\n")
    assert len(RequestLog(path).read()) == len(path.read_bytes().splitlines()) > 5


def test_what_is_superseded_stays_and_counts_no_longer(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    for one in (record("a", kind="timeout"), record("b"), record("c", supersedes="a")):
        log.append(one)
    assert [r.request for r in log.read()] == ["b", "c"]
    assert [r.request for r in log.every()] == ["a", "b", "c"]


# The highest resident size is the kernel's own count: getrusage would hand down the one of the process that forked
# this one.
READER = """
import json, sys
from pathlib import Path
from helpers.runs.request_log import RequestLog
n = len(RequestLog(Path(sys.argv[1])).read())
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([n, int(peak) * 1024]))
"""


@pytest.mark.slow
def test_a_million_records(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    line = RECORD.dump_json(record("REQUEST", status=200, service_time=1.25, summary="x" * 100), exclude_defaults=True)
    with path.open("wb") as file:
        for number in range(1_000_000):
            file.write(
                line.replace(b"REQUEST", f"{number:012x}".encode()).replace(b"xxxxxxxx", b"%08d" % number, 1) + b"\n"
            )
    done = subprocess.run([sys.executable, "-c", READER, str(path)], capture_output=True, timeout=120, check=True)
    n, memory = json.loads(done.stdout)
    assert n == 1_000_000
    assert memory < 1_000_000_000


def test_settings_have_the_hash_that_recordings_already_name() -> None:
    assert settings_hash({"num_beams": 4, "max_new_tokens": 128}) == "32f96f4df683"
