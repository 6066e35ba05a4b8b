"""Reviews: what is put before readers, what they bring back, and which files are told apart."""

import json
from pathlib import Path

import pytest

from helpers.cli.main import main
from helpers.core.errors import InputError
from helpers.runs.results.base import ERROR_LABELS
from helpers.runs.review_summary import summarise_review
from helpers.runs.reviews import (
    MOST,
    Preference,
    Ratings,
    Review,
    SummaryReading,
    find_review,
    keep_review,
    make_review,
    of_summaries,
    open_ratings,
    read_ratings,
    reading_lines,
    sha256,
    taken_in,
)
from tests.review_runs import finished_run, saved

TEXTS = {f"d-{place:02}": f"Ana and Ben settle item {place} at once." for place in range(12)}


@pytest.fixture
def review(tmp_path: Path) -> Review:
    run = finished_run(tmp_path, "first", TEXTS)
    made = make_review([run])
    keep_review(run, made)
    return made


@pytest.fixture
def pair(tmp_path: Path) -> Review:
    runs = [finished_run(tmp_path, name, {id: f"{text} {name}" for id, text in TEXTS.items()}) for name in ("a", "b")]
    made = make_review(runs)
    for run in runs:
        keep_review(run, made)
    return made


def test_the_order_is_seeded_and_the_sides_are_exchanged_by_chance(pair: Review, tmp_path: Path) -> None:
    run = finished_run(tmp_path, "again", TEXTS)
    assert make_review([run]) == make_review([run])
    assert make_review([run]).put != make_review([run], seed=1).put
    assert [put.id for put in make_review([run]).put] != list(TEXTS)
    assert {put.order for put in pair.put} == {(0, 1), (1, 0)}
    assert all(put.texts[side].endswith("ab"[run]) for put in pair.put for side, run in enumerate(put.order))
    assert len(make_review([run], n=5).put) == 5


def test_a_review_holds_five_hundred(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "many", {f"m-{place}": "Settled." for place in range(MOST + 20)})
    assert len(make_review([run]).put) == MOST == 500


def test_what_cannot_be_reviewed_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"privacy\.text"):
        make_review([finished_run(tmp_path, "hidden", TEXTS, texts=False)])
    with pytest.raises(InputError, match="no dialogue was summarised by both"):
        make_review([finished_run(tmp_path, "x", {"a": "A."}), finished_run(tmp_path, "y", {"b": "B."})])


def test_ratings_come_back_with_words_and_without_names(review: Review, tmp_path: Path) -> None:
    file = open_ratings(saved(tmp_path / "f.json", review))
    ratings, said = taken_in(Ratings(), file, review, "f.json", "person")
    assert said == "f.json: 12 ratings of reader 1"
    assert "Vera" not in ratings.model_dump_json()
    assert "x1" not in ratings.model_dump_json()
    assert {one.words for one in ratings.readings} == {("Ana", "Ben")}
    assert of_summaries(ratings.readings, TEXTS) == ratings.readings
    assert of_summaries(ratings.readings, dict.fromkeys(TEXTS, "another text")) == ()
    found = summarise_review(ratings.readings)
    assert found.shares["usable"].value == pytest.approx(11 / 12)
    assert found.shares["usable"].n == 12


def test_the_preferred_run_is_found_whatever_its_side(pair: Review, tmp_path: Path) -> None:
    file = open_ratings(saved(tmp_path / "f.json", pair))
    ratings, _ = taken_in(Ratings(), file, pair, "f.json", "language model")
    lefts = {put.id: put.order[0] for put in pair.put}
    assert {one.id: one.better for one in ratings.preferences} == {
        id: "first" if run == 0 else "second" for id, run in lefts.items()
    }
    wins = summarise_review(ratings.readings, ratings.preferences).wins
    assert wins is not None
    assert wins.value == pytest.approx(sum(run == 0 for run in lefts.values()) / 12)
    second, _ = taken_in(Ratings(), file, pair, "f.json", "person", run=1)
    assert {one.summary_sha256 for one in second.readings} == {sha256(f"{text} b") for text in TEXTS.values()}


def test_an_unfinished_file_is_told_and_a_later_one_replaces_it(review: Review, tmp_path: Path) -> None:
    some, said = taken_in(Ratings(), open_ratings(saved(tmp_path / "f", review, n=5)), review, "f", "person")
    assert said == "f: unfinished: 5 of 12 dialogues are rated; 5 ratings of reader 1"
    all_, _ = taken_in(some, open_ratings(saved(tmp_path / "g", review)), review, "g", "person")
    assert len(all_.readings) == 12
    assert [file.rated for file in all_.files] == [12]
    two, said = taken_in(all_, open_ratings(saved(tmp_path / "h", review, reader="x2")), review, "h", "person")
    assert said.endswith("reader 2")
    assert len(two.readings) == 24


