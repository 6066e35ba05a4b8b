"""One reader: every format and encoding gives the rows that another program wrote, or says what is wrong with a row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from helpers.core.errors import SamplesError
from helpers.samples.readers import read_rows

ROWS = [{"id": "a", "dialogue": "Ann: hi; Bo,\nBo: 早 “yes”"}, {"id": "b", "dialogue": "Zoë: no"}]


def table(separator: str = ",", ends: str = "\r\n") -> str:
    file = io.StringIO(newline="")
    rows = csv.DictWriter(file, ["id", "dialogue"], delimiter=separator, lineterminator=ends)
    rows.writeheader()
    rows.writerows(ROWS)
    return file.getvalue()


LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
READ: dict[str, tuple[str, bytes]] = {
    "comma": ("t.csv", table().encode()),
    "semicolon": ("t.csv", table(";").encode()),
    "tab": ("t.tsv", table("\t").encode()),
    "separator named": ("t.csv", b"sep=;\r\n" + table(";").encode()),
    "tab named": ("t.csv", b"sep=\t\r\n" + table("\t").encode()),
    "CR ends": ("t.csv", table(ends="\r").encode()),
    "blank lines": ("t.csv", b"\r\n\r\n" + table().encode() + b"\r\n,\r\n"),
    "BOM": ("t.CSV", table().encode("utf-8-sig")),
    "UTF-16": ("t.csv", table().encode("utf-16")),
    "UTF-16 without a mark": ("t.csv", table().encode("utf-16-le")),
    "UTF-32": ("t.csv", table().encode("utf-32")),
    "gzip": ("t.csv.gz", gzip.compress(table().encode())),
    "gzip by content": ("t.csv", gzip.compress(table().encode())),
    "empty last columns": ("t.csv", table().replace("dialogue", "dialogue,,").encode()),
    "JSON Lines": ("t.jsonl", LINES.encode("utf-8-sig")),
    "JSON Lines, CR and blank": ("t.ndjson", LINES.replace("\n", "\r\n\r\n").encode()),
    "JSON array": ("t.json", json.dumps(ROWS).encode()),
    "JSON array over lines": ("t.json", json.dumps(ROWS, indent=2).encode("utf-16")),
    "lines called JSON": ("t.json.gz", gzip.compress(LINES.encode())),
    "rows in an object": ("t.json", json.dumps({"version": "1", "data": ROWS}, indent=1).encode()),
    "rows by id": ("t.json", json.dumps({row["id"]: {"dialogue": row["dialogue"]} for row in ROWS}, indent=1).encode()),
    "no telling name": ("rows", LINES.encode()),
}


@pytest.mark.parametrize(("name", "content"), READ.values(), ids=READ)
def test_every_format_is_read(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert [dict(row.cells) for row in read_rows(path)] == ROWS


def test_an_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,p\n1,Zoë can’t\n".encode("cp1252"))
    assert [row.cells["p"] for row in read_rows(path, "cp1252")] == ["Zoë can’t"]
    path.write_bytes("id,p\n1,Zoë can’t\n".encode("utf-8-sig"))
    assert [row.cells["p"] for row in read_rows(path, "cp1252")] == ["Zoë can’t"], "a mark in the file is right"


def test_an_array_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.samples.readers._BLOCK", 7)
    path = tmp_path / "t.json"
    rows: list[dict[str, Any]] = [{"id": n, "p": "x" * (n * 5), "turns": [{"a": "]}"}]} for n in range(20)]
    path.write_text(json.dumps(rows))
    assert [row.cells for row in read_rows(path)] == rows


@pytest.mark.parametrize(
    ("name", "text", "place", "problem"),
    [
        ("t.csv", "a,b\n1,2\n3\n4,5\n", "row 2 (line 3)", "has 1 cells, the header 2"),
        ("t.csv", 'a,b\n1,2\n"x"y,3\n4,5\n', "row 2 (line 3)", "is not CSV: ',' expected after '\"'"),
        ("t.csv", "a,b\n1,2\n3,4,5\n6,7\n", "row 2 (line 3)", "has 3 cells, the header 2"),
        ("t.jsonl", '{"a": 1}\n\n{"a"\n{"a": 2}\n', "row 2 (line 3)", "is not JSON"),
        ("t.jsonl", '{"a": 1}\n[2]\n{"a": 2}\n', "row 2 (line 2)", "holds list; write one JSON object per line"),
        ("t.jsonl", '{"a": 1}\n{"a": 1} {"a": 1}\n{"a": 2}\n', "row 2 (line 2)", "Extra data"),
        ("t.jsonl", '{"a": 1\n{"a": 1}\n{"a": 2}\n', "row 1 (line 1)", "is not JSON"),
    ],
)
def test_a_broken_row_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, text: str, place: str, problem: str
) -> None:
    (tmp_path / name).write_text(text)
    broken = [row for row in read_rows(tmp_path / name) if row.problem]
    assert [row.place for row in broken] == [place]
    assert problem in broken[0].problem
    assert sum(not row.problem for row in read_rows(tmp_path / name)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a\n1,2,3\n", "t.csv header: 'a' stands twice"),
        ('a,b\n1,"2\n3,4\n5,6\n', r"t.csv row 1 \(line 4\): is not CSV: unexpected end of data"),
        ('a,b\n1,"2\n3,"4\n5,6\n', r"t.csv row 1 \(line 3\): is not CSV: ',' expected"),
    ],
)
def test_what_makes_all_rows_doubtful_refuses_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SamplesError, match=message):
        list(read_rows(tmp_path / "t.csv"))


def test_a_number_that_is_none_is_a_missing_value(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": NaN, "b": 1.5}\n')
    assert [dict(row.cells) for row in read_rows(tmp_path / "t.jsonl")] == [{"a": None, "b": 1.5}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv.gz", gzip.compress(table().encode(), mtime=0)[:20], "cannot be read: Compressed file ended"),
        ("t.parquet", b"PAR1 and no more", "not a Parquet file"),
        ("t.xlsx", b"PK\x03\x04", "save the sheet as CSV"),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SamplesError, match=message):
        list(read_rows(tmp_path / name))
