"""The scores of many samples together: means with intervals, and a baseline on the same samples.

Also how far a reference itself would come: what ROUGE is measured by where dialogues have several references.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from helpers.core.model import Frozen
from helpers.scorers.failures import SemanticFailure
from helpers.scorers.rouge import METRICS, rouge, too_long
from helpers.scorers.scoring import SampleScore
from helpers.scorers.semantic import BERTSCORE, SIMILARITY
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate, mean

#: The measures of which more is better, those that may exceed 1, and all that have a mean.
BETTER_IF_HIGHER = (*METRICS, "key_fact_recall", SIMILARITY, BERTSCORE)
UNBOUNDED = ("length_ratio", "compression")
MEASURES = (*BETTER_IF_HIGHER, *UNBOUNDED, "novel_unigrams", "novel_bigrams")

#: What a summary and a reference are held against the other references by.
AGREEMENT_METRICS = ("rouge1", "rouge2", "rougeL")


class Scores(Frozen):
    """The mean of each measure over the samples that have it, and how many samples show each failure."""

    n: int
    metrics: dict[str, Estimate]
    failures: dict[SemanticFailure, int]


class Agreement(Frozen):
    """One measure against the other references of a dialogue: of its summary, and of the reference left out."""

    summaries: Estimate
    references: Estimate
    difference: Paired


class LeftOut(Frozen):
    """The ROUGE scores of a summary, and of each reference, against the other references of a dialogue."""

    summary: tuple[dict[str, float], ...]
    references: tuple[dict[str, float], ...]


def aggregate(scores: Sequence[SampleScore]) -> Scores:
    """Return the means and failure counts of samples; a measure that no sample has is left out."""
    metrics = {}
    for measure in MEASURES:
        values = [value for score in scores if (value := getattr(score, measure)) is not None]
        if values:
            metrics[measure] = bounded_mean(measure, values)
    failures = {kind: sum(kind in score.failures for score in scores) for kind in SemanticFailure}
    return Scores(n=len(scores), metrics=metrics, failures=failures)


def bounded_mean(measure: str, values: Sequence[float]) -> Estimate:
    """Return the mean of a measure over samples, its interval within the values that the measure can take."""
    return mean(values, floor=_floor(measure), ceiling=math.inf if measure in UNBOUNDED else 1.0)


def largest_difference(measure: str) -> float:
    """Return by how much two values of a measure can differ at most."""
    return math.inf if measure in UNBOUNDED else 1.0 - _floor(measure)


def _floor(measure: str) -> float:
    return -1.0 if measure in (SIMILARITY, BERTSCORE) else 0.0


def compare(scores: Sequence[SampleScore], baseline: Sequence[SampleScore], *, seed: int = 0) -> dict[str, Paired]:
    """Return ``scores - baseline`` for each measure of which more is better.

    Both hold the same samples in the same order; a measure is compared on the samples where both have it.
    Raises ValueError when they differ in length.
    """
    compared = {}
    for measure in BETTER_IF_HIGHER:
        pairs = [(getattr(a, measure), getattr(b, measure)) for a, b in zip(scores, baseline, strict=True)]
        known = [pair for pair in pairs if None not in pair]
        if known:
            compared[measure] = paired(*zip(*known, strict=True), limit=largest_difference(measure), seed=seed)
    return compared


def agreement(texts: Iterable[tuple[str, Sequence[str]]], *, seed: int = 0) -> dict[str, Agreement]:
    """Return by measure how summaries agree with references, and references among themselves.

    ``texts`` are summaries with their references. Each reference in turn is left out: it and the summary are held
    against the others, so that both face as many. Dialogues with fewer than two references are passed over; with none
    left the result is empty. Source: Lin (2004), the jackknife over references.
    """
    return agreement_of((left_out(summary, references) for summary, references in texts), seed=seed)


def agreement_of(scores: Iterable[LeftOut | None], *, seed: int = 0) -> dict[str, Agreement]:
    """Return what `agreement` does from the scores of each dialogue, which need no text any more."""
    scored = [both for both in scores if both is not None]
    found = {}
    for name in AGREEMENT_METRICS if scored else ():
        ours = [fmean(score[name] for score in both.summary) for both in scored]
        theirs = [fmean(score[name] for score in both.references) for both in scored]
        found[name] = Agreement(
            summaries=bounded_mean(name, ours),
            references=bounded_mean(name, theirs),
            difference=paired(ours, theirs, limit=largest_difference(name), seed=seed),
        )
    return found


def left_out(summary: str, references: Sequence[str]) -> LeftOut | None:
    """Return the scores of a summary, and of each reference, against the other ones; ``None`` without others."""
    if len(references) < 2:
        return None
    scorable = "" if too_long(summary) else summary
    others = [[*references[:place], *references[place + 1 :]] for place in range(len(references))]
    return LeftOut(
        summary=tuple(rouge(scorable, rest) for rest in others),
        references=tuple(rouge(one, rest) for one, rest in zip(references, others, strict=True)),
    )
