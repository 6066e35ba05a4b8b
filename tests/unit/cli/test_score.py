import argparse
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from helpers.cli import score
from helpers.cli.main import main
from helpers.core.errors import InputError

Rows = list[dict[str, Any]]
GOOD = [{"id": "a", "p": "Ana pays.", "r": "Ana pays Ben."}, {"id": "b", "p": "Ben is paid.", "r": "Ben gets paid."}]


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    score.add_arguments(parser)
    return parser.parse_args(["--processes", "1", *arguments])


def score_file(path: Path, *arguments: str, prediction: str = "p") -> dict[str, Any]:
    out = path.with_name("out.json")
    reference = () if "--reference" in arguments else ("--reference", "r")
    assert score.run(parse(str(path), "--prediction", prediction, *reference, *arguments, "--json", str(out))) == 0
    return dict(json.loads(out.read_text(encoding="utf-8")))


@pytest.fixture
def jsonl(tmp_path: Path) -> Any:
    def write(rows: Rows) -> Path:
        path = tmp_path / "p.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def test_the_example_file_is_scored_with_all_its_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(score.EXAMPLE.read_bytes())
    columns = ("--id", "id", "--dialogue", "dialogue", "--group", "domain", "--baseline", "baseline")
    references = ("--reference", "reference", "--reference", "reference_2", "--key-facts", "key_facts")
    report = score_file(path, *columns, *references, prediction="summary")
    assert report["n"] == 6
    assert "nrefs:var" in report["signature"]
    assert set(report["metrics"]) >= {"rouge1", "rouge2", "rougeL", "rougeLsum", "key_fact_recall", "compression"}
    for estimate in report["metrics"].values():
        assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"]
    assert {name: group["n"] for name, group in report["groups"].items()} == {"club": 2, "home": 2, "work": 2}
    assert report["failures"] == dict.fromkeys(report["failures"], 0) | {"empty": 1}
    worse = {"cut_off": 1, "loop": 1, "unknown_person": 1, "unspoken_number": 1}
    assert report["baseline"]["failures"] == dict.fromkeys(report["failures"], 0) | worse
    assert set(report["paired"]["rougeL"]) >= {"difference", "low", "high", "p_value"}
    difference = report["metrics"]["rougeL"]["value"] - report["baseline"]["metrics"]["rougeL"]["value"]
    assert report["paired"]["rougeL"]["difference"] == pytest.approx(difference)
    assert set(report["not_measured"]) == {"semantic_similarity", "bertscore_f1"}
    text = capsys.readouterr().out
    for expected in (
        "6 predictions\nsignature of the scores: rouge|nrefs:var",
        "group club (n = 2)",
        "failures: empty 1",
        "prediction - base",
    ):
        assert expected in text


def test_the_help_shows_the_example() -> None:
    parser = argparse.ArgumentParser()
    score.add_arguments(parser)
    assert score.EXAMPLE.name in parser.format_help()


