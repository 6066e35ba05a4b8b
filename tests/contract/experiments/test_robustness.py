"""Harmless changes against real servers of known behaviour: what they cost is shown, and only what they do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from helpers.backends.base import Answer
from helpers.experiments import robustness, sample_eval
from helpers.experiments.repeated_requests import repeatability
from helpers.experiments.robustness import with_robustness
from helpers.experiments.until_decided import ask_until_decided
from helpers.params import Generation, Samples
from helpers.report.views.common import published_requests, requests
from helpers.report.views.robustness import under_changes
from helpers.runs import launch
from helpers.runs.budget import planned_requests
from helpers.runs.directory import open_interrupted
from helpers.runs.launch import resume_run, start_run
from helpers.runs.results.cited import Cited
from helpers.runs.results.robustness import VARIANTS, RobustnessEval, UnderChange
from helpers.runs.results.sample_eval import SampleEval
from helpers.runs.results.store import read_result
from helpers.runs.run import Run
from helpers.samples.dataset import Sample, load_samples
from helpers.samples.perturbations import NAMES, exchange
from helpers.scorers.mentions import speakers_of, turns_of
from tests.local_server import served
from tests.page_checks import loose_digits, wrong_citations
from tests.scripted_server import ScriptedServer, reset, summary

#: The first dialogues of the split; most have speakers with names.
N = 14
SAMPLES = load_samples(Samples(source="bundled:test", n=N))
SETTINGS = (
    "samples.source=bundled:test",
    f"samples.n={N}",
    f"robustness.dialogues={N}",
    "measure.warmup=0",
    "endpoint.attempts=1",
    "budget={}",
)


def who_speaks(dialogue: str) -> tuple[int, ...]:
    """Return the order of turns by speaker, which none of the changes changes."""
    speakers = speakers_of(dialogue)
    return tuple(speakers.index(turn.speaker) for turn in turns_of(dialogue))


def known(dialogue: str) -> Sample:
    """Return the sample that a dialogue is, or was before a change: of those with its turns the most alike."""
    turns = [sample for sample in SAMPLES if who_speaks(sample.dialogue) == who_speaks(dialogue)]
    words = set(dialogue.split())
    return max(turns, key=lambda sample: len(words.intersection(sample.dialogue.split())))


class Reader:
    """Gives the first reference with the names that the dialogue has; ``copied`` is how it copies one that is new."""

    kind = "scripted"

    def __init__(self, copied: Callable[[str], str] = lambda name: name) -> None:
        self.copied = copied

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        return [Answer(self._read(text), 10, 10, 0, 0.01) for text in dialogues]

    def _read(self, dialogue: str) -> str:
        sample = known(dialogue)
        names = zip(speakers_of(sample.dialogue), speakers_of(dialogue), strict=True)
        parts = {a: b for old, new in names for a, b in zip(old.split(), new.split(), strict=True)}
        return exchange(sample.references[0], {a: self.copied(b) if b in NAMES else b for a, b in parts.items()})

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(launch, "_tokenizer", lambda params: None)  # which would be looked for on the Hub
    monkeypatch.setenv("HF_TOKEN", "hf_planted")


@contextmanager
def started(monkeypatch: pytest.MonkeyPatch, url: str, *settings: str, **how: Any) -> Iterator[Run]:
    monkeypatch.setenv("HF_ENDPOINT_URL", url)
    run = start_run("params/endpoint.yaml", [*SETTINGS, *settings], **{"only": ("01", "02", "03"), **how})
    try:
        yield run
    finally:
        run.close()


def measured(run: Run) -> tuple[SampleEval, RobustnessEval]:
    result: SampleEval = run.measured(sample_eval).raw
    assert result.robustness
    return result, result.robustness


def shown(result: SampleEval) -> str:
    html = under_changes(Cited(result, "results/02.json"))
    assert loose_digits(html) == []
    assert wrong_citations(html, {"results/02.json": json.loads(result.model_dump_json())}) == []
    return html


def by_change(found: RobustnessEval) -> dict[str, UnderChange]:
    return {one.change: one for one in found.changes}


def test_one_who_reads_the_same_shows_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Reader) as server, started(monkeypatch, server.url) as run:
        result, found = measured(run)
        log = run.log.read()
        assert len(published_requests(run)) == N, "changed dialogues would crowd a page out"
        assert "The run's log holds more attempts" in requests(run, ["02"]).unescape()
        assert repeatability(run).reason == "no request was sent again as it was", "a changed dialogue is another text"
    applied = {change: N - sum(one.not_applied.values()) for change, one in by_change(found).items()}
    assert 8 <= applied["renamed"] <= applied["typos"] == applied["filler"] == N == found.dialogues
    for one in found.changes:
        assert (one.answered, one.failed) == (applied[one.change], 0)
        figures = one.equal, one.new_flags, one.rouge_l, one.key_fact_recall
        assert all(figures)
        assert (one.equal.value, one.new_flags.value) == (1, 0)  # type: ignore[union-attr]
        assert [d.difference for d in (one.rouge_l, one.key_fact_recall)] == [0, 0]  # type: ignore[union-attr]
        assert {figure.n for figure in figures} == {one.answered}  # type: ignore[union-attr]
        assert one.equal.low < 1  # type: ignore[union-attr, operator]
    html = shown(result)
    assert "No harmless change is shown to change the scores; a difference of" in html
    assert 'data-from="results/02.json#/robustness/changes/0/not_applied/' in html
    asked = Counter((r.variant, r.sample) for r in log if r.page == "02")
    assert set(asked.values()) == {1}
    assert Counter(variant for variant, _ in asked) == {"": N, **{VARIANTS[c]: n for c, n in applied.items()}}  # type: ignore[index]
    assert [r for r in log if r.variant and r.is_judged] == []
    assert result.requests == len(asked)
    assert len(asked) <= planned_requests(run.params, N, ("02",), None)["02"] == 4 * N


def test_one_who_copies_new_names_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(lambda: Reader(lambda name: name[::-1].capitalize())) as server:
        with started(monkeypatch, server.url) as run:
            result, found = measured(run)
    renamed, typos, filler = found.changes
    assert renamed.rouge_l.high < 0  # type: ignore[union-attr, operator]
    assert renamed.rouge_l.adjusted_p <= 0.05  # type: ignore[union-attr, operator]
    assert renamed.equal.value < 0.5  # type: ignore[union-attr, operator]
    assert all(one.equal and one.equal.value == 1 for one in (typos, filler))
    html = shown(result)
    assert "Changes that must not matter change the scores: ROUGE-L" in html
    assert "under “Speakers renamed”" in html
    assert "under “Typos”" not in html


def test_few_dialogues_have_no_interval_and_a_budget_ends_all_changes_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Reader) as server:
        with started(monkeypatch, server.url, f"budget.requests={N + 10}", "robustness.changes=[typos, filler]") as run:
            result, found = measured(run)
        assert [one.answered for one in found.changes] == [5, 5]
        assert result.stopped == f"budget.requests={N + 10} is spent"
        with started(monkeypatch, server.url, "robustness.dialogues=4", "robustness.changes=[typos]") as run:
            few, found = measured(run)
    one = found.changes[0]
    assert one.answered == 4
    for figure in (one.rouge_l, one.key_fact_recall, one.equal, one.new_flags):
        assert figure
        assert (figure.low, figure.high) == (None, None)
    assert "is not shown: there are too few answers for an interval" in shown(few)


@pytest.mark.parametrize("form", ["full", "hash", "redacted"])
def test_an_interrupted_one_asks_nobody_again_and_keeps_no_text(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    class Killed(BaseException):
        pass

    settings = (f"privacy.text={form}", "samples.n=4", "robustness.dialogues=4")
    with served(Reader) as server:
        real, calls = robustness.perturbed, iter([*[True] * 7, False])

        def killed(*args: Any) -> Any:
            if not next(calls, True):
                raise Killed
            return real(*args)

        with started(monkeypatch, server.url, *settings) as run, pytest.MonkeyPatch.context() as patch:
            patch.setattr(robustness, "perturbed", killed)
            with pytest.raises(Killed):
                run.measured(sample_eval)
        again = resume_run(open_interrupted(run.directory, None, []))
        try:
            found = measured(again)[1]
        finally:
            again.close()
    asked = Counter((r.variant, r.sample) for r in again.log.every() if r.page == "02")
    assert set(asked.values()) == {1}
    equal = [[answer.equal for answer in one.answers] for one in found.changes]
    if form == "redacted":  # what was said before the interruption stands nowhere
        assert {answer for row in equal for answer in row} == {True, None}
    else:
        assert {answer for row in equal for answer in row} == {True}
    assert {len(row) + sum(one.not_applied.values()) for row, one in zip(equal, found.changes, strict=True)} == {4}
    assert {one.rouge_l.difference for one in found.changes if one.rouge_l} == {0}
    spoken = SAMPLES[0].references[0][:40]
    texts = [path for path in run.directory.rglob("*") if path.is_file() and spoken in path.read_text(errors="replace")]
    assert (texts == []) is (form != "full"), texts


def test_a_deployment_that_dies_meanwhile_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = summary("Ann and Bo agree to meet on Sunday.")
    with ScriptedServer(*[spoken] * (N + 4), reset) as server:
        with started(monkeypatch, server.url) as run:
            result, found = measured(run)
            assert run.down()
    assert (result.answered, result.failure) == (N, "connection")
    assert sum(one.failed for one in found.changes) >= 2
    assert "had no answer" in shown(result)


def test_where_nothing_can_be_asked_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start_run("params/replay.yaml", ["robustness.dialogues=3"], only=("02",))
    try:
        result, found = measured(run)
    finally:
        run.close()
    assert found.reason == "recorded answers are to the dialogues as they are; measure a deployment"
    assert result.answered == 10
    assert "is not measured" in shown(result)
    with served(Reader) as server, started(monkeypatch, server.url) as run:
        run.answers.mkdir()
        found_by_workers = with_robustness(run, SampleEval(page="02"), {}).robustness
    assert found_by_workers
    assert found_by_workers.reason.startswith("Dask workers answered the dialogues as they are")


def test_looks_at_more_dialogues_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (
        "samples.n=5",
        "robustness.dialogues=5",
        "robustness.changes=[filler]",
        "targets={}",
        "samples.source=bundled:demo",
    )
    with ScriptedServer(summary("Ann and Bo agree to meet on Sunday.")) as server:
        with started(monkeypatch, server.url, *settings, only=(), until_decided=True) as run:
            ask_until_decided(run, lambda looks: None)
            result = read_result(run.directory / "results", "02")
    assert isinstance(result, SampleEval)
    assert result.robustness
    assert [one.answered for one in result.robustness.changes] == [5]