def test_files_that_are_not_taken_are_told_apart(review: Review, tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.json", review)
    known, _ = taken_in(Ratings(), open_ratings(whole), review, "whole.json", "person")
    with pytest.raises(InputError, match="doubled: reader 1"):
        taken_in(known, open_ratings(whole), review, "again.json", "person")
    with pytest.raises(InputError, match="unfinished: no dialogue"):
        taken_in(known, open_ratings(saved(tmp_path / "e", review, n=0, reader="x3")), review, "e", "person")
    changed = whole.read_text(encoding="utf-8").replace('"usable": false', '"usable": true')
    (tmp_path / "changed.json").write_text(changed, encoding="utf-8")
    with pytest.raises(InputError, match="tampered"):
        open_ratings(tmp_path / "changed.json")
    other = review.model_copy(update={"put": tuple(put.model_copy(update={"id": put.id + "x"}) for put in review.put)})
    with pytest.raises(InputError, match="tampered: 'd-"):
        taken_in(known, open_ratings(whole), other, "whole.json", "person")
    for content in ("no json", "[]", '{"format": "else"}'):
        (tmp_path / "foreign").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="foreign"):
            open_ratings(tmp_path / "foreign")


def test_a_review_is_found_by_its_number(review: Review, tmp_path: Path) -> None:
    assert find_review(tmp_path, review.id) == (tmp_path / "first", review)
    assert find_review(tmp_path, "0" * 12) is None
    assert find_review(tmp_path, "../first") is None


def test_readers_are_shown_one_by_one_with_their_agreement() -> None:
    def reading(id: str, reader: str, good: bool) -> SummaryReading:
        return SummaryReading(
            id=id, summary_sha256="", reader=reader, made_by="person", usable=good, faithful=True, kinds=("omission",)
        )

    readings = [reading(f"d{n}", f"reader {r}", n < 6 + r) for n in range(10) for r in (1, 2)]
    found = summarise_review(
        readings, [Preference(id="d1", reader="reader 1", made_by="person", better="neither", against="b")]
    )
    assert [one.shares["usable"].value for one in found.readers] == [0.7, 0.8]
    assert found.agreement["usable"].same.value == 0.9
    assert 0.6 < (found.agreement["usable"].alpha or 0) < 0.9
    assert found.agreement["faithful"].alpha is None  # all say the same: nothing to tell chance from
    assert found.kinds == {"omission": 10}
    assert found.against == "b"


def test_from_the_run_to_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        finished_run(tmp_path, name, {id: f"{text} {name}" for id, text in TEXTS.items()})
    assert main(["review", "a", "b", "--out", "r.html"]) == 0
    made = make_review([finished_run(tmp_path / "x", n, {i: f"{t} {n}" for i, t in TEXTS.items()}) for n in ("a", "b")])
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert made.id in page
    assert '"order"' not in page
    good, bad = saved(tmp_path / "good.json", made), tmp_path / "bad.json"
    bad.write_text("{}", encoding="utf-8")
    assert main(["review", "import", str(good), str(bad)]) == 2
    told = capsys.readouterr()
    assert "bad.json: foreign" in told.err
    assert "12 dialogues, read by a person" in told.out
    assert "preferred to b" in told.out
    assert len(read_ratings(tmp_path / "a").readings) == len(read_ratings(tmp_path / "b").readings) == 12
    assert main(["review", "import", str(good)]) == 2
    assert "doubled" in capsys.readouterr().err


def test_kinds_that_are_found_as_often_stand_in_the_order_of_reading() -> None:
    kinds = tuple(ERROR_LABELS)[::-1]
    readings = [
        SummaryReading(
            id="a", summary_sha256="", reader="R", made_by="person", usable=False, faithful=False, kinds=kinds
        )
    ]
    assert tuple(summarise_review(readings).kinds) == kinds


def test_a_line_of_json_may_hold_any_separator_of_a_text(tmp_path: Path) -> None:
    told = "one\u2028two\u2029three\u0085four"
    row = {
        "id": "d1",
        "summary_sha256": "0" * 64,
        "reader": "reader 1",
        "made_by": "person",
        "usable": True,
        "faithful": True,
    }
    file = tmp_path / "readings.jsonl"
    file.write_text(json.dumps({**row, "reason": told}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [one.reason for one in reading_lines(file)] == [told]
    file.write_text("", encoding="utf-8")
    assert reading_lines(file) == ()