def test_what_was_not_given_is_named_not_skipped(jsonl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report = score_file(jsonl(GOOD))
    assert set(report["failures"]) == {"empty", "missing_value", "too_long", "cut_off", "head_lost", "loop"}
    assert report["not_measured"]["unknown_person"] == "no --dialogue column"
    assert "key_fact_recall: no --key-facts column" in capsys.readouterr().out


def test_json_on_standard_output(jsonl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    score.run(parse(str(jsonl(GOOD)), "--prediction", "p", "--reference", "r", "--json", "-"))
    assert json.loads(capsys.readouterr().out)["n"] == 2


@pytest.mark.parametrize("missing", [None, "", " "])
def test_a_missing_prediction_scores_0_and_counts_as_empty(jsonl: Any, missing: str | None) -> None:
    report = score_file(jsonl([*GOOD, {"id": "c", "p": missing, "r": "Ana pays."}]))
    assert report["failures"]["empty"] == 1
    whole = score_file(jsonl(GOOD))["metrics"]["rouge1"]["value"]
    assert report["metrics"]["rouge1"]["value"] == pytest.approx(whole * 2 / 3)


def test_a_row_without_the_column_is_set_aside_and_counted(jsonl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report = score_file(jsonl([{"r": "Ana pays."}, *GOOD]))
    assert (report["n"], report["failures"]["empty"]) == (2, 0)
    assert (report["input"]["rows"], report["input"]["set_aside"]) == (3, {"no column 'p'": 1})
    told = capsys.readouterr().err
    assert "p.jsonl: 1 of 3 rows set aside: no column 'p' (1)" in told
    assert "p.jsonl row 1 (line 1): no column 'p'" in told


def test_references_may_be_lists_and_differ_in_number(jsonl: Any) -> None:
    report = score_file(jsonl([{"p": "Ana pays.", "r": ["No.", "Ana pays."]}, {"p": "Ana pays.", "r": ["Ana pays."]}]))
    assert report["metrics"]["rouge1"]["value"] == 1
    assert "nrefs:var" in report["signature"]


def test_huge_cells(jsonl: Any) -> None:
    rows = [*GOOD, {"id": "c", "p": "word " * 180_000, "r": "Ana pays. " * 50}]
    report = score_file(jsonl([row | {"d": "Ana: I pay. " * 400_000} for row in rows[:1]]), "--dialogue", "d")
    assert report["failures"]["unknown_person"] == 0
    report = score_file(jsonl(rows), "--id", "id")
    assert report["failures"]["too_long"] == 1
    assert report["metrics"]["rouge1"]["low"] is None  # three are too few
    rows[2]["r"] = "Ana pays."
    assert score_file(jsonl(rows))["failures"] | {"loop": 1, "too_long": 0} == score_file(jsonl(rows))["failures"]


CSV = b"id,p,r\n"
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "content",
    [
        BOM + CSV + b"a,Ana pays.,Ana pays.\n",
        CSV + b'a,"Ana\npays.","Ana ""pays""."\r\n\r\n',
        b'id,"p",r,other\na,Ana pays.,Ana pays.,' + b"x" * 5_000_000,
    ],
    ids=["BOM", "quoted newline", "5 MB cell"],
)
def test_unusual_csv_is_scored_right(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    report = score_file(path, "--id", "id")
    assert (report["n"], report["metrics"]["rougeL"]["value"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", CSV + b"a,x,y\nb,x\n", r"p\.csv row 2 \(line 3\): has 2 cells, the header 3"),
        ("p.csv", CSV + b"a,x,y\nb,x, y, z\n", r"row 2 \(line 3\): has 4 cells"),
        ("p.csv", CSV + b'a,x,y\nb,"x,y\nz', r"row 2 \(line 4\): is not CSV: unexpected end of data"),
        (
            "p.csv",
            CSV + b"a,caf\xe9,y\n",
            r"is not UTF-8 text \(byte 0xe9\): name the encoding it is in, as --encoding",
        ),
        ("p.csv", CSV + b'"a\nb",x,y\na,x, \n', r"row 2 \(line 4\): no reference in column 'r'"),
        ("p.csv", CSV + b"a,x,y\n,x,y\n", r"row 2 \(line 3\): no id in column 'id'"),
        ("p.csv", CSV + b"a,x,y\nb,x,y\na,x,y\n", r"row 3 \(line 4\): id 'a' is also in row 1 \(line 2\)"),
        ("p.csv", b"id,p,p,r\na,x,y,z\n", r"p\.csv header: 'p' stands twice; rename one of each"),
        ("p.csv", b"id;q;r\na;x;y\n", r"p\.csv: no column 'p'.*columns are id, q, r"),
        ("p.csv", b"id,p,ref\na,x,y\n", r"no column 'r' \(did you mean 'ref'\?\)"),
        ("p.csv", CSV, "p.csv: holds no rows"),
        ("p.csv", b"", "p.csv: holds no rows"),
        ("p.jsonl", b'{"id": 1, "p": "x", "r": "y"}\n\n{"id"\n', r"row 2 \(line 3\): is not JSON"),
        ("p.jsonl", b'{"id": 1, "p": "x", "r": "y"}\n[1]\n', r"row 2 \(line 2\): holds list; write one JSON object"),
        ("p.jsonl", b'{"id": 1, "p": ["x"], "r": "y"}\n', r"column 'p' holds list"),
        ("p.jsonl", b'{"id": {}, "p": "x", "r": "y"}\n', r"column 'id' holds dict"),
        ("p.jsonl", b'{"id": 1, "p": "x", "r": null}\n', "row 1 .line 1.: no reference"),
        ("p.txt", b"", "p.txt: of no known format"),
    ],
)
def test_an_unusable_file_is_refused_by_row(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        score_file(path, "--id", "id", "--strict")
    assert not (tmp_path / "out.json").exists()


def test_all_problems_are_told_at_once(jsonl: Any) -> None:
    with pytest.raises(InputError, match="and 30 more problems") as told:
        score_file(jsonl([{"p": "x", "r": ""}] * 50))
    assert len(told.value.problems) == 21


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes", "0"], "--processes 0: give 1 or more"),
        (["--group", "g"], "no column 'g'"),
        (["--nli-model", "folder"], "--nli-model: it asks what the dialogue entails; give --dialogue COL"),
        (["--baseline", "base"], "no column 'base'"),
        (["--dialogue", "id", "--group", "g"], "no column 'g'"),
    ],
)
def test_an_unusable_argument(jsonl: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_file(jsonl(GOOD), *arguments)


def test_missing_dialogues_and_groups_are_refused(jsonl: Any) -> None:
    rows = [GOOD[0] | {"d": "Ana: I pay.", "g": 1}, GOOD[1] | {"d": " ", "g": None}]
    rows += [GOOD[1] | {"d": "Ben: So.", "g": None}]
    with pytest.raises(InputError, match=r"row 2 .*no dialogue in column 'd'\n.*row 3 .*no group in column 'g'"):
        score_file(jsonl(rows), "--dialogue", "d", "--group", "g", "--strict")
    assert score_file(jsonl(rows), "--dialogue", "d", "--group", "g")["n"] == 1


def test_files_that_cannot_be_read_or_written(tmp_path: Path, jsonl: Any) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        score_file(tmp_path / "nowhere.csv")
    arguments = [str(jsonl(GOOD)), "--prediction", "p", "--reference", "r", "--json"]
    with pytest.raises(InputError, match="no such folder; create it first"):
        score.run(parse(*arguments, str(tmp_path / "no" / "out.json")))
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        score.run(parse(*arguments, str(tmp_path)))


def test_the_example_has_the_columns_its_readers_need() -> None:
    with score.EXAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert any("\n" in row["dialogue"] and '"' in row["dialogue"] for row in rows)
    assert sum(not row["summary"] for row in rows) == 1


def test_a_secret_in_an_id_a_group_or_an_argument_is_redacted(
    jsonl: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "s3cret-value")
    rows = [row | {"g": f"team s3cret-value {place}"} for place, row in enumerate(GOOD)]
    rows.append({"id": "s3cret-value", "p": "x", "r": "", "g": "g"})
    path = jsonl(rows)
    arguments = ["score", str(path), "--prediction", "p", "--reference", "r", "--id", "id", "--group", "g"]
    assert main([*arguments, "--json", str(path.with_name("out.json"))]) == 0
    assert main([*arguments, "--json", "-"]) == 0
    with pytest.raises(SystemExit):
        main([*arguments, "--no-such-option", "s3cret-value"])
    assert main(["score", "s3cret-value.csv", "--prediction", "p", "--reference", "r"]) == 2
    told = capsys.readouterr()
    assert "team [redacted] 0" in told.out
    assert "s3cret-value" not in told.out + told.err + path.with_name("out.json").read_text()
