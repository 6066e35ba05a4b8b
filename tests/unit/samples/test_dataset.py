"""Samples: any file with a column mapping, and errors that name the row and the fix."""

import json
from pathlib import Path

import pandas as pd
import pytest

from helpers.core.errors import SamplesError
from helpers.params import Columns, Samples
from helpers.samples.dataset import Sample, dataset_sha256, load_samples

ROWS = [
    {"id": "a", "dialogue": "Ann: hi\nBo: 早 🙃", "summary": "They greet."},
    {"id": "b", "dialogue": "x", "summary": "y"},
]


def params(path: Path | str, **changes: object) -> Samples:
    return Samples(source=str(path), **changes)  # type: ignore[arg-type]


def written(tmp_path: Path, suffix: str) -> Path:
    path = tmp_path / f"own{suffix}"
    frame = pd.DataFrame(ROWS)
    if suffix == ".csv":
        frame.to_csv(path, index=False, encoding="utf-8-sig")
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_samples(tmp_path: Path, suffix: str) -> None:
    samples = load_samples(params(written(tmp_path, suffix)))
    assert [s.id for s in samples] == ["a", "b"]
    assert samples[0].dialogue == ROWS[0]["dialogue"]
    assert samples[0].references == ("They greet.",)


def test_the_bundled_ten_have_two_references_and_facts() -> None:
    samples = load_samples(Samples())
    assert len(samples) == 10
    assert all(len(s.references) == 2 and s.key_facts and s.domain and s.length for s in samples)


def test_columns_can_be_mapped_and_references_may_be_several(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("chat,one,two\nhello,r1,r2\nbye,r3,\n")
    columns = Columns(id=None, dialogue="chat", references=("one", "two"))
    samples = load_samples(params(path, columns=columns))
    assert [(s.id, s.references) for s in samples] == [("row-1", ("r1", "r2")), ("row-2", ("r3",))]


def test_a_seeded_subset_is_the_same_each_time_and_begins_a_larger_one() -> None:
    chosen = [s.id for s in load_samples(Samples(source="bundled:test", n=20, seed=3))]
    assert chosen == [s.id for s in load_samples(Samples(source="bundled:test", n=20, seed=3))]
    assert chosen != [s.id for s in load_samples(Samples(source="bundled:test", n=20, seed=4))]
    larger = [s.id for s in load_samples(Samples(source="bundled:test", n=90, seed=3))]
    assert larger[:20] == chosen, "who asks more goes on with what was asked"
    everyone = [s.id for s in load_samples(Samples(source="bundled:test"))]
    assert len(set(larger)) == 90
    assert set(larger) < set(everyone)


WRONG = [
    (
        "own.csv",
        "id,talk,summary\na,b,c\n",
        "no column 'dialogue'; columns are id, talk, summary; map yours with samples.columns",
    ),
    ("own.csv", "id,dialogue,sumary\na,b,c\n", r"no column 'summary' \(did you mean 'sumary'\?\)"),
    ("own.csv", "id,dialogue,summary\na,b,c\na,d,e\n", "id 'a' stands 2 times; ids must differ"),
    ("own.csv", "id,dialogue,summary\nx, ,e\n", r"row 1 \(line 2\), id x: no dialogue in column 'dialogue'"),
    ("own.csv", "", "no dialogues in it"),
    ("own.csv", "id,dialogue,summary\n", "no dialogues in it"),
    ("own.jsonl", '{"id": 1\n', r"row 1 \(line 1\): is not JSON"),
    ("own.jsonl", "1\n", r"row 1 \(line 1\): holds int; write one JSON object per line"),
    ("own.jsonl", "[1]\n", "row 1: holds int; write one JSON object per line"),
    ("own.json", "[{]\n", "row 1: the array is not JSON"),
    ("own.parquet", "PAR", "not a Parquet file"),
    ("own.txt", "x", r"of no known format; give a file ending in \.csv, \.tsv, \.jsonl.* or those with \.gz"),
    ("own.xlsx", "PK\x03\x04", "is a workbook or an archive; save the sheet as CSV"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_a_bad_file_is_named_with_the_fix(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SamplesError, match=message):
        load_samples(params(tmp_path / name))


def test_a_wrong_encoding_is_an_error_not_wrong_text(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes("id,dialogue,summary\na,café,b\n".encode("latin-1"))
    with pytest.raises(SamplesError, match=r"is not UTF-8 text \(byte 0xe9\): name the encoding .* cp1252"):
        load_samples(params(tmp_path / "own.csv"))
    assert load_samples(params(tmp_path / "own.csv", encoding="cp1252"))[0].dialogue == "café"
    with pytest.raises(SamplesError, match="'latin-one' is no encoding"):
        load_samples(params(tmp_path / "own.csv", encoding="latin-one"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "bundled:dmo"}, r"no bundled split 'dmo' \(did you mean 'demo'\?\)"),
        ({"source": "bundled:demo", "n": 11}, "samples.n=11, but only 10 dialogues are there"),
        ({"source": "/nowhere/own.csv"}, "no such file"),
    ],
)
def test_a_source_that_is_not_there_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SamplesError, match=message):
        load_samples(Samples(**changes))  # type: ignore[arg-type]


def test_a_quick_report_sends_all_of_the_demonstration_and_some_of_every_part_of_the_test() -> None:
    quick, demo, test = (load_samples(Samples(source=f"bundled:{name}")) for name in ("quick", "demo", "test"))
    assert quick[: len(demo)] == demo
    further = quick[len(demo) :]
    assert len(further) == 20
    assert set(further) <= set(test)
    assert {one.domain for one in further} == {one.domain for one in test}
    assert load_samples(Samples(source="bundled:quick", n=10)) != demo, "fewer are drawn, as of every source"


def test_the_data_hash_changes_with_a_reference() -> None:
    samples = load_samples(Samples())
    changed = (samples[0].model_copy(update={"references": ("other",)}), *samples[1:])
    assert dataset_sha256(samples) != dataset_sha256(changed)


def test_the_data_hash_is_the_one_that_manifests_already_name() -> None:
    sample = Sample(id="1", dialogue="Ann: Hello", references=("Ann greets.",))
    assert dataset_sha256((sample,)) == "7b80843c9b07a7dac9359c4d0aa1a8505b812b615f5a42137464881c0af1c4fa"
