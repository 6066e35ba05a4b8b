"""How the checks of `scorers.faithfulness` were fitted: weights by the references, bounds by their false alarms.

``python -m helpers.experiments.training.checks`` prints both, computed from ``train`` and ``validation`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from helpers.params import Samples
from helpers.samples.dataset import Sample, load_samples
from helpers.scorers.faithfulness import JUDGES, FaithfulnessCheck, Judge, Slot, at_odds, slots, strength
from helpers.scorers.statements import conversation

SPLITS = ("bundled:train", "bundled:validation")
#: The share of references at which each check may be found.
ALARMS = {
    FaithfulnessCheck.WHO: 0.010,
    FaithfulnessCheck.WHEN: 0.003,
    FaithfulnessCheck.HOW_MUCH: 0.003,
    FaithfulnessCheck.REVERSED: 0.003,
    FaithfulnessCheck.AT_ODDS: 0.008,
}
#: How strongly weights are drawn to zero.
RIDGE = 1.0
PARTS = 5


def fitted_weights(found: Sequence[Slot]) -> tuple[float, ...]:
    """Return the weights under which the told candidates of all slots are likeliest (conditional logit with a ridge).

    Source: McFadden (1974).
    """
    tables = [(np.array(list(slot.evidence.values())), list(slot.evidence).index(slot.told)) for slot in found]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = RIDGE * float(weights @ weights) / 2, RIDGE * weights
        for table, told in tables:
            odds = np.exp(table @ weights - (table @ weights).max())
            share = odds / odds.sum()
            total -= float(np.log(share[told]))
            slope = slope - table[told] + share @ table
        return total, slope

    best: Any = minimize(loss, np.zeros(tables[0][0].shape[1]), jac=True)
    return tuple(round(float(one), 2) for one in best.x)


def fit(samples: Sequence[Sample]) -> dict[FaithfulnessCheck, Judge]:
    """Return each check as it comes out of the references of samples.

    Its bound is taken over references that its weights were not fitted on, a fifth of the dialogues at a time.
    """
    parts = [_told(samples[part::PARTS]) for part in range(PARTS)]
    fitted = {}
    for check, judge in JUDGES.items():
        strengths: list[float] = []
        for part, held_out in enumerate(parts):
            weights = _weights(check, [row for other, rows in enumerate(parts) if other != part for row in rows])
            strengths += [_strongest(check, row, weights) for row in held_out]
        bound = sorted(strengths, reverse=True)[int(ALARMS[check] * len(strengths))]
        weights = _weights(check, [row for rows in parts for row in rows])
        fitted[check] = Judge(judge.features, weights, round(bound + 0.005, 2))
    return fitted


#: A reference: its slots, and how much it repeats.
Told = tuple[list[Slot], float]


def _told(samples: Iterable[Sample]) -> list[Told]:
    texts = [(text, conversation(sample.dialogue)) for sample in samples for text in sample.references]
    return [(list(slots(text, talk)), at_odds(text, talk)[0]) for text, talk in texts]


def _weights(check: FaithfulnessCheck, rows: Iterable[Told]) -> tuple[float, ...]:
    found = [slot for row, _ in rows for slot in row if slot.check is check]
    return fitted_weights(found) if found else ()


def _strongest(check: FaithfulnessCheck, row: Told, weights: tuple[float, ...]) -> float:
    found, repeats = row
    if check is FaithfulnessCheck.AT_ODDS:
        return repeats
    return max((strength(slot, weights) for slot in found if slot.check is check), default=-math.inf)


if __name__ == "__main__":
    for check, judge in fit([s for split in SPLITS for s in load_samples(Samples(source=split))]).items():
        print(f"{check}: {judge}")
