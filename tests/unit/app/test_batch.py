"""What a batch is: pasted or uploaded, readable, and not too large."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from helpers.app.batch import Given, bounded, pasted, uploaded
from helpers.core.errors import InputError
from helpers.params import App

CASES = Path(__file__).parents[2] / "cases" / "files"
SMALL = App(max_upload_bytes=1000, max_rows=3)


def test_a_batch_is_pasted_with_blank_lines_or_uploaded(tmp_path: Path) -> None:
    assert [g.dialogue for g in pasted("A: a\nB: b\n\n \r\nC: c\n")] == ["A: a\nB: b", "C: c"]
    file = tmp_path / "rows.csv"
    file.write_bytes('\ufeffid,Dialogue\na,"A: a\nB: b"\nb,\nc,C: c,more\n,D: d\ne,E: e\n'.encode())
    assert uploaded(file, App()) == [
        Given("a", "A: a\nB: b"),
        Given("b", "", "row 2 (line 4): no dialogue in column 'Dialogue'"),
        Given(
            "row 3 (line 5)",
            problem="row 3 (line 5): has 3 cells, the header 2; quote cells that hold separators or line breaks",
        ),
        Given("row 4 (line 6)", problem="row 4 (line 6): no id in column 'id'"),
        Given("e", "E: e"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "encoding", "dialogue"),
    [
        ("excel.csv", "\ufeffid,dialogue\r\n1,Zoë: can’t come\r\n".encode(), "utf-8", "Zoë: can’t come"),
        ("semicolons.csv", b"id;dialogue\n1;Zoe: yes, at noon\n", "utf-8", "Zoe: yes, at noon"),
        ("tabs.csv", b"sep=\t\nid\tdialogue\n1\tZoe: yes\n", "utf-8", "Zoe: yes"),
        ("windows.csv", "id,dialogue\n1,Zoë: can’t come\n".encode("cp1252"), "cp1252", "Zoë: can’t come"),
        ("utf16.csv", "id,dialogue\n1,Zoë: can’t come\n".encode("utf-16"), "utf-8", "Zoë: can’t come"),
        ("lines.jsonl", b'{"id": 1, "dialogue": "Zoe: yes"}\n', "utf-8", "Zoe: yes"),
        ("array.json", b'[{"id": 1, "dialogue": "Zoe: yes"}]', "utf-8", "Zoe: yes"),
        ("turns.jsonl", (CASES / "turns.jsonl").read_bytes(), "utf-8", "user: Can we move lunch?"),
        ("turns.parquet", (CASES / "turns.parquet").read_bytes(), "utf-8", ""),
    ],
)
def test_a_file_is_read_as_every_verb_reads_it(
    tmp_path: Path, name: str, content: bytes, encoding: str, dialogue: str
) -> None:
    (tmp_path / name).write_bytes(content)
    first, *_ = uploaded(tmp_path / name, App(), encoding)
    assert (first.name, first.problem) == ("1", "")
    assert first.dialogue.startswith(dialogue)
    assert first.dialogue


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\n1,x\n", "the file: no column 'dialogue'; columns are id, text$"),
        (b"", "the file: no dialogues in it"),
        (b"id,dialogue\na,A: \xe9\n", "the file is not utf-8 text; choose its encoding"),
        (b'dialogue\n"open\nA: a\n', "the file row 1 .* is not CSV"),
        (b"dialogue\n" + b"x" * 1000, "the file is larger than 1,000 bytes"),
        (b"\x1f\x8b" + bytes(20), "the file is packed; upload what is in it"),
        (b"PK\x03\x04" + bytes(20), "the file: is a workbook or an archive; save the sheet as CSV"),
        (b"PAR1" + bytes(20), "the file: not a Parquet file"),
        (b"dialogue\nA: a\nB: b\nC: c\nD: d\nE: e\n", "4 dialogues are too many at once; at most 3 can be sent"),
    ],
)
def test_a_file_that_is_no_batch(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        bounded(uploaded(tmp_path / "rows.csv", SMALL), SMALL.max_rows)


def test_a_small_file_that_unpacks_into_a_large_one_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pa.table({"dialogue": ["A: " + "a" * 10_000_000]}), path, compression="zstd")
    with pytest.raises(InputError, match=r"the file holds 1 rows of 10,\d{3},\d{3} bytes"):
        uploaded(path, App())


@pytest.mark.parametrize(("n", "message"), [(0, "there is no dialogue yet"), (3, "3 dialogues are too many at once")])
def test_a_batch_has_bounds(n: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounded([Given("a", "A: a")] * n, 2)
