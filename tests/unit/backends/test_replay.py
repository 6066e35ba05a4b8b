"""Recorded answers: each belongs to an id, and a failure that was recorded is one again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.backends.replay import AnsweredBackend, ReplayBackend
from helpers.core.errors import Failure, RequestError, SamplesError
from helpers.core.paths import PROJECT
from helpers.params import Generation, Replay, Samples
from helpers.runs.request_log import RequestLog
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample, load_samples

CASES = PROJECT / "tests" / "cases" / "files"


def asked(backend: ReplayBackend | AnsweredBackend, samples: tuple[Sample, ...], folder: Path) -> list[str | None]:
    sender = RequestSender(backend, Generation(), RequestLog(folder / "log.jsonl"), page="02")
    outcomes = [sender.ask(sample.id, sample.dialogue) for sample in samples]
    return [outcome.answer.summary if outcome and outcome.answer else None for outcome in outcomes]


def test_the_same_dialogue_under_several_ids_has_the_answer_of_each(tmp_path: Path) -> None:
    path = str(CASES / "same-dialogue.csv")
    samples = load_samples(Samples(source=path))
    expected = ["Ann and Ben have lunch at 12.", "They agree to eat at noon.", "Lunch is planned."]
    backend = ReplayBackend(Replay(predictions=path), samples)
    assert asked(backend, samples, tmp_path) == expected
    rows = [{"id": s.id, "kind": "ok", "summary": text} for s, text in zip(samples, expected, strict=True)]
    counts = dict.fromkeys(("input_tokens", "output_tokens", "lost_tokens"))
    answered = AnsweredBackend([row | counts for row in rows], samples)
    assert asked(answered, samples, tmp_path / "..") == expected
    with pytest.raises(RequestError, match=r"several ids \(t_1, t_2, t_3\): ask by id"):
        backend.summarise([samples[0].dialogue], Generation())


def test_a_recorded_failure_is_that_failure_and_waits_for_nobody(tmp_path: Path) -> None:
    kinds = ["rate_limited", "cold", "connection", "auth", "not_found", "timeout", "no_such_kind"]
    rows = [{"id": kind, "prediction": None, "error": kind} for kind in kinds]
    rows += [{"id": "empty", "prediction": ""}, {"id": "good", "prediction": "Good.", "error": ""}]
    path = tmp_path / "recorded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples = tuple(Sample(id=name, dialogue=name) for name in [*kinds, "empty", "good", "unknown"])
    backend = ReplayBackend(Replay(predictions=str(path)), samples)
    assert asked(backend, samples, tmp_path) == [None] * len(kinds) + ["", "Good.", None]
    logged = [record.kind for record in RequestLog(tmp_path / "log.jsonl").read()]
    assert logged == [*kinds[:-1], "cancelled", "ok", "ok", "not_found"]


def test_a_probe_is_not_answered_from_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    path.write_text('{"id": "short", "prediction": "Recorded."}\n')
    backend = ReplayBackend(Replay(predictions=str(path)), (Sample(id="short", dialogue="Ann: hi"),))
    sender = RequestSender(backend, Generation(), RequestLog(tmp_path / "log.jsonl"), page="01")
    outcome = sender.ask("short", "Bo: a probe", phase="probe")
    assert outcome
    assert outcome.record.kind == Failure.NOT_FOUND


def test_numbers_are_the_same_id_and_a_file_of_other_ids_is_refused(tmp_path: Path) -> None:
    samples = load_samples(Samples(source=str(CASES / "float-ids.csv")))
    backend = ReplayBackend(Replay(predictions=str(CASES / "float-ids-pred.csv")), samples)
    assert asked(backend, samples, tmp_path) == ["They greet.", "Tom leaves."]
    others = tuple(sample.model_copy(update={"id": f"x{sample.id}"}) for sample in samples)
    with pytest.raises(SamplesError, match=r"has none of the 2 dialogues: its ids are 1\.0, 2\.0, .* x1, x2"):
        ReplayBackend(Replay(predictions=str(CASES / "float-ids-pred.csv")), others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,summary\n1,x\n", r"no column 'prediction'.*name yours with replay\.prediction"),
        ("id,prediction\n1,x\n1.0,y\n", "id '1.0' stands more than once"),
        ("id,prediction\n", "no predictions in it"),
        ("id,prediction,seconds\n1,x,soon\n", r"row 1 \(line 2\): seconds is 'soon', not a number of seconds"),
    ],
)
def test_a_recording_that_cannot_be_replayed_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    latency = "seconds" if "seconds" in text else None
    with pytest.raises(SamplesError, match=message):
        ReplayBackend(Replay(predictions=str(path), latency=latency), (Sample(id="1", dialogue="d"),))
