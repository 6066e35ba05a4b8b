"""Page 02: how good are the summaries? Each dialogue is sent once; scores are averaged over dialogues."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers import scorers
from helpers.core.model import Frozen
from helpers.experiments.groups import grouped
from helpers.experiments.judge_cases import ToJudge
from helpers.experiments.recordings import compare_recordings, recorded_of
from helpers.experiments.robustness import with_robustness
from helpers.experiments.sensitivity import bundled_sensitivity, judged_checks
from helpers.params import Params
from helpers.runs.results.judge import Against
from helpers.runs.results.sample_eval import Checked, Recording, SampleEval, Scored
from helpers.runs.run import Run
from helpers.runs.sender import Outcome, RequestSender
from helpers.samples.dataset import Sample
from helpers.samples.recorded import Recorded, read_recorded
from helpers.scorers.aggregate import bounded_mean
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection, faithfulness
from helpers.scorers.scoring import key_fact_recall
from helpers.scorers.semantic import Models, Semantics, semantic_scores
from helpers.scorers.words import Tokenizer, letters
from helpers.stats.comparison import paired
from helpers.stats.intervals import Estimate, rate

PAGE = "02"
METRICS = (
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "key_fact_recall",
    "compression",
    "length_ratio",
    "novel_bigrams",
    "semantic_similarity",
    "bertscore_f1",
    "nli_consistency",
)


class Finding(Frozen):
    """What page 02 needs of an answer: its row, whose texts follow the privacy setting, and scores of agreement.

    ``is_baseline`` is whether the recorded baseline has the same answer; ``seen`` counts those ``letters`` of the
    summary and its references that `rouge_score`'s tokeniser sees.
    """

    scored: Scored
    left_out: scorers.LeftOut | None
    is_baseline: bool
    seen: int
    letters: int


@dataclass(frozen=True)
class Asked:
    """A dialogue, the last attempt at its request (if it was sent), and what was found in an answer at once."""

    sample: Sample
    outcome: Outcome | None
    found: Finding | None = None


def measure(run: Run) -> SampleEval:
    """Request a summary of every dialogue and score the responses."""
    if down := run.down():
        return SampleEval(page=PAGE, reason=down)
    began, sender = time.monotonic(), run.sender(PAGE)
    asked = ask(run.params, sender, run.samples)
    found = evaluate(run, asked, sender, time.monotonic() - began, compare_recordings(run.params))
    return completed(run, asked, found)


def completed(run: Run, asked: Sequence[Asked], found: SampleEval) -> SampleEval:
    """Return the scores with what is requested last: the effect of harmless changes, and a judge's verdicts."""
    marks = {one.sample.id: one.outcome.mark for one in asked if one.outcome}
    return judged(run, asked, with_robustness(run, found, marks))


def ask(params: Params, sender: RequestSender, samples: Sequence[Sample]) -> list[Asked]:
    """Return the response to each dialogue, no outcome where sending had ended.

    An answer whose text may not be kept is scored at once, so that a run that resumes after an interruption need not
    request it again.
    """
    asked, hidden = [], params.privacy.text != "full"
    recorded = _recorded(params.baseline.predictions) if hidden else None
    for sample in samples:
        one = Asked(sample, outcome := sender.ask(sample.id, sample.dialogue))
        if outcome and outcome.record.ok and hidden:
            found = Finding.model_validate(outcome.found) if outcome.found else _findings([one], params, recorded)[0][0]
            sender.keep(outcome, found)
            one = replace(one, found=found)
        asked.append(one)
    return asked


