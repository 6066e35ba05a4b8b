"""Usable and faithful summaries: judged by who read them, bounded by flags, and else not measured."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from helpers.params import Params
from helpers.params.files import load_params
from helpers.runs.manifest import Manifest
from helpers.runs.results.sample_eval import Checked, SampleEval, Scored
from helpers.runs.results.store import Results
from helpers.runs.review_summary import read_summaries
from helpers.runs.reviews import SummaryReading, sha256
from helpers.scorers.faithfulness import FaithfulnessCheck
from helpers.scorers.sensitivity import ALL_CHECKS, ErrorSensitivity, Noticed
from helpers.stats.intervals import rate
from helpers.verdicts.compute import judgement
from helpers.verdicts.targets import Case, Judged, judge
from tests.review_runs import finished_run

READ = ("usable_summaries", "faithful_summaries")


@pytest.fixture
def params() -> Params:
    return load_params("demo")


def read(n: int, good: int, made_by: str = "person") -> tuple[SummaryReading, ...]:
    return tuple(
        SummaryReading.model_validate(
            {
                "id": f"d{k}",
                "summary_sha256": "",
                "reader": "reader 1",
                "made_by": made_by,
                "usable": k < good,
                "faithful": True,
            }
        )
        for k in range(n)
    )


def checked(flagged: int, n: int, alarms: int = 2, of: int = 127) -> SampleEval:
    """Return page 02 with so many flagged summaries, by checks with so many false alarms."""
    row = Noticed(name=ALL_CHECKS, sort="check", false_alarms=rate(alarms, of), detection={}, ranked={})
    return SampleEval(
        page="02",
        samples=tuple(
            Scored(
                id=str(k), domain=None, length=None, truncated=None, dialogue="", references=(), summary="", scores={}
            )
            for k in range(n)
        ),
        flagged=rate(flagged, n),
        checks=(Checked(check=FaithfulnessCheck.WHO, judged=True, found=flagged, rate=rate(flagged, n)),),
        sensitivity=ErrorSensitivity(source="", dialogues=of, cases={}, rows=(row,), not_measured={}),
    )


def rows_of(params: Params, *, readings: tuple[SummaryReading, ...] = (), **results: SampleEval) -> dict[str, Judged]:
    manifest = Manifest(
        run="r1", command="again", started_at=datetime(2026, 1, 1, tzinfo=UTC), dialogues=10, available=10
    )
    return {row.name: row for row in judge(Case(Results(**results), params, manifest, (), readings)).rows}


def test_they_stand_first_and_nobody_having_read_says_what_reading_takes(params: Params) -> None:
    rows = rows_of(params, sample_eval=checked(0, 60))
    assert tuple(rows)[:2] == READ
    for name in READ:
        assert rows[name].verdict == "not measured"
        assert rows[name].reason.endswith("python -m helpers review runs/r1")
        assert "about 20 minutes of reading" in rows[name].reason


@pytest.mark.parametrize(("n", "good", "verdict"), [(100, 100, "met"), (25, 2, "missed"), (30, 28, "undecided")])
def test_readers_decide(params: Params, n: int, good: int, verdict: str) -> None:
    row = rows_of(params, readings=read(n, good), sample_eval=checked(n, n))["usable_summaries"]
    assert (row.verdict, row.look, row.estimate.n) == (verdict, 1, n)
    assert "read by people" in row.reason
    assert not row.open  # asking more dialogues does not read them
    assert row.price_of_knowing is None


def test_a_language_model_that_read_is_named(params: Params) -> None:
    row = rows_of(params, readings=read(25, 2, "language model"))["usable_summaries"]
    assert row.reason == "read by a language model"


@pytest.mark.parametrize(
    ("flagged", "n", "verdict"), [(30, 60, "missed"), (3, 60, "not measured"), (0, 500, "not measured")]
)
def test_flags_can_show_it_missed_and_never_met(params: Params, flagged: int, n: int, verdict: str) -> None:
    row = rows_of(params, sample_eval=checked(flagged, n))["faithful_summaries"]
    assert row.verdict == verdict
    assert row.estimate.low is None


def test_false_alarms_are_deducted(params: Params) -> None:
    """Where references are flagged as often as the summaries are, nothing is shown."""
    row = rows_of(params, sample_eval=checked(30, 60, alarms=64))["faithful_summaries"]
    assert row.verdict == "not measured"


def test_ship_needs_them_met(params: Params) -> None:
    only = params.model_copy(
        update={
            "targets": params.targets.model_copy(
                update={n: None for n in type(params.targets).model_fields if n not in READ}
            )
        }
    )
    manifest = Manifest(run="r1", command="again", started_at=datetime(2026, 1, 1, tzinfo=UTC))
    for readings, ships in ((read(100, 100), True), (read(100, 60), False), ((), False)):
        assert judge(Case(Results(), only, manifest, (), readings)).ship == ships


def test_a_reading_counts_for_the_very_text_that_was_read(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "a", {"d1": "Read.", "d2": "Another."})
    lines = [
        SummaryReading(
            id=id, summary_sha256=sha256("Read."), reader="reader 1", made_by="person", usable=True, faithful=True
        )
        for id in ("d1", "d2")
    ]
    file = tmp_path / "readings.jsonl"
    file.write_text("".join(one.model_dump_json() + "\n" for one in lines), encoding="utf-8")
    run.params = run.params.model_copy(update={"reviews": (str(file),)})
    found = read_summaries(run)
    assert found is not None
    assert [one.id for one in found.readings] == ["d1"]
    assert not found.recorded
    row = next(row for row in judgement(run).rows if row.name == "usable_summaries")
    assert (row.estimate.n, row.verdict) == (1, "undecided")


def test_the_demonstration_is_told_straight() -> None:
    """The readings that come with the recorded answers speak for a run of that model, whatever dialogues it asks."""
    lines = Path(load_params("demo").reviews[0]).read_text(encoding="utf-8").splitlines()
    readings = [SummaryReading.model_validate_json(line) for line in lines]
    assert {one.made_by for one in readings} == {"language model"}
    assert sum(one.usable for one in readings) == 2
    assert len(readings) == 60 + 5, "five answers are worded otherwise in half precision"
