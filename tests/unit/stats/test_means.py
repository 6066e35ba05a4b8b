"""The parts of a mean's interval against worked examples; tests/properties/test_errors.py shows what each is for."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers.stats import means

LEVEL = 0.95
UNBOUNDED = (-math.inf, math.inf)


def test_student_agrees_with_scipy():
    values = np.random.default_rng(1).lognormal(size=30)
    expected = stats.ttest_1samp(values, 0).confidence_interval(LEVEL)
    assert means.student(values, LEVEL) == pytest.approx(tuple(expected))


def test_halls_transformation_is_undone():
    values = np.random.default_rng(2).exponential(size=40)
    n, spread, skewness = values.size, values.std(ddof=1), float(stats.skew(values) * (39 / 40) ** 1.5)
    for edge, t in zip(means.skewed(values, LEVEL), (1, -1), strict=True):
        w = (values.mean() - edge) / spread
        forward = w + skewness * w**2 / 3 + skewness**2 * w**3 / 27 + skewness / (6 * n)
        assert forward * math.sqrt(n) == pytest.approx(t * stats.t.ppf(0.975, n - 1))
    symmetric = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert means.skewed(symmetric, LEVEL) == means.student(symmetric, LEVEL)


def test_the_log_normal_interval_by_hand():
    values = np.exp([0.0, 1.0, 2.0, 1.0, 0.5, 1.5])
    # logs: mean 1, variance 0.5; the tail of 0.015: t(5) = 3.0029, chi-square(5) = 0.6618
    t, chi = stats.t.ppf(0.985, 5), stats.chi2.ppf(0.015, 5)
    assert (t, chi) == pytest.approx((3.0029, 0.6618), abs=1e-3)
    wide = t**2 * 0.5 / 6 + (0.5 / 2 * (5 / chi - 1)) ** 2
    (reach,) = means.log_normal(values, LEVEL)
    assert math.log(reach) == pytest.approx(1 + 0.25 + math.sqrt(wide), rel=1e-3)


@pytest.mark.parametrize(
    "distances",
    [[0.0, 1.0, 2.0, 3.0, 4.0], [math.inf] * 5, [2.0] * 5, [*np.linspace(0.001, 0.002, 30), *np.linspace(9, 10, 30)]],
    ids=["at the bound", "no bound", "equal", "two heaps"],
)
def test_the_log_normal_interval_is_left_out_where_it_does_not_apply(distances):
    assert means.log_normal(np.array(distances), LEVEL) == ()


def test_equal_values_leave_room_for_what_was_not_seen():
    unseen = 1 - 0.025 ** (1 / 10)
    assert means.interval(np.ones(10), LEVEL, 0.0, 1.0) == pytest.approx((1 - unseen, 1))
    assert means.interval(np.zeros(10), LEVEL, -1.0, 1.0) == pytest.approx((-unseen, unseen))
    assert means.interval(np.full(10, 0.7), LEVEL, 0.0, 1.0) == pytest.approx((0.7 - 0.7 * unseen, 0.7 + 0.3 * unseen))
    assert means.interval(np.ones(10), LEVEL, *UNBOUNDED) is None


def test_few_that_differ_count_as_a_rate():
    values = np.array([1.0] * 9 + [0.5])
    low, high = means.interval(values, LEVEL, 0.0, 1.0)
    assert low == pytest.approx(stats.beta.ppf(0.025, 9.5, 1.5))
    assert low < means.student(values, LEVEL)[0]
    assert high == 1.0
    assert means.deviating(values, LEVEL, 0.0, 1.0)[0] == pytest.approx(stats.beta.ppf(0.025, 9.5, 1.5))
    many = np.array([1.0] * 20 + list(np.linspace(0.2, 0.9, 10)))
    assert not means.few_differ(many)
    assert means.few_differ(np.array([0.1 + 0.2, 0.3, 0.3, 0.9]))  # equal up to rounding


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3.5, 12), (1, 1)])
def test_a_share_that_need_not_be_whole(successes, n):
    low, high = means.share_interval(successes, n, LEVEL)
    assert low == pytest.approx(0 if successes == 0 else stats.beta.ppf(0.025, successes, n - successes + 1))
    assert high == pytest.approx(1 if successes == n else stats.beta.ppf(0.975, successes + 1, n - successes))