def evaluate(
    run: Run, asked: Sequence[Asked], sender: RequestSender, seconds: float, recordings: tuple[Recording, ...]
) -> SampleEval:
    """Return the scores of what was answered, beside those of ``recordings``."""
    answered = [one for one in asked if one.outcome and one.outcome.record.ok]
    requests = sum(one.outcome is not None for one in asked)
    if not answered:
        why = _why_nothing(sender.stopped, asked)
        return SampleEval(page=PAGE, reason=why, asked=requests, requests=requests, **sender.ended())
    baseline = _recorded(run.params.baseline.predictions)
    findings, meant = _findings(answered, run.params, baseline)
    scored = [found.scored for found in findings]
    references = [len(one.sample.references) for one in answered if one.sample.references]
    recipe = scorers.signature(references, tokenizer=run.params.scoring.tokenizer) if references else ""
    by_id = {found.scored.id: found for found in findings}
    noticed = bundled_sensitivity(_models(run.params))
    return SampleEval(
        page=PAGE,
        requests=requests,
        seconds=seconds,
        **sender.ended(),
        signature="|".join(filter(None, [recipe, meant.signature])),
        rouge_score_sees=_seen(findings),
        not_measured=meant.not_measured,
        asked=requests,
        answered=len(scored),
        replaced=sum(one.outcome.record.replaced for one in answered if one.outcome),
        scores=_estimates(scored),
        agreement=scorers.agreement_of((found.left_out for found in findings), seed=run.params.measure.resampling_seed),
        groups=grouped(scored, _estimates),
        samples=tuple(scored),
        failures=dict(Counter(kind for row in scored for kind in row.failures)),
        sensitivity=noticed,
        **_checked(scored, judged_checks(noticed)),
        output_failure_rate=rate(sum(bool(row.failures) for row in scored), len(scored)),
        **_compared(run, by_id, "baseline", run.params.baseline.predictions, "baseline.predictions", baseline),
        **_compared(run, by_id, "untuned", run.params.baseline.untuned, "baseline.untuned"),
        recordings=recordings,
    )


def _recorded(path: str | None) -> Recorded | None:
    return read_recorded(path) if path else None


def judged(run: Run, asked: Sequence[Asked], found: SampleEval) -> SampleEval:
    """Return a result with what the judge says of its summaries, where one is named and there are any.

    It compares them with the recorded baseline or, where that is of this very system, with the untuned base.
    """
    if found.reason or run.params.scoring.judge is None:
        return found
    from helpers.experiments.judge import ask_judge  # with aiohttp, which recorded answers do without

    own = [
        ToJudge(one.sample.id, one.sample.dialogue, one.outcome.answer.summary)
        for one in asked
        if one.outcome and one.outcome.answer
    ]
    baseline = run.params.baseline
    against: Against = "untuned" if found.baseline_is_own else "baseline"
    recorded = _recorded(baseline.untuned if found.baseline_is_own else baseline.predictions)
    judge = ask_judge(run, own, (against, recorded) if recorded else None)
    return found.model_copy(update={"judge": judge})


def _findings(answered: Sequence[Asked], params: Params, recorded: Recorded | None) -> tuple[list[Finding], Semantics]:
    """Return what is found in each answer, and how the scores by meaning of those not known yet were made."""
    fresh = [(one.sample, one.outcome) for one in answered if one.outcome and not one.found]
    meant = _meant(fresh, params)
    made = iter(
        [
            _finding(sample, outcome, params, {name: values[place] for name, values in meant.values.items()}, recorded)
            for place, (sample, outcome) in enumerate(fresh)
        ]
    )
    return [one.found or next(made) for one in answered], meant


def _meant(answered: Sequence[tuple[Sample, Outcome]], params: Params) -> Semantics:
    """Return the scores by meaning, in the order of the answers; most need a reference for every dialogue."""
    models, without = _models(params), {}
    if not all(sample.references for sample, _ in answered):
        without = dict.fromkeys(("semantic_similarity", "bertscore_f1"), "not every dialogue has a reference")
        models = replace(models, embedding=None, bertscore=None)
    found = semantic_scores(
        [outcome.answer.summary if outcome.answer else None for _, outcome in answered],
        [sample.references for sample, _ in answered],
        models,
        [sample.dialogue for sample, _ in answered],
    )
    return replace(found, not_measured=found.not_measured | without)


def _models(params: Params) -> Models:
    models = params.scoring
    return Models(models.embedding_model, models.bertscore_model, models.bertscore_layer, models.nli_model)


def _checked(rows: Sequence[Scored], judged: dict[FaithfulnessCheck, bool]) -> dict[str, Any]:
    """Return as fields of the result what each check finds, and in how many summaries a judged one does."""
    found = [{objection.check for objection in row.objections} for row in rows]
    counts = {check: sum(check in checks for checks in found) for check in FaithfulnessCheck}
    may = {check for check, allowed in judged.items() if allowed}
    return {
        "checks": tuple(
            Checked(check=check, judged=check in may, found=count, rate=rate(count, len(rows)))
            for check, count in counts.items()
        ),
        "flagged": rate(sum(bool(checks & may) for checks in found), len(rows)),
    }


