"""The quick reader of a log says what the record-by-record one says, of whole logs and of damaged ones."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.core.errors import RunError
from helpers.monitoring import log_blocks
from helpers.monitoring.series import from_records, read_series
from helpers.runs.request_log import RECORD, Record, read_log
from tests.logs import attempt, write_log

RECORDS = [
    attempt(0.25, 1.5, summary='He said "早" \\ and\nleft.'),
    attempt(1, 0.0, kind="timeout"),
    attempt(2.123456, 3, sample="ä", phase="cold"),
    dataclasses.replace(attempt(3), supersedes=attempt(1, 0.0, kind="timeout").request),
    dataclasses.replace(attempt(4), variant="int8", service_time=None),
    dataclasses.replace(attempt(5, sample="早"), service_time=None, repeat=2, text_form="hash", status=200),
]


def said(read: Callable[[], object]) -> str:
    """Return what reading gives, or the message that it ends with."""
    try:
        return repr(read())
    except RunError as error:
        return str(error)


def both(path: Path) -> tuple[str, str]:
    with np.printoptions(threshold=10_000):
        return said(lambda: read_series([path])), said(lambda: from_records(r for _, r in read_log(path)))


def tables(path: Path) -> list[bool]:
    return [not isinstance(block, list) for _, block in log_blocks.read_blocks(path)]


def test_a_log_is_read_in_tables_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK", 300)
    path = write_log(tmp_path / "log.jsonl", RECORDS)
    assert tables(path) == [True] * len(tables(path))
    assert len(tables(path)) > 2
    quick, slow = both(path)
    assert quick == slow
    with path.open("ab") as file:
        file.write(b'{"request": "torn')
    assert both(path) == (quick, slow)


def test_a_text_with_null_is_no_null(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log.jsonl", [dataclasses.replace(RECORDS[0], summary="null"), *RECORDS])
    assert tables(path) == [False]
    assert len(set(both(path))) == 1


GOOD = RECORD.dump_json(RECORDS[1], exclude_defaults=True).decode()
ODD = {
    "empty line": "",
    "two on a line": GOOD + GOOD,
    "null where a number stands": GOOD.replace('"attempt":1', '"attempt":1,"repeat":null'),
    "a number as text": GOOD.replace('"attempt":1', '"attempt":"1"'),
    "a number with a fraction": GOOD.replace('"attempt":1', '"attempt":1.5'),
    "a time without zone": GOOD.replace('00Z"', '00"'),
    "an hour that is none": GOOD.replace("T09:", "T29:"),
    "another phase": GOOD.replace("steady", "Steady"),
    "an unknown key": GOOD.replace('"attempt"', '"attempts"'),
    "a missing key": GOOD.replace('"settings":"s",', ""),
    "a key twice": GOOD.replace('"attempt":1', '"attempt":1,"attempt":2'),
    "a later version": GOOD.replace("}", ',"schema_version":2}'),
    "an infinite time": GOOD.replace('"service_time":0.0', '"service_time":Infinity'),
    "a negative time": GOOD.replace('"service_time":0.0', '"service_time":-1.0'),
    "a negative count": GOOD.replace('"attempt":1', '"attempt":1,"input_tokens":-1'),
    "zeros behind it": GOOD + "\0\0",
    "zeros": "\0" * 99,
    "not a number": GOOD.replace('"service_time":0.0', '"service_time":NaN'),
    "a list": "[]",
    "two lines of one": GOOD.replace(",", ",\n", 1),
    "windows": GOOD + "\r",
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_an_odd_line_is_taken_or_refused_as_ever(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    quick, slow = both(path)
    assert quick == slow


def test_a_damaged_byte_is_seen_as_ever(tmp_path: Path) -> None:
    dice, path = random.Random(3), tmp_path / "log.jsonl"
    whole = b"".join(RECORD.dump_json(record, exclude_defaults=True) + b"\n" for record in RECORDS[1:] * 2)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] = dice.choice([*b'"{}[]:,\\0.-eE \n\r\t9Z', 0x00, 0x1F, 0x80, 0xC3, 0xFF])
        path.write_bytes(bytes(damaged))
        quick, slow = both(path)
        assert quick == slow, bytes(damaged)
        refused += "not a request record" in slow
    assert refused > 100


def test_the_line_that_is_named_counts_from_the_top_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_blocks, "BLOCK", 1000)
    path = tmp_path / "log.jsonl"
    path.write_text(f"{GOOD}\n" * 100 + "{}\n" + f"{GOOD}\n" * 9)
    with pytest.raises(RunError, match=r"log\.jsonl line 101: not a request record: request Field required"):
        read_series([path])


def test_every_field_of_a_record_is_a_column() -> None:
    assert log_blocks._schema().names == [one.name for one in dataclasses.fields(Record)]


MONITOR = """
import json, resource, sys, time
from pathlib import Path
from helpers.cli.main import main
began = time.perf_counter()
code = main(["monitor", sys.argv[1], "--json", sys.argv[2]])
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
took = time.perf_counter() - began
print(json.dumps([code, took, used.ru_utime + used.ru_stime, int(peak) * 1024]))
"""


@pytest.mark.slow
def test_a_million_records_are_monitored_in_bounded_memory(tmp_path: Path) -> None:
    """Its time is printed (-s) and not asserted, because machines are shared; its memory is bounded."""
    path, dice = tmp_path / "log.jsonl", random.Random(1)
    several = [
        attempt(0.5, 1 + dice.random(), sample=f"d{i}", summary="Ann and Bo meet at noon. " * 4) for i in range(99)
    ]
    lines = [RECORD.dump_json(record, exclude_defaults=True) + b"\n" for record in several]
    with path.open("wb") as file:
        for number in range(1_000_000):
            line = lines[number % 99].replace(b"steady-0.5", b"r%d" % number, 1)
            minutes, seconds = divmod(number // 300, 60)
            file.write(
                line.replace(b"09:00:00.500000", b"09:%02d:%02d.%06d" % (minutes, seconds, number % 300 * 3333), 1)
            )
    done = subprocess.run(
        [sys.executable, "-c", MONITOR, str(path), str(tmp_path / "out.json")],
        capture_output=True,
        timeout=240,
        check=True,
    )
    code, took, computing, memory = json.loads(done.stdout.splitlines()[-1])
    print(f"a million records in {took:.1f} s, {computing:.1f} s of computing, {memory / 1e6:.0f} MB")
    assert (code, json.loads((tmp_path / "out.json").read_text())["attempts"]) == (0, 1_000_000)
    assert memory < 1_000_000_000
