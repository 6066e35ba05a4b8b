"""Page 02: how good are the summaries? Each dialogue is asked once; scores are averaged over dialogues."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import scorers
from helpers.core.paths import PACKAGE
from helpers.experiments.groups import grouped
from helpers.experiments.recordings import compare_recordings, recorded_of
from helpers.experiments.sensitivity import bundled_sensitivity, judged_checks
from helpers.params import Params
from helpers.runs.results.sample_eval import Checked, Recording, SampleEval, Scored
from helpers.runs.run import Run
from helpers.runs.sender import Outcome, RequestSender
from helpers.samples.dataset import Sample
from helpers.samples.recorded import read_recorded
from helpers.scorers.aggregate import bounded_mean
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection, faithfulness
from helpers.scorers.scoring import key_fact_recall
from helpers.scorers.semantic import Models, Semantics, semantic_scores
from helpers.scorers.words import Tokenizer, letters
from helpers.stats.comparison import paired
from helpers.stats.intervals import Estimate, rate

PAGE = "02"
#: A dialogue, and the last attempt at its request (if it was asked).
Asked = tuple[Sample, Outcome | None]
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


def measure(run: Run) -> SampleEval:
    """Ask for a summary of every dialogue and score what came back."""
    if down := run.down():
        return SampleEval(page=PAGE, reason=down)
    began, sender = time.monotonic(), run.sender(PAGE)
    outcomes = ask(sender, run.samples)
    return evaluate(run, outcomes, sender, time.monotonic() - began, compare_recordings(run.params))


def ask(sender: RequestSender, samples: Sequence[Sample]) -> list[Asked]:
    """Return what each dialogue was answered with, ``None`` where asking had ended."""
    return [(sample, sender.ask(sample.id, sample.dialogue)) for sample in samples]


def evaluate(
    run: Run, outcomes: Sequence[Asked], sender: RequestSender, seconds: float, recordings: tuple[Recording, ...]
) -> SampleEval:
    """Return the scores of what was answered, beside those of ``recordings``."""
    answered = [(sample, outcome) for sample, outcome in outcomes if outcome and outcome.answer]
    meant = _meant(answered, run.params)
    scored = [
        _scored(sample, outcome, run.params, {name: values[place] for name, values in meant.values.items()})
        for place, (sample, outcome) in enumerate(answered)
    ]
    asked = sum(outcome is not None for _, outcome in outcomes)
    if not scored:
        why = _why_nothing(sender.stopped, outcomes)
        return SampleEval(page=PAGE, reason=why, asked=asked, requests=asked, **sender.ended())
    summaries = {sample.id: outcome.answer.summary for sample, outcome in answered if outcome.answer}
    noticed = bundled_sensitivity(_models(run.params))
    return SampleEval(
        page=PAGE,
        requests=asked,
        seconds=seconds,
        **sender.ended(),
        signature="|".join(filter(None, [_signature(run, summaries), meant.signature])),
        rouge_score_sees=_seen(answered),
        not_measured=meant.not_measured,
        asked=asked,
        answered=len(scored),
        replaced=sum(outcome.record.replaced for _, outcome in answered),
        scores=_estimates(scored),
        agreement=scorers.agreement(
            ((summaries[sample.id], sample.references) for sample, _ in answered),
            seed=run.params.measure.resampling_seed,
            tokenizer=run.params.scoring.tokenizer,
        ),
        groups=grouped(scored, _estimates),
        samples=tuple(scored),
        failures=dict(Counter(kind for row in scored for kind in row.failures)),
        sensitivity=noticed,
        **_checked(scored, judged_checks(noticed)),
        output_failure_rate=rate(sum(bool(row.failures) for row in scored), len(scored)),
        **_compared(run, summaries, "baseline", run.params.baseline.predictions, "baseline.predictions"),
        **_compared(run, summaries, "untuned", run.params.baseline.untuned, "baseline.untuned"),
        recordings=recordings,
    )


def _meant(answered: Sequence[tuple[Sample, Outcome]], params: Params) -> Semantics:
    """Return the scores by meaning, in the order of the answers; they need references for every dialogue."""
    if not all(sample.references for sample, _ in answered):
        why = "not every dialogue has a reference"
        return Semantics({}, {"semantic_similarity": why, "bertscore_f1": why}, "")
    return semantic_scores(
        [outcome.answer.summary if outcome.answer else None for _, outcome in answered],
        [sample.references for sample, _ in answered],
        _models(params),
        [sample.dialogue for sample, _ in answered],
    )


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


def _scored(sample: Sample, outcome: Outcome, params: Params, meant: dict[str, float]) -> Scored:
    assert outcome.answer is not None
    summary, record = outcome.answer.summary, outcome.record
    scores, failures = _scores(sample, summary, params)
    scores |= meant
    full = params.privacy.text == "full"
    missed = [fact for fact in sample.key_facts if key_fact_recall(summary, [fact]) == 0]
    return Scored(
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


def _objections(summary: str, dialogue: str, *, full: bool) -> tuple[Objection, ...]:
    """Return what the faithfulness checks find, without a word of the summary where the privacy setting asks for it."""
    found = faithfulness(summary, dialogue)
    return found if full else tuple(one.model_copy(update={"words": ""}) for one in found)


def _scores(sample: Sample, summary: str, params: Params) -> tuple[dict[str, float], tuple[str, ...]]:
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


def _signature(run: Run, summaries: dict[str, str]) -> str:
    """Return the signature of the ROUGE scores, by the metric that `evaluate` users load; it needs no network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its progress bars miss their widgets; none are drawn here
        import evaluate

    both = [(summaries[s.id], list(s.references)) for s in run.samples if s.id in summaries and s.references]
    if not both:
        return ""
    metric = evaluate.load(str(PACKAGE / "scorers" / "dialogue_rouge"))
    texts = {"predictions": [p for p, _ in both], "references": [r for _, r in both]}
    found = metric.compute(**texts, tokenizer=run.params.scoring.tokenizer)
    return str(found["signature"])


