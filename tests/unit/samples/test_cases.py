"""Files as people have them, each with the right outcome: read, set aside and counted, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.cli.main import main
from helpers.core.errors import SamplesError
from helpers.core.paths import PROJECT
from helpers.params import Samples
from helpers.samples.dataset import load_samples, load_source
from helpers.samples.recorded import read_recorded

CASES = PROJECT / "tests" / "cases" / "files"


def score(name: str, tmp_path: Path, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    columns = ("--prediction", "prediction", "--reference", "summary", "--processes", "1")
    assert main(["score", str(CASES / name), *columns, *arguments, "--json", str(out)]) == 0
    return dict(json.loads(out.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["chinese.csv", "chinese-only.csv"])
def test_chinese_is_segmented_and_a_shared_digit_decides_nothing(name: str, tmp_path: Path) -> None:
    report = score(name, tmp_path)
    assert 0.5 <= report["metrics"]["rouge1"]["value"] < 0.6, "the first is equal, the second shares a 3 or nothing"
    assert report["metrics"]["rouge2"]["value"] == pytest.approx(0.5, abs=0.01)
    assert "|tok:unicode|" in report["signature"]
    assert report["tokenizer"]["rouge_score_sees"] < 0.2
    assert all(sample.references for sample in load_samples(Samples(source=str(CASES / name))))


def test_umlauts_are_letters(tmp_path: Path) -> None:
    assert score("german.csv", tmp_path)["metrics"]["rouge1"]["value"] < 0.5
    old = score("german.csv", tmp_path, "--tokenizer", "rouge_score")
    assert old["metrics"]["rouge1"]["value"] == 1
    assert "|tok:rouge_score|" in old["signature"]


def test_a_doubled_column_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(CASES / "doubled-header.csv")
    assert main(["score", path, "--prediction", "prediction", "--reference", "summary"]) == 2
    assert "doubled-header.csv header: 'summary' stands twice" in capsys.readouterr().err
    with pytest.raises(SamplesError, match="'summary' stands twice"):
        load_samples(Samples(source=path))


def test_a_short_row_is_named_and_the_others_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = score("short-row.csv", tmp_path)
    assert (report["n"], report["metrics"]["rouge1"]["value"]) == (1, 1)
    assert report["input"]["set_aside"] == {"not readable as a row": 1}
    assert "short-row.csv row 2 (line 3): has 2 cells, the header 4" in capsys.readouterr().err
    source = load_source(Samples(source=str(CASES / "short-row.csv")))
    assert [sample.id for sample in source.samples] == ["0"]
    assert source.intake.aside == 1
    with pytest.raises(SamplesError, match=r"row 2 \(line 3\): has 2 cells"):
        load_source(Samples(source=str(CASES / "short-row.csv"), strict=True))


def test_a_spreadsheets_empty_column_shifts_nothing(tmp_path: Path) -> None:
    report = score("trailing-comma.csv", tmp_path, "--id", "id", "--dialogue", "dialogue")
    assert (report["n"], report["metrics"]["rougeL"]["value"], report["input"]["set_aside"]) == (3, 1, {})
    samples = load_samples(Samples(source=str(CASES / "trailing-comma.csv")))
    assert samples[0].dialogue == "Ann: Hi Ben.\nBen: Hi, lunch at 12?\nAnn: Yes."
    assert samples[0].references == ("Ann and Ben have lunch at 12.",)


def test_ids_that_are_the_same_number_are_the_same() -> None:
    recorded = read_recorded(CASES / "float-ids-pred.csv")
    samples = load_samples(Samples(source=str(CASES / "float-ids.csv")))
    assert [recorded.summary(sample.id) for sample in samples] == ["They greet.", "Tom leaves."]


def test_nothing_to_summarise_is_set_aside(tmp_path: Path) -> None:
    source = load_source(Samples(source=str(CASES / "empty-dialogue.jsonl")))
    assert [sample.id for sample in source.samples] == ["2"]
    assert source.intake.set_aside == {"nothing to summarise": 1}


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("nul-pred.jsonl", "prediction", "Ann is␀ happy ␛[31m <script>alert(1)</script> {{7*7}}"),
        ("surrogate-pred.jsonl", "prediction", "Ann is happy �"),
        ("surrogate.jsonl", "dialogue", "Ann: great �\nBen: ok"),
        ("nul-formula.jsonl", "prediction", '␀=HYPERLINK("http://evil","x")'),
    ],
)
def test_what_may_not_be_shown_is_replaced_visibly_and_counted(
    name: str, field: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = CASES / name
    if field == "prediction":
        recorded = read_recorded(path)
        assert [answer.summary for answer in recorded] == [expected]
        assert recorded.intake.replaced >= 1
        assert score(name, tmp_path)["input"]["replaced"] >= 1
    else:
        source = load_source(Samples(source=str(path)))
        assert (source.samples[0].dialogue, source.intake.replaced) == (expected, 1)
        assert score(name, tmp_path, "--dialogue", "dialogue")["n"] == 1
    told = capsys.readouterr()
    assert not set(told.out + told.err) & set("\0\x1b")


@pytest.mark.parametrize("name", ["turns.jsonl", "turns-str.jsonl", "turns.parquet"])
def test_turns_are_lines(name: str, tmp_path: Path) -> None:
    (sample,) = load_samples(Samples(source=str(CASES / name)))
    expected = {
        "turns.jsonl": "user: Can we move lunch?\nassistant: Yes, to 1 pm.",
        "turns-str.jsonl": "Ann: Can we move lunch?\nBen: Yes, to 1 pm.",
        "turns.parquet": "user: hi",
    }
    assert sample.dialogue == expected[name]
    if name != "turns.parquet":  # which holds no prediction
        assert score(name, tmp_path, "--dialogue", "dialogue")["failures"]["unspoken_number"] == 0


@pytest.mark.parametrize(
    ("name", "rouge1"),
    [("array.json", 1), ("excel-bom.csv", None), ("excel-semicolon.csv", None), ("sep-line.csv", 1)],
)
def test_what_programs_write_is_read(name: str, rouge1: float | None, tmp_path: Path) -> None:
    report = score(name, tmp_path)
    assert (report["n"], report["input"]["set_aside"]) == (1, {})
    assert rouge1 in (None, report["metrics"]["rouge1"]["value"])


def test_another_encoding_is_refused_with_how_to_give_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--prediction", "prediction", "--reference", "summary"]
    assert main(["score", str(CASES / "excel-cp1252.csv"), *columns]) == 2
    assert "is not UTF-8 text (byte 0xeb): name the encoding it is in, as --encoding" in capsys.readouterr().err
    assert score("excel-cp1252.csv", tmp_path, "--encoding", "cp1252")["metrics"]["rouge1"]["value"] > 0.5


def test_signs_are_empty_and_the_names_of_missing_values_are_flagged(tmp_path: Path) -> None:
    dots, missing = score("dots.csv", tmp_path), score("nan-strings.csv", tmp_path)
    assert (dots["n"], dots["failures"]["empty"], dots["metrics"]["rouge1"]["value"]) == (5, 4, 0.2)
    assert (missing["n"], missing["failures"]["missing_value"]) == (4, 4)


def test_one_reference_does_not_refuse_the_others(tmp_path: Path) -> None:
    emoji, long = score("emoji-ref.csv", tmp_path), score("long-reference.jsonl", tmp_path, "--dialogue", "dialogue")
    assert (emoji["n"], emoji["input"]["set_aside"]) == (1, {"no word in the reference in column 'summary'": 1})
    assert (long["n"], long["input"]["set_aside"], long["failures"]["too_long"]) == (3, {}, 0)
    assert len(load_samples(Samples(source=str(CASES / "long-reference.jsonl")))) == 3


def test_a_list_in_a_cell_is_two_references(tmp_path: Path) -> None:
    report = score("refstr-in-csv.csv", tmp_path)
    assert "|nrefs:2|" in report["signature"]
    assert report["metrics"]["rouge1"]["value"] == pytest.approx(2 * 2 / 6)


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("missing-key.jsonl", (), "no column 'prediction'"),
        ("missing-id.jsonl", ("--id", "id"), "no column 'id'"),
    ],
)
def test_what_a_row_lacks_is_counted(name: str, arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    report = score(name, tmp_path, *arguments)
    assert (report["n"], report["input"]["set_aside"]) == (1, {reason: 1})
    assert (len(read_recorded(CASES / name)), read_recorded(CASES / name).intake.aside) == (1, 1)
    assert (
        main(
            ["score", str(CASES / name), "--prediction", "prediction", "--reference", "summary", *arguments, "--strict"]
        )
        == 2
    )
