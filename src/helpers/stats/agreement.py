"""How far raters who judged the same things agree, and how far beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from statistics import fmean

from helpers.core.model import Frozen
from helpers.stats.intervals import Estimate, mean_rate


class RaterAgreement(Frozen):
    """Agreement on ``n`` things that two raters or more judged.

    ``same`` is the share of pairs of raters that say the same, averaged over things. ``alpha`` is Krippendorff's: one
    is agreement without exception, zero what chance gives; ``None`` where all raters always say the same one thing,
    so that there is nothing to tell chance from.
    """

    n: int
    raters: int
    same: Estimate
    alpha: float | None


def rater_agreement(judged: Mapping[str, Mapping[str, str]]) -> RaterAgreement | None:
    """Return the agreement on labels by thing and rater; ``None`` where no thing has two raters.

    Source: Krippendorff (1980), as in ``nltk.metrics.agreement``, with any two different labels equally far apart.
    """
    from nltk.metrics.agreement import AnnotationTask

    shared = {thing: by_rater for thing, by_rater in judged.items() if len(by_rater) > 1}
    if not shared:
        return None
    same = [fmean(a == b for a, b in combinations(by_rater.values(), 2)) for by_rater in shared.values()]
    labels = {label for by_rater in shared.values() for label in by_rater.values()}
    task = AnnotationTask([(rater, thing, label) for thing, by in shared.items() for rater, label in by.items()])
    return RaterAgreement(
        n=len(shared),
        raters=len({rater for by_rater in shared.values() for rater in by_rater}),
        same=mean_rate(same),
        alpha=float(task.alpha()) if len(labels) > 1 else None,
    )