def _compared(run: Run, summaries: dict[str, str], field: str, path: str | None, key: str) -> dict[str, Any]:
    """Return as fields of the result ROUGE-L minus that of recorded predictions on the same dialogues, or why not."""
    if path is None:
        return {f"{field}_note": f"{key} names no recorded predictions"}
    recorded = read_recorded(path)
    both = [s for s in run.samples if s.id in summaries and recorded.summary(s.id) is not None and s.references]
    if len(both) < len(summaries):
        why = f"{Path(path).name} has {len(both)} of the {len(summaries)} dialogues; record the others"
        return {f"{field}_note": why}
    tokenizer = run.params.scoring.tokenizer
    ours = [_rouge_l(s, summaries[s.id], tokenizer) for s in both]
    theirs = [_rouge_l(s, recorded.summary(s.id) or "", tokenizer) for s in both]
    target = run.params.targets.rouge_l
    margin = target.margin if target and key == "baseline.predictions" else None
    equal = sum(summaries[s.id] == recorded.summary(s.id) for s in both)
    own = {"baseline_is_own": recorded_of(run, Path(path)), "baseline_equal": equal} if field == "baseline" else {}
    return {
        **own,
        field: paired(ours, theirs, limit=1.0, seed=run.params.measure.resampling_seed, margin=margin),
        f"{field}_differences": {s.id: a - b for s, a, b in zip(both, ours, theirs, strict=True)},
    }


def _rouge_l(sample: Sample, summary: str, tokenizer: Tokenizer) -> float:
    return scorers.score_sample(sample.id, summary, sample.references, tokenizer=tokenizer).rougeL


def _seen(answered: Sequence[tuple[Sample, Outcome]]) -> float | None:
    """Return the share of the letters and digits of summaries and references that `rouge_score`'s tokeniser sees."""
    texts = [
        text for sample, outcome in answered if outcome.answer for text in (outcome.answer.summary, *sample.references)
    ]
    counts = [letters(text) for text in texts]
    total = sum(n for _, n in counts)
    return sum(seen for seen, _ in counts) / total if total else None


def _why_nothing(stopped: str, outcomes: Sequence[Asked]) -> str:
    if stopped:
        return f"not asked: {stopped}"
    kinds = Counter(outcome.record.kind for _, outcome in outcomes if outcome)
    return "no request was answered: " + ", ".join(f"{kind} {n} times" for kind, n in kinds.most_common())
