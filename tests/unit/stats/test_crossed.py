"""The interval of a mean over dialogues and rounds holds whichever of the two the values vary by."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from helpers.stats.crossed import crossed


@pytest.mark.parametrize(("dialogues", "rounds"), [(2.0, 0.0), (0.0, 2.0), (2.0, 2.0), (0.0, 0.0)])
def test_it_holds_the_mean_that_another_run_would_have(dialogues: float, rounds: float) -> None:
    dice, held = np.random.default_rng(3), []
    for _ in range(1000):
        table = dice.normal(0, dialogues, (8, 1)) + dice.normal(0, rounds, (1, 3)) + dice.normal(0, 1, (8, 3))
        low, high = crossed(table)
        held.append(low <= 0 <= high)
    assert np.mean(held) >= 0.93


def test_rounds_that_do_not_differ_leave_the_interval_of_the_dialogues() -> None:
    values = np.array([1.0, 2.0, 4.0, 4.0])
    same = ttest_1samp(values, 0).confidence_interval()
    assert crossed(np.repeat(values[:, None], 3, axis=1)) == pytest.approx((same.low, same.high), rel=0.05)


@pytest.mark.parametrize("shape", [(1, 3), (8, 1), (8,)])
def test_a_single_row_or_round_has_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least two dialogues and two rounds"):
        crossed(np.ones(shape))
