"""Drift: does the second half of a log differ from the first by more than chance?

The unit is the dialogue: its requests in a half are averaged first. A dialogue in both halves counts in both, which
makes the interval wider than it need be, never narrower.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from helpers.core.model import Frozen
from helpers.stats import means
from helpers.stats.comparison import holm
from helpers.stats.intervals import (
    LEVEL,
    Estimate,
    FloatArray,
    per_dialogue,
    t_estimate,
    two_sided,
    without_interval,
)

#: Dialogues that each half needs; of fewer a difference in means says nothing about the traffic.
FEWEST = 10


class Drift(Frozen):
    """One property in both halves, the difference (after minus before), and its p-value over all rows by Holm."""

    name: str
    label: str
    unit: Literal["count", "rate", "score"]
    before: Estimate
    after: Estimate
    difference: Estimate
    p_value: float | None = None
    verdict: Literal["drifted", "no drift shown", "not enough data"]


def drift(
    name: str,
    label: str,
    unit: Literal["count", "rate", "score"],
    before: tuple[ArrayLike, ArrayLike],
    after: tuple[ArrayLike, ArrayLike],
) -> Drift:
    """Return how a property changed between two halves, each given as values and their dialogues.

    Means: Welch's t-test and its interval. Rates: Newcombe's interval and the score test, on the dialogues' own rates.
    """
    first, second = (_averaged(*half) for half in (before, after))
    p_value: float | None = None
    if min(first.size, second.size) < FEWEST:
        note = f"each half needs {FEWEST} dialogues"
        difference = without_interval(None, n=min(first.size, second.size), note=note)
    elif means.equal(first) and means.equal(second):
        note = "all values are equal: no spread to judge from"
        difference = without_interval(float(second.mean() - first.mean()), n=first.size + second.size, note=note)
    else:
        difference, p_value = (_rates if unit == "rate" else _means)(first, second)
    return Drift(
        name=name,
        label=label,
        unit=unit,
        before=t_estimate(first, method="student-t"),
        after=t_estimate(second, method="student-t"),
        difference=difference,
        p_value=p_value,
        verdict="not enough data" if p_value is None else "no drift shown",
    )


def judged(rows: Sequence[Drift]) -> tuple[Drift, ...]:
    """Return the rows with p-values adjusted for looking at all of them (Holm), and the verdict by these."""
    tested = [row for row in rows if row.p_value is not None]
    if not tested:
        return tuple(rows)
    adjusted = holm([row.p_value for row in tested if row.p_value is not None])
    by_name = dict(zip((row.name for row in tested), adjusted, strict=True))
    return tuple(_with(row, by_name[row.name]) if row.name in by_name else row for row in rows)


def _with(row: Drift, p_value: float) -> Drift:
    verdict = "drifted" if p_value < 1 - LEVEL else "no drift shown"
    return row.model_copy(update={"p_value": p_value, "verdict": verdict})


def _averaged(values: ArrayLike, clusters: ArrayLike) -> FloatArray:
    x = np.asarray(values, dtype=float)
    return per_dialogue(x, clusters) if x.size else x


def _means(first: FloatArray, second: FloatArray) -> tuple[Estimate, float]:
    """Source: Welch (1947), as in ``scipy.stats.ttest_ind``."""
    from scipy import stats

    with warnings.catch_warnings():
        # A half whose dialogues are all alike has no variance of its own, which Welch's test takes as it is.
        warnings.filterwarnings("ignore", message="Precision loss", category=RuntimeWarning)
        found = stats.ttest_ind(second, first, equal_var=False)
        between = found.confidence_interval(LEVEL)
    value = float(second.mean() - first.mean())
    return two_sided(value, between, n=first.size + second.size, method="welch"), float(found.pvalue)


def _rates(first: FloatArray, second: FloatArray) -> tuple[Estimate, float]:
    """Source: Newcombe (1998), method 10, as in ``statsmodels``."""
    from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

    counts = (second.sum(), second.size, first.sum(), first.size)
    between = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - LEVEL)
    tested = test_proportions_2indep(*counts, method="score", compare="diff", return_results=True)
    value = float(second.mean() - first.mean())
    return two_sided(value, between, n=first.size + second.size, method="newcombe"), float(tested.pvalue)
