"""Ask until every target is decided: look by look, new dialogues first, within the budget and the five looks.

A target is looked at again when the n that its last look called for is there, at most four times as many as before:
by what one look sees, a larger step would be taken blindly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from helpers.core.console import say
from helpers.core.text import spell, width_of
from helpers.experiments import deploy_check, latency_cost, sample_eval
from helpers.experiments.recordings import compare_recordings
from helpers.params.files import write_params
from helpers.runs.directory import attach
from helpers.runs.launch import write_manifest
from helpers.runs.results.sample_eval import Recording, SampleEval
from helpers.runs.results.store import read_result, write_result
from helpers.runs.run import Run
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import dataset_sha256
from helpers.verdicts.compute import case_of
from helpers.verdicts.evidence import Evidence
from helpers.verdicts.looks import Look
from helpers.verdicts.sample_size import needed_dialogues
from helpers.verdicts.targets import Judged, Judgement, evidence_of, judge, looks_of

#: The next look has at least and at most this many times the dialogues of the one before.
LEAST_GROWTH, MOST_GROWTH = 1.2, 4.0


def ask_until_decided(whole: Run, record: Callable[[Sequence[Look]], None]) -> None:
    """Measure pages 01 to 03 of a run, look by look; ``record`` takes each look as it is made.

    Prints a line per look, and finally why it went no further. The run's parameters are then those of the last look.
    """
    run = attach(whole.directory)  # with a connection and a lock of its own, which the notebooks need after it
    try:
        if read_result(run.directory / "results", deploy_check.PAGE) is None:
            write_result(run.directory / "results", deploy_check.measure(run))
        asking = _Asking(run, run.sender(sample_eval.PAGE), compare_recordings(run.params))
        while True:
            ended = asking.ask()
            judged = _look(run, last=bool(ended) or _all_asked(run))
            record(looks_of(case_of(run)))
            _say(run, judged)
            more = _next_size(run, judged)
            if ended or more is None:
                say(ended or _why_over(run, judged))
                break
            _grow(run, more)
        asking.complete()
        # its page tries the other settings too; what was sent for the looks is not sent again
        (run.directory / "results" / f"{latency_cost.PAGE}.json").unlink()
    finally:
        run.close()
        whole.params = run.params
        for name in ("samples", "manifest"):
            whole.__dict__.pop(name, None)


@dataclass
class _Asking:
    """The dialogues sent so far; every look adds to them."""

    run: Run
    sender: RequestSender
    recordings: tuple[Recording, ...]
    outcomes: list[sample_eval.Asked] = field(default_factory=list)
    found: SampleEval | None = None

    def ask(self) -> str:
        """Send the dialogues that are new and write the results over all; return why sending ended, if it did."""
        began = time.monotonic()
        if down := self.run.down():
            return down
        self.outcomes += sample_eval.ask(self.run.params, self.sender, self.run.samples[len(self.outcomes) :])
        seconds = time.monotonic() - began
        self.found = sample_eval.evaluate(self.run, self.outcomes, self.sender, seconds, self.recordings)
        write_result(self.run.directory / "results", self.found)
        write_result(self.run.directory / "results", latency_cost.steady(self.run))
        return self.run.down() or self.sender.stopped

    def complete(self) -> None:
        """Request last, with what the looks left of the budget, what page 02 shows beside its scores."""
        if self.found:
            write_result(self.run.directory / "results", sample_eval.completed(self.run, self.outcomes, self.found))


def _look(run: Run, *, last: bool) -> Judgement:
    """Take the looks that are due, or (with ``last``) all that more dialogues allow, and return the verdicts."""
    found = evidence_of(case_of(run))
    for row in judge(case_of(run)).rows:
        sizes, n = run.manifest.looks.get(row.name, ()), len(found[row.name].values)
        if not found[row.name].sampled or (sizes and (not row.open or n <= sizes[-1])):
            continue
        if not sizes or last or _planned(row, found[row.name], sizes[-1]) <= n:
            _update(run, looks={**run.manifest.looks, row.name: (*sizes, n)})
    return judge(case_of(run))


def next_size(found: Evidence, threshold: float, look: int, n: int) -> int:
    """Return at how many dialogues a target is looked at again, by what its ``look`` at ``n`` saw."""
    needed = needed_dialogues(found, threshold, look + 1, n)
    most = math.ceil(MOST_GROWTH * n)
    return max(math.ceil(LEAST_GROWTH * n), min(most, needed or most))


def _planned(row: Judged, found: Evidence, n: int) -> int:
    assert row.threshold is not None, "the row was looked at"
    assert row.look is not None, "the row was looked at"
    return next_size(found, row.threshold, row.look, n)


def _next_size(run: Run, judged: Judgement) -> int | None:
    """Return how many dialogues the next look takes in all; ``None`` when nothing is open or all were sent."""
    found = evidence_of(case_of(run))
    planned = [
        _planned(row, found[row.name], run.manifest.looks[row.name][-1])
        for row in judged.rows
        if row.open and row.name in run.manifest.looks
    ]
    if not planned or _all_asked(run):
        return None
    return min(max(min(planned), run.manifest.dialogues + 1), run.manifest.available or 0)


def _grow(run: Run, n: int) -> None:
    """Have a run send ``n`` dialogues; those that it has sent are the first of them."""
    samples = run.params.samples.model_copy(update={"n": n})
    run.params = run.params.model_copy(update={"samples": samples})
    write_params(run.directory, run.params)
    run.__dict__.pop("samples", None)
    _update(run, dialogues=n, dataset_sha256=dataset_sha256(run.samples))


def _update(run: Run, **changes: object) -> None:
    write_manifest(run.directory, run.manifest.model_copy(update=changes))
    run.__dict__.pop("manifest", None)


def _all_asked(run: Run) -> bool:
    return run.manifest.dialogues >= (run.manifest.available or 0)


def _say(run: Run, judged: Judgement) -> None:
    """Say what the latest look shows: a line."""
    words = "; ".join(_words(row) for row in judged.rows if row.look is not None)
    say(f"{run.manifest.dialogues} dialogues, {run.log.count()} requests: {words}")


def _words(row: Judged) -> str:
    low, high = row.estimate.low, row.estimate.high
    ends = [spell(end, row.style, width=width_of(low, high)) for end in (low, high) if end is not None]
    seen = f"{' to '.join(ends)}, " if len(ends) == 2 else ""
    return f"{row.label} {row.verdict} ({seen}look {row.look} of {row.looks})"


def _why_over(run: Run, judged: Judgement) -> str:
    undecided = [
        row for row in judged.rows if row.verdict == "undecided" and row.look is not None and not row.needs_run_on
    ]
    if not undecided:
        return "every target that more dialogues could decide is decided"
    names = ", ".join(row.label for row in undecided)
    if _all_asked(run) and any(row.open for row in undecided):
        return (
            f"all {run.manifest.available} dialogues of {run.params.samples.source} are answered; still open: {names}"
        )
    return f"the looks are used up; still undecided: {names}"
