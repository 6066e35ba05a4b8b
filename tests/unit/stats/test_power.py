"""The chance that a further look decides, against drawing truths and data; and the n that follows from it."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers.stats import means
from helpers.stats.power import CHANCE, PilotMean, PilotRate, needed_n, pilot_mean

LEVEL = 0.99


@pytest.mark.parametrize(
    ("successes", "n", "threshold", "more"), [(10, 10, 0.9, 100), (7, 10, 0.8, 60), (0, 20, 0.1, 80)]
)
def test_the_chance_of_a_rate_by_drawing(successes: int, n: int, threshold: float, more: int) -> None:
    rng = np.random.default_rng(1)
    truths = rng.beta(successes + 0.5, n - successes + 0.5, 20_000)
    totals = successes + rng.binomial(more - n, truths)
    intervals = {k: means.share_interval(float(k), more, LEVEL) for k in set(totals.tolist())}
    decided = [not intervals[k][0] <= threshold <= intervals[k][1] for k in totals.tolist()]
    assert PilotRate(n, successes).chance(more, threshold, LEVEL) == pytest.approx(np.mean(decided), abs=0.012)


def test_the_chance_of_a_mean_by_drawing() -> None:
    rng = np.random.default_rng(2)
    n, more, threshold, value, spread = 20, 80, 0.0, 0.15, 1.0
    pilot = PilotMean(n, value, spread / math.sqrt(n))
    truths = value + spread / math.sqrt(n) * rng.standard_t(n - 1, 20_000)
    added = rng.normal(truths, spread / math.sqrt(more - n))
    totals = (n * value + (more - n) * added) / more
    reach = stats.t.ppf((1 + LEVEL) / 2, more - 1) * spread / math.sqrt(more)
    assert pilot.chance(more, threshold, LEVEL) == pytest.approx(np.mean(np.abs(totals) > reach), abs=0.012)


@pytest.mark.parametrize(
    ("pilot", "threshold"), [(PilotRate(10, 10), 0.9), (PilotRate(12, 3.5), 0.5), (PilotMean(10, 2.0, 0.4), 3.0)]
)
def test_the_needed_n_is_the_first_with_that_chance(pilot: PilotRate | PilotMean, threshold: float) -> None:
    needed = needed_n(pilot, threshold, LEVEL)
    assert needed is not None
    assert pilot.chance(needed, threshold, LEVEL) >= CHANCE
    assert pilot.chance(max(pilot.n, round(needed / 1.1)), threshold, LEVEL) < CHANCE
    # a stricter look needs more, a smaller chance less
    assert needed_n(pilot, threshold, 0.999) > needed > needed_n(pilot, threshold, LEVEL, 0.6)


def test_no_number_decides_what_lies_on_the_target_exactly() -> None:
    assert needed_n(PilotMean(500_000, 3.0, 1e-3), 3.0, LEVEL) is None
    assert PilotRate(10, 10).chance(10, 0.9, LEVEL) == PilotMean(10, 2.0, 0.4).chance(10, 3.0, LEVEL) == 0


def test_the_pilot_of_skewed_values_reaches_as_far_as_their_interval() -> None:
    values = np.random.default_rng(3).lognormal(size=20)
    pilot = pilot_mean(values.tolist(), 0.0, math.inf, LEVEL)
    assert pilot is not None
    assert pilot.up > 1.1 > pilot.down >= 1
    assert pilot_mean([1.0] * 9, 0.0, 1.0, LEVEL) is pilot_mean([1.0], 0.0, 1.0, LEVEL) is None
