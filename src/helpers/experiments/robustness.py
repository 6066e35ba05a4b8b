"""Part of page 02: does a change that must not matter change the answers?

The dialogues of page 02 are sent again with each change, as variants of their own that no target or time includes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from helpers import scorers
from helpers.core.errors import UNREACHABLE
from helpers.params import Params
from helpers.params.samples import Change
from helpers.runs.results.robustness import VARIANTS, ChangedAnswer, RobustnessEval, UnderChange
from helpers.runs.results.sample_eval import SampleEval, Scored
from helpers.runs.run import Run, unreachable
from helpers.runs.sender import Outcome, RequestSender
from helpers.samples.dataset import Sample
from helpers.samples.perturbations import Perturbation, perturbed
from helpers.scorers.faithfulness import FaithfulnessCheck, faithfulness
from helpers.stats.comparison import Paired, adjust, paired
from helpers.stats.intervals import SMALLEST, Estimate, rate, without_interval

#: What is compared of an answer, and what page 02 calls it.
SCORES = {"rouge_l": "rougeL", "key_fact_recall": "key_fact_recall"}


def with_robustness(run: Run, result: SampleEval, marks: Mapping[str, str | None]) -> SampleEval:
    """Return page 02 with what harmless changes do to its answers, where ``robustness.dialogues`` asks for it.

    ``marks`` tell the answers to the unchanged dialogues from one another, by the dialogue's id. When sending ends
    meanwhile, the page says so as it does of its own requests.
    """
    plan = run.params.robustness
    if result.reason or not plan.dialogues:
        return result
    if why := _why_not(run, result):
        return result.model_copy(update={"robustness": RobustnessEval(reason=why)})
    began, page = time.monotonic(), result.page
    under = [_Change(change, run.sender(page, VARIANTS[change])) for change in plan.changes]
    scored = {row.id: row for row in result.samples}
    samples = [sample for sample in run.samples if sample.id in scored][: plan.dialogues]
    ended = _ask(run.params, under, samples, marks)
    judged = {one.check for one in result.checks if one.judged}
    seed = run.params.measure.resampling_seed
    found = RobustnessEval(
        dialogues=len(samples), changes=_compared([one.result(scored, judged) for one in under], scored, seed)
    )
    return result.model_copy(
        update={
            "robustness": found,
            "requests": result.requests + sum(one.answered + one.failed for one in found.changes),
            "seconds": result.seconds + time.monotonic() - began,
            **ended,
        }
    )


def _why_not(run: Run, result: SampleEval) -> str:
    if run.params.backend == "replay":
        return "recorded answers are to the dialogues as they are; measure a deployment"
    if run.answers.is_dir():
        return "Dask workers answered the dialogues as they are; measure without execution.engine: dask"
    if result.failure:
        return unreachable(result.failure, result.down_since)
    return f"not asked: {result.stopped}" if result.stopped else ""


@dataclass
class _Change:
    """One change under measurement: its sender, and the outcomes of the dialogues so far."""

    change: Change
    sender: RequestSender
    answers: list[ChangedAnswer] = field(default_factory=list)
    not_applied: Counter[str] = field(default_factory=Counter)
    failed: int = 0

    def result(self, scored: Mapping[str, Scored], judged: Collection[FaithfulnessCheck]) -> UnderChange:
        """Return the shares that need no comparison with another change."""
        known = [one.equal for one in self.answers if one.equal is not None]
        new = [(set(one.flags) - {o.check for o in scored[one.id].objections}) & set(judged) for one in self.answers]
        return UnderChange(
            change=self.change,
            not_applied=dict(self.not_applied),
            answered=len(self.answers),
            failed=self.failed,
            answers=tuple(self.answers),
            equal=_share(known),
            new_flags=_share([bool(checks) for checks in new]) if judged else None,
        )


def _ask(
    params: Params, under: Sequence[_Change], samples: Sequence[Sample], marks: Mapping[str, str | None]
) -> dict[str, Any]:
    """Send every dialogue with every change in turn; return why sending ended early, if it did.

    Dialogue by dialogue, so that a budget that ends midway leaves all changes with the same dialogues. When the
    deployment is unreachable for all changes, it is down.
    """
    for sample in samples:
        records = []
        for one in under:
            changed = perturbed(one.change, sample.dialogue, params.robustness.seed)
            if changed.reason:
                one.not_applied[changed.reason] += 1
                continue
            outcome = one.sender.ask(sample.id, changed.dialogue)
            if outcome is None:
                return one.sender.ended()
            records.append(outcome.record)
            if outcome.record.ok:
                one.answers.append(_found(params, one.sender, sample, changed, outcome, marks.get(sample.id)))
            else:
                one.failed += 1
            if one.sender.down_since:
                return one.sender.ended()
        if len(records) > 1 and all(record.kind in UNREACHABLE for record in records):
            return {"failure": records[0].kind, "down_since": records[0].started_at}
    return {}


def _found(
    params: Params, sender: RequestSender, sample: Sample, changed: Perturbation, outcome: Outcome, mark: str | None
) -> ChangedAnswer:
    """Return what is found in an answer, at once: its text may not be kept."""
    if outcome.answer is None:
        return ChangedAnswer.model_validate(outcome.found)
    summary = changed.mapped_back(outcome.answer.summary)
    own = replace(outcome, answer=replace(outcome.answer, summary=summary)).mark
    found = ChangedAnswer(
        id=sample.id,
        request=outcome.record.request,
        equal=None if mark is None else own == mark,
        flags=tuple(dict.fromkeys(one.check for one in faithfulness(summary, sample.dialogue))),
    )
    if sample.references:
        score = scorers.score_sample(
            sample.id, summary, sample.references, sample.dialogue, sample.key_facts, params.scoring.tokenizer
        )
        found = found.model_copy(update={"rouge_l": score.rougeL, "key_fact_recall": score.key_fact_recall})
    sender.keep(outcome, found)
    return found


def _share(found: Sequence[bool]) -> Estimate | None:
    """Return the share of dialogues; as of a difference there is no interval below five."""
    if len(found) >= SMALLEST or not found:
        return rate(sum(found), len(found)) if found else None
    few = f"an interval needs at least {SMALLEST} dialogues"
    return without_interval(sum(found) / len(found), n=len(found), note=few)


def _compared(found: Sequence[UnderChange], scored: Mapping[str, Scored], seed: int) -> tuple[UnderChange, ...]:
    """Return the changes with their differences from the unchanged answers; those of one score are one family."""
    families = {}
    for name, metric in SCORES.items():
        pairs = {one.change: _pairs(one, scored, name, metric) for one in found}
        families[name] = adjust({change: _difference(rows, seed) for change, rows in pairs.items() if rows})
    return tuple(
        one.model_copy(update={name: family.get(one.change) for name, family in families.items()}) for one in found
    )


def _pairs(one: UnderChange, scored: Mapping[str, Scored], name: str, metric: str) -> list[tuple[float, float]]:
    both = [(getattr(answer, name), scored[answer.id].scores.get(metric)) for answer in one.answers]
    return [(a, b) for a, b in both if a is not None and b is not None]


def _difference(pairs: Sequence[tuple[float, float]], seed: int) -> Paired:
    return paired([a for a, _ in pairs], [b for _, b in pairs], limit=1.0, seed=seed)