def _finding(
    sample: Sample, outcome: Outcome, params: Params, meant: dict[str, float], recorded: Recorded | None
) -> Finding:
    assert outcome.answer is not None
    summary, record = outcome.answer.summary, outcome.record
    scores, surface = _scores(sample, summary, params)
    failures = scorers.as_told(surface, record.finish)
    scores |= meant
    full = params.privacy.text == "full"
    missed = [fact for fact in sample.key_facts if key_fact_recall(summary, [fact]) == 0]
    scored = Scored(
        id=sample.id,
        domain=sample.domain,
        length=sample.length,
        truncated=None if record.lost_tokens is None else record.lost_tokens > 0,
        dialogue=sample.dialogue if full else "",
        references=sample.references if full else (),
        summary=summary if full else None,
        scores=scores,
        facts_missed=tuple(missed) if full else (),
        failures=failures,
        objections=_objections(summary, sample.dialogue, full=full),
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        lost_tokens=record.lost_tokens,
        tokens_by=record.tokens_by,
        request=record.request,
    )
    counts = [letters(text) for text in (summary, *sample.references)]
    return Finding(
        scored=scored,
        left_out=scorers.left_out(summary, sample.references, params.scoring.tokenizer),
        is_baseline=recorded is not None and recorded.summary(sample.id) == summary,
        seen=sum(seen for seen, _ in counts),
        letters=sum(n for _, n in counts),
    )


def _objections(summary: str, dialogue: str, *, full: bool) -> tuple[Objection, ...]:
    """Return what the faithfulness checks find, without a word of the summary where the privacy setting asks for it."""
    found = faithfulness(summary, dialogue)
    return found if full else tuple(one.model_copy(update={"words": ""}) for one in found)


def _scores(sample: Sample, summary: str, params: Params) -> tuple[dict[str, float], tuple[scorers.OutputFailure, ...]]:
    """Return the scores that a sample allows, and the failed output checks; without references only the latter."""
    if not sample.references:
        return {}, scorers.output_failures(summary, sample.dialogue)
    score = scorers.score_sample(
        sample.id, summary, sample.references, sample.dialogue, sample.key_facts, params.scoring.tokenizer
    )
    kept = score.model_dump(include=set(METRICS), exclude_none=True)
    return {name: float(kept[name]) for name in METRICS if name in kept}, score.failures


def _estimates(rows: Sequence[Scored]) -> dict[str, Estimate]:
    """Return the mean of each metric over the dialogues that have it."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    values = {name: [row.scores[name] for row in rows if name in row.scores] for name in names}
    return {name: bounded_mean(name, v) for name, v in values.items()}


def _compared(
    run: Run, found: Mapping[str, Finding], field: str, path: str | None, key: str, recorded: Recorded | None = None
) -> dict[str, Any]:
    """Return as fields of the result ROUGE-L minus that of recorded predictions on the same dialogues, or why not.

    ``recorded`` is what the file holds, where somebody has read it.
    """
    if path is None:
        return {f"{field}_note": f"{key} names no recorded predictions"}
    recorded = read_recorded(path) if recorded is None else recorded
    both = [s for s in run.samples if s.id in found and recorded.summary(s.id) is not None and s.references]
    if len(both) < len(found):
        why = f"{Path(path).name} has {len(both)} of the {len(found)} dialogues; record the others"
        return {f"{field}_note": why}
    ours = [found[s.id].scored.scores["rougeL"] for s in both]
    theirs = [_rouge_l(s, recorded.summary(s.id) or "", run.params.scoring.tokenizer) for s in both]
    target = run.params.targets.rouge_l
    margin = target.margin if target and key == "baseline.predictions" else None
    equal = sum(found[s.id].is_baseline for s in both)
    own = {"baseline_is_own": recorded_of(run, Path(path)), "baseline_equal": equal} if field == "baseline" else {}
    return {
        **own,
        field: paired(ours, theirs, limit=1.0, seed=run.params.measure.resampling_seed, margin=margin),
        f"{field}_differences": {s.id: a - b for s, a, b in zip(both, ours, theirs, strict=True)},
    }


def _rouge_l(sample: Sample, summary: str, tokenizer: Tokenizer) -> float:
    return scorers.score_sample(sample.id, summary, sample.references, tokenizer=tokenizer).rougeL


def _seen(findings: Sequence[Finding]) -> float | None:
    """Return the share of the letters and digits of summaries and references that `rouge_score`'s tokeniser sees."""
    total = sum(found.letters for found in findings)
    return sum(found.seen for found in findings) / total if total else None


def _why_nothing(stopped: str, asked: Sequence[Asked]) -> str:
    if stopped:
        return f"not asked: {stopped}"
    kinds = Counter(one.outcome.record.kind for one in asked if one.outcome)
    return "no request was answered: " + ", ".join(f"{kind} {n} times" for kind, n in kinds.most_common())
