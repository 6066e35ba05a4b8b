"""Whatever texts a file holds: written by another library in any format, they are read back as they were."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.core.errors import SamplesError
from helpers.core.text import cleaned, cleaned_name
from helpers.params import Samples
from helpers.samples.dataset import load_samples
from helpers.samples.readers import read_rows

Rows = list[dict[str, Any]]

#: Any text that a file can hold, also one that looks like other things; quotes, separators and line ends often.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.text(
    " \"',;\t|\n\r=[]{}<br>é早\u2028", max_size=12
)
WORDS = TEXT.map(lambda text: f"Ann: {text}.")
NAMES = st.sampled_from(["id", "dialogue", "summary", "x y", "é", "早", 'a"b', "c,d"])


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[Any] = TEXT) -> Rows:
    """Draw rows of at least two columns; no row is empty, which a CSV file could not tell from no row."""
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    rows: Rows = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, cells)), min_size=1, max_size=4))
    for place, row in enumerate(rows):
        row[names[0]] = f"{place}{row[names[0]] or ''}"
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def read(path: Path, encoding: str | None = None) -> Rows:
    found = list(read_rows(path, encoding))
    assert [row.problem for row in found] == [""] * len(found)
    return [dict(row.cells) for row in found]


def bare(rows: Rows) -> Any:
    """Return how cells are quoted: the writer leaves a lone CR bare, which is the end of a line to every reader."""
    return csv.QUOTE_ALL if any("\r" in str(cell) for row in rows for cell in row.values()) else csv.QUOTE_MINIMAL


@settings(max_examples=60, deadline=None)
@given(
    tables(), st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(["\n", "\r\n"]), st.sampled_from([None, "gzip"]),
)  # fmt: skip
def test_csv(folder: Path, rows: Rows, separator: str, encoding: str, ends: str, packed: Any) -> None:
    path = folder / ("t.csv.gz" if packed else "t.csv")
    frame = pd.DataFrame(rows)
    frame.to_csv(
        path, index=False, sep=separator, encoding=encoding, lineterminator=ends, compression=packed, quoting=bare(rows)
    )
    if any(mark in "".join(rows[0]) for mark in ",;\t|"):
        return  # a header in which another separator gives as many columns may be read either way
    assert read(path, encoding) == rows


@settings(max_examples=60, deadline=None)
@given(tables(TEXT | st.none() | st.integers(-9, 9) | st.booleans()), st.booleans(), st.booleans())
def test_json(folder: Path, rows: Rows, lines: bool, ascii_only: bool) -> None:
    path = folder / ("t.jsonl" if lines else "t.json")
    frame = pd.DataFrame(rows, dtype=object)
    frame.to_json(path, orient="records", lines=lines, force_ascii=ascii_only, indent=None if lines else 1)
    assert read(path) == rows


TURNS = st.lists(st.fixed_dictionaries({"role": TEXT, "content": TEXT | st.none()}), max_size=3)


@settings(max_examples=60, deadline=None)
@given(tables(TEXT | st.none()), st.lists(TURNS, min_size=4, max_size=4), st.sampled_from(["snappy", "gzip", "none"]))
def test_parquet(folder: Path, rows: Rows, turns: list[Rows], compression: str) -> None:
    path = folder / "t.parquet"
    rows = [row | {"turns": said} for row, said in zip(rows, turns, strict=False)]
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema([(name, kind if name == "turns" else pa.string()) for name in rows[0]])
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema), path, compression=compression)
    assert read(path) == rows


def csv_file(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, quoting=bare(frame.to_dict("records")))


def jsonl_file(frame: pd.DataFrame, path: Path) -> None:
    frame.to_json(path, orient="records", lines=True)


def parquet_file(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path)


@pytest.mark.parametrize(("name", "write"), [("t.csv", csv_file), ("t.jsonl", jsonl_file), ("t.parquet", parquet_file)])
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4))
@example([("Ann: a\0b\x1b\u202e\r\nBo: <br>c", "Ann: \ufeff")])
def test_every_sample_is_there_whatever_its_texts(
    folder: Path, name: str, write: Callable[[pd.DataFrame, Path], None], texts: list[tuple[str, str]]
) -> None:
    rows = [{"id": f"r{n}", "dialogue": said, "summary": told} for n, (said, told) in enumerate(texts)]
    write(pd.DataFrame(rows), folder / name)
    samples = load_samples(Samples(source=str(folder / name)))
    assert [sample.id for sample in samples] == [row["id"] for row in rows]
    for sample in samples:
        for text in (sample.id, sample.dialogue, *sample.references):
            assert cleaned(text) == (text, 0)
        assert cleaned_name(sample.id) == (sample.id, 0)
    assert [sample.references for sample in samples] == [(cleaned(told)[0],) for _, told in texts]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.jsonl", "t.json", "t.parquet", "t.csv.gz", "t"]))
def test_no_bytes_end_in_a_traceback(folder: Path, content: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(content)
    with suppress(SamplesError):
        list(read_rows(path))
