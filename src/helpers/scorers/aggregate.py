"""The scores of many samples together: means with intervals, and a baseline on the same samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from helpers.scorers.failures import SemanticFailure
from helpers.scorers.rouge import METRICS
from helpers.scorers.scoring import SampleScore
from helpers.scorers.semantic import BERTSCORE, SIMILARITY
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate, mean, within

#: The measures of which more is better, those that may exceed 1, and all that have a mean.
BETTER_IF_HIGHER = (*METRICS, "key_fact_recall", SIMILARITY, BERTSCORE)
UNBOUNDED = ("length_ratio", "compression")
MEASURES = (*BETTER_IF_HIGHER, *UNBOUNDED, "novel_unigrams", "novel_bigrams")


class Scores(BaseModel):
    """The mean of each measure over the samples that have it, and how many samples show each failure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    metrics: dict[str, Estimate]
    failures: dict[SemanticFailure, int]


def aggregate(scores: Sequence[SampleScore], *, seed: int = 0) -> Scores:
    """Return the means and failure counts of samples; a measure that no sample has is left out."""
    metrics = {}
    for measure in MEASURES:
        values = [value for score in scores if (value := getattr(score, measure)) is not None]
        if values:
            metrics[measure] = bounded_mean(measure, values, seed=seed)
    failures = {kind: sum(kind in score.failures for score in scores) for kind in SemanticFailure}
    return Scores(n=len(scores), metrics=metrics, failures=failures)


def bounded_mean(measure: str, values: Sequence[float], *, seed: int = 0) -> Estimate:
    """Return the mean of a measure over samples, its interval cut to the values that the measure can take."""
    floor = -1.0 if measure == SIMILARITY else 0.0
    return within(mean(values, seed=seed), floor, math.inf if measure in UNBOUNDED else 1.0)


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
            compared[measure] = paired(*zip(*known, strict=True), seed=seed)
    return compared
