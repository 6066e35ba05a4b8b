"""The scores of many samples together: means with intervals, and a baseline on the same samples.

Also how far a reference itself would come: what ROUGE is measured by where dialogues have several references.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from helpers.core.model import Frozen
from helpers.scorers.bulk import BoolArray, ScoreTable
from helpers.scorers.failures import OutputFailure
from helpers.scorers.nli import NLI
from helpers.scorers.rouge import METRICS, rouge, too_long
from helpers.scorers.semantic import BERTSCORE, SIMILARITY
from helpers.scorers.words import Tokenizer
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate, mean

#: The measures of which more is better, those that may exceed 1, and all that have a mean.
BETTER_IF_HIGHER = (*METRICS, "key_fact_recall", SIMILARITY, BERTSCORE, NLI)
UNBOUNDED = ("length_ratio", "compression")
MEASURES = (*BETTER_IF_HIGHER, *UNBOUNDED, "novel_unigrams", "novel_bigrams")

#: The measures by which a summary and a reference are scored against the other references.
AGREEMENT_METRICS = ("rouge1", "rouge2", "rougeL")


class Scores(Frozen):
    """The mean of each measure over the samples that have it, and how many samples show each failure."""

    n: int
    metrics: dict[str, Estimate]
    failures: dict[OutputFailure, int]


class Agreement(Frozen):
    """One measure against the other references of a dialogue: of its summary, and of the reference left out."""

    summaries: Estimate
    references: Estimate
    difference: Paired


class LeftOut(Frozen):
    """The ROUGE scores of a summary, and of each reference, against the other references of a dialogue."""

    summary: tuple[dict[str, float], ...]
    references: tuple[dict[str, float], ...]


def aggregate(scores: ScoreTable, of: BoolArray | None = None) -> Scores:
    """Return the means and failure counts of summaries, or of some of them; a measure that none has is left out."""
    rows: Any = slice(None) if of is None else of
    metrics = {}
    for measure in MEASURES:
        column = scores.column(measure)
        values = None if column is None else column[rows]
        known = None if values is None else values[~np.isnan(values)]
        if known is not None and len(known):
            metrics[measure] = bounded_mean(measure, known)
    failures = {kind: int(scores.failed(kind)[rows].sum()) for kind in OutputFailure}
    return Scores(n=len(scores) if of is None else int(of.sum()), metrics=metrics, failures=failures)


def bounded_mean(measure: str, values: ArrayLike) -> Estimate:
    """Return the mean of a measure over samples, its interval within the values that the measure can take."""
    return mean(values, floor=_floor(measure), ceiling=math.inf if measure in UNBOUNDED else 1.0)


def largest_difference(measure: str) -> float:
    """Return by how much two values of a measure can differ at most."""
    return math.inf if measure in UNBOUNDED else 1.0 - _floor(measure)


def _floor(measure: str) -> float:
    return -1.0 if measure in (SIMILARITY, BERTSCORE, NLI) else 0.0


def compare(scores: ScoreTable, baseline: ScoreTable, *, seed: int = 0) -> dict[str, Paired]:
    """Return ``scores - baseline`` for each measure of which more is better.

    Both hold the same samples in the same order; a measure is compared on the samples where both have it.
    Raises ValueError when they differ in length.
    """
    compared = {}
    for measure in BETTER_IF_HIGHER:
        ours, theirs = scores.column(measure), baseline.column(measure)
        if ours is None or theirs is None:
            continue
        known = ~np.isnan(ours - theirs)
        if known.any():
            limit = largest_difference(measure)
            compared[measure] = paired(ours[known], theirs[known], limit=limit, seed=seed)
    return compared


def agreement(
    texts: Iterable[tuple[str, Sequence[str]]], *, seed: int = 0, tokenizer: Tokenizer = "unicode"
) -> dict[str, Agreement]:
    """Return by measure how summaries agree with references, and references among themselves.

    ``texts`` are summaries with their references. Each reference in turn is left out: it and the summary are scored
    against the others, so that both face as many. Dialogues with fewer than two references, or with references too
    long to be scored against each other, are passed over; with none left the result is empty. Source: Lin (2004), the
    jackknife over references.
    """
    return agreement_of((left_out(summary, references, tokenizer) for summary, references in texts), seed=seed)


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


def left_out(summary: str, references: Sequence[str], tokenizer: Tokenizer) -> LeftOut | None:
    """Return the scores of a summary, and of each reference, against the other ones; ``None`` without others.

    Nor are there any of references too long to be scored against each other.
    """
    if len(references) < 2 or any(too_long(text, references) for text in references):
        return None
    scorable = "" if too_long(summary, references) else summary
    others = [[*references[:place], *references[place + 1 :]] for place in range(len(references))]
    return LeftOut(
        summary=tuple(rouge(scorable, rest, tokenizer) for rest in others),
        references=tuple(rouge(one, rest, tokenizer) for one, rest in zip(references, others, strict=True)),
    )
