"""Answers under load against those to the same dialogues alone: load may change what is said, not only when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import fmean

from helpers import scorers
from helpers.runs.request_log import Record, RequestLog
from helpers.runs.results.load_capacity import AnswersUnderLoad
from helpers.runs.results.sample_eval import SampleEval
from helpers.runs.run import Run
from helpers.samples.dataset import Sample
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import mean_rate

#: Scores from 0 to 1 by their names on page 02, and as the result has them.
SCORES = {"rougeL": "rouge_l", "key_fact_recall": "facts"}
#: What was said of each dialogue under load, by its id, and how often.
Heard = Mapping[str, Counter[str]]


def compared(run: Run, heard: Heard) -> AnswersUnderLoad:
    """Return what is the same and what is better or worse; a dialogue counts once, however often it was sent.

    Page 02 sent each dialogue alone. Texts are compared by what the log may keep of them.
    """
    alone = run.results("05").sample_eval
    if not heard:
        return AnswersUnderLoad(reason="no request was answered under load")
    if alone is None or not alone.samples:
        return AnswersUnderLoad(reason="no answers alone to compare with: run page 02 first")
    said = {r.request: r for r in run.log.read() if r.page == alone.page and r.ok and r.summary is not None}
    known = {row.id: said[row.request] for row in alone.samples if row.request in said and row.id in heard}
    shares = [_same(known[sample], texts, run.log) for sample, texts in heard.items() if sample in known]
    told = run.params.privacy.text != "redacted"
    return AnswersUnderLoad(
        answers=sum(texts.total() for texts in heard.values()),
        dialogues=len(heard),
        equal=mean_rate(shares, requests=sum(heard[s].total() for s in known)) if shares and told else None,
        marked=run.prompt_cache.reuse == "distinct",
        **_scored(run, alone, heard),
    )


def _same(alone: Record, texts: Counter[str], log: RequestLog) -> float:
    """Return the share of answers that are the one alone word for word."""
    return sum(n for text, n in texts.items() if log.allowed(text) == alone.summary) / texts.total()


def _scored(run: Run, alone: SampleEval, heard: Heard) -> dict[str, Paired]:
    """Return the differences of the mean scores under load to those alone, over the dialogues that have both."""
    before = {row.id: row.scores for row in alone.samples}
    samples = [sample for sample in run.samples if sample.id in heard and sample.id in before and sample.references]
    after = {sample.id: _means(sample, heard[sample.id], run) for sample in samples}
    found = {}
    for score, name in SCORES.items():
        pairs = [
            (after[s.id][score], before[s.id][score]) for s in samples if score in after[s.id].keys() & before[s.id]
        ]
        if pairs:
            ours, theirs = zip(*pairs, strict=True)
            found[name] = paired(ours, theirs, limit=1.0, seed=run.params.measure.resampling_seed)
    return found


def _means(sample: Sample, texts: Counter[str], run: Run) -> dict[str, float]:
    """Return the mean scores of the answers to one dialogue."""
    scores = {
        text: scorers.score_sample(
            sample.id, text, sample.references, sample.dialogue, sample.key_facts, run.params.scoring.tokenizer
        )
        for text in texts
    }
    means = {}
    for name in SCORES:
        values = [value for text, n in texts.items() for value in [getattr(scores[text], name)] * n]
        if None not in values:
            means[name] = values[0] if len(set(values)) == 1 else fmean(values)  # a mean of equals is rounded
    return means
