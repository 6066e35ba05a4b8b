"""What a batch is: pasted or uploaded, readable, and not too large."""

from pathlib import Path

import pytest

from helpers.app.batch import Given, bounded, pasted, uploaded
from helpers.core.errors import InputError


def test_a_batch_is_pasted_with_blank_lines_or_uploaded(tmp_path: Path) -> None:
    assert [g.dialogue for g in pasted("A: a\nB: b\n\n \r\nC: c\n")] == ["A: a\nB: b", "C: c"]
    file = tmp_path / "rows.csv"
    file.write_bytes('\ufeffid,Dialogue\na,"A: a\nB: b"\nb,\nc,C: c,more\n,D: d\n'.encode())
    assert uploaded(file, 1000) == [
        Given("a", "A: a\nB: b"),
        Given("b", "", "line 3 has no dialogue"),
        Given("c", problem="line 4 has 3 cells, the first line has 2"),
        Given("row 5", "D: d"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,text\n1,x\n", "the file has no column 'dialogue'; its first line is: id, text"),
        (b"", "its first line is: empty"),
        (b"dialogue\n\xff\xfe\n", "the file is not UTF-8 text"),
        (b'dialogue\n"open', "the file is not readable as CSV"),
        (b"dialogue\n" + b"x" * 1000, "the file is larger than 1,000 bytes"),
    ],
)
def test_a_file_that_is_no_batch(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        uploaded(tmp_path / "rows.csv", 1000)


@pytest.mark.parametrize(("n", "message"), [(0, "there is no dialogue yet"), (3, "3 dialogues are too many at once")])
def test_a_batch_has_bounds(n: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bounded([Given("a", "A: a")] * n, 2)
