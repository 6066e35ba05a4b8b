"""Rates, means, percentiles, batch means and repeats against worked examples and against other libraries."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from helpers.stats.comparison import paired
from helpers.stats.intervals import Estimate, batch_means, clustered_rate, mean, percentile, rate, repeats, smallest_n


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (7, 10), (1, 1), (480, 500), (0, 1)])
@pytest.mark.parametrize("level", [0.95, 0.9876])
def test_rate_agrees_with_scipy(successes, n, level):
    expected = stats.binomtest(successes, n).proportion_ci(level, method="exact")
    got = rate(successes, n, level=level)
    assert (got.value, got.n, got.method, got.level) == (successes / n, n, "clopper-pearson", level)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_ten_of_ten_is_69_to_100_percent():
    got = rate(10, 10, unit="attempt")
    assert got.low == pytest.approx(0.025 ** (1 / 10))  # 0.6915: with it, ten of ten come in one case of forty
    assert (got.high, got.unit) == (1, "attempt")


def test_attempts_that_all_succeed_count_their_dialogues():
    got = clustered_rate([True] * 60, np.repeat(range(10), 6))
    assert got == rate(10, 10).model_copy(update={"requests": 60})


def test_clustered_rate_weighs_dialogues_alike():
    got = clustered_rate([1, 1, 1, 1, 0], ["a", "a", "a", "b", "b"])
    assert (got.value, got.n, got.requests) == (0.75, 2, 5)
    # as 1.5 of 2: beta distributions with 1.5 and 1.5, 2.5 and 0.5
    expected = (stats.beta.ppf(0.025, 1.5, 1.5), stats.beta.ppf(0.975, 2.5, 0.5))
    assert (got.low, got.high) == pytest.approx(expected)


def test_mean_by_hand():
    got = mean([1, 2, 3, 4, 5])  # s = 1.5811, standard error 0.7071, t(0.975, 4) = 2.7764
    assert (got.value, got.n, got.method, got.level) == (3, 5, "widest", 0.95)
    assert (got.low, got.high) == pytest.approx((1.0368, 4.9632), abs=1e-4)


def test_a_stricter_level_is_wider_and_bounds_are_kept():
    values = np.random.default_rng(1).lognormal(size=30)
    plain, strict = mean(values, floor=0.0), mean(values, floor=0.0, level=0.9876)
    assert 0 <= strict.low < plain.low < plain.value < plain.high < strict.high
    assert strict.level == 0.9876
    # three token counts reached below zero, and a cost of them above infinity
    assert mean([150, 310, 900, 200, 220], floor=0.0).low >= 0


def test_repeats_are_averaged_per_dialogue():
    got = mean([1, 3, 10, 20, 30, 4, 5, 7], ["b", "b", "a", "a", "a", "c", "d", "e"])
    assert (got.value, got.n, got.unit, got.requests) == (7.6, 5, "dialogue", 8)
    assert got.model_copy(update={"requests": None}) == mean([20, 2, 4, 5, 7])


def test_values_of_0_and_1_are_a_rate_where_they_are_its_bounds():
    bounds = {"floor": 0.0, "ceiling": 1.0}
    assert mean([1, 1, 0], **bounds) == rate(2, 3)
    assert mean([1, 1, 0, 0], [1, 1, 2, 2], **bounds) == rate(1, 2).model_copy(update={"requests": 4})
    one_of_ten = [1.0] + [0.0] * 9
    assert mean(one_of_ten, **bounds).low > 0
    # a difference might have been below 0, and a count above 1
    assert mean(one_of_ten, floor=-1.0, ceiling=1.0).low < 0
    assert mean(one_of_ten, floor=0.0).method == "widest"
    assert paired([1.0] + [0.0] * 99, [0.0] * 100, limit=1.0).low < 0


@pytest.mark.parametrize(
    ("values", "clusters", "value", "n", "note"),
    [
        ([], None, None, 0, "nothing was measured"),
        ([], [], None, 0, "nothing was measured"),
        ([7], None, 7, 1, "an interval needs at least 5 dialogues"),
        ([3, 5], [1, 1], 4, 1, "an interval needs at least 5 dialogues"),
        ([3, 5, 4, 9], None, 5.25, 4, "an interval needs at least 5 dialogues"),
        ([0.1] * 9, None, 0.1, 9, "all values are equal"),
        ([0.0] * 9, None, 0, 9, "all values are equal"),
        ([0.1, 0.2, 0.3, *[0.2] * 4], [1, 1, 1, 2, 3, 4, 5], 0.2, 5, "all values are equal"),
        ([0.3] * 150, None, 0.3, 150, "all values are equal"),
    ],
)
def test_mean_without_an_interval(values, clusters, value, n, note):
    got = mean(values, clusters)
    assert got.value == (None if value is None else pytest.approx(value))
    assert (got.low, got.high, got.n, got.bound, got.method) == (None, None, n, "none", "none")
    assert note in got.note


@pytest.mark.parametrize(
    ("p", "two_sided", "one_sided"),
    [(50, 6, 5), (90, 36, 29), (95, 72, 59), (99, 368, 299), (99.9, 3688, 2995)],
)
def test_smallest_n_comes_from_the_binomial(p, two_sided, one_sided):
    assert (smallest_n(p, sides=2), smallest_n(p, sides=1)) == (two_sided, one_sided)
    for n, bound in [(two_sided, "two-sided"), (two_sided - 1, "upper"), (one_sided, "upper")]:
        got = percentile(range(n), p)
        assert (got.bound, got.method, got.needs) == (bound, "order-statistics", None)
        assert got.value == pytest.approx(np.percentile(range(n), p))
        assert (got.low is None) == (bound == "upper")
        assert got.high == n - 1
    below = percentile(range(one_sided - 1), p)
    assert (below.value, below.needs, below.largest) == (None, one_sided, one_sided - 2)
    assert (below.bound, below.low, below.high) == ("none", None, None)


@pytest.mark.parametrize(("n", "p"), [(10, 50), (100, 50), (100, 90), (200, 95), (700, 99)])
def test_percentile_takes_the_innermost_ranks_that_suffice(n, p):
    exactly = [math.comb(n, k) * (p / 100) ** k * (1 - p / 100) ** (n - k) for k in range(n)]
    below = np.cumsum(exactly)  # below[k - 1]: fewer than k of n values lie below the percentile
    low = max(k for k in range(1, n + 1) if below[k - 1] <= 0.025)
    high = min(k for k in range(1, n + 1) if 1 - below[k - 1] <= 0.025)
    got = percentile(np.random.default_rng(4).permutation(n) + 1, p)
    assert (got.low, got.high) == (low, high)
    if (n, p) == (100, 50):
        assert (low, high) == (40, 61)  # the tabled ranks for the median of 100


def test_percentile_of_repeats_takes_one_value_per_dialogue():
    values, ids = np.arange(60.0), np.repeat(range(6), 10)
    got = percentile(values, 50, ids)
    assert (got.n, got.requests, got.low, got.high, got.value) == (6, 60, 4.5, 54.5, 29.5)
    assert percentile(values, 90, ids).largest == 54.5


def test_percentile_of_nothing():
    got = percentile([], 90)
    assert (got.value, got.largest, got.needs, got.note) == (None, None, 29, "nothing was measured")


def test_batch_means_by_hand():
    values = [1000.0] * 3 + [float(batch) for batch in range(1, 11) for _ in range(12)]
    got = batch_means(values)  # means 1 to 10: s = 3.0277, standard error 0.95743, t(0.975, 9) = 2.2622
    assert (got.value, got.n, got.unit, got.method) == (5.5, 120, "request", "batch-means")
    assert (got.low, got.high) == pytest.approx((5.5 - 2.1659, 5.5 + 2.1659), abs=1e-4)


@pytest.mark.parametrize(("n", "said"), [(100, "52 %"), (1_999, "74 %"), (2_000, "86 %"), (20_000, "")])
def test_batch_means_say_what_they_cover(n, said):
    note = batch_means(np.arange(n)).note
    assert said in note
    assert bool(note) == bool(said)


@pytest.mark.parametrize(
    ("values", "value", "note"),
    [
        ([], None, "nothing"),
        ([2.0], 2, "at least 100"),
        (range(99), 49, "at least 100"),
        ([3] * 100, 3, "equal"),
    ],
)
def test_batch_means_without_an_interval(values, value, note):
    got = batch_means(values)
    assert (got.value, got.low, got.high, got.method, got.n) == (value, None, None, "none", len(values))
    assert note in got.note


def test_repeats_by_hand():
    got = repeats([[1, 3], [4], [5, 6, 7]])  # figures 2, 4, 6: standard error 1.1547, t(0.975, 2) = 4.3027
    assert (got.value, got.n, got.unit, got.requests) == (4, 3, "repeat", 6)
    assert got.method == "independent-repeats"
    assert (got.low, got.high) == pytest.approx((4 - 4.9683, 4 + 4.9683), abs=1e-4)


def test_a_percentile_is_taken_within_each_run():
    got = repeats([np.arange(101), np.arange(101) + 10], p=90)
    assert (got.value, got.n, got.requests) == (95, 2, 202)
    assert (got.low, got.high) == pytest.approx((95 - 5 * 12.7062, 95 + 5 * 12.7062), abs=1e-3)


def test_a_percentile_that_the_shortest_run_cannot_support():
    got = repeats([np.arange(500), np.arange(58)], p=95)
    assert (got.value, got.needs, got.largest, got.n, got.requests) == (None, 59, 499, 2, 558)
    assert "per run" in got.note


@pytest.mark.parametrize(
    ("p", "n", "said"),
    [
        (None, 500, "90 %"),
        (None, 2_000, ""),
        (50, 100, ""),
        (75, 100, "77 %"),
        (95, 500, "82 %"),
        (99.9, 3_000, "76 %"),
    ],
)
def test_repeats_say_what_they_cover_at_the_shortest_run(p, n, said):
    note = repeats([np.arange(n), np.arange(n + 5_000)], p).note
    assert said in note
    assert bool(note) == bool(said)


@pytest.mark.parametrize(("runs", "value", "note"), [([], None, "nothing"), ([[1, 3]], 2, "one value")])
def test_too_few_runs(runs, value, note):
    got = repeats(runs)
    assert (got.value, got.low, got.high, got.n) == (value, None, None, len(runs))
    assert note in got.note


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rate(11, 10), "11 successes of 10: give counts"),
        (lambda: rate(-1, 10), "-1 successes of 10"),
        (lambda: clustered_rate([0.5], [1]), "outcomes must be 0 or 1"),
        (lambda: mean([0.5, 1.5], floor=0.0, ceiling=1.0), "1.5 is not between 0.0 and 1.0"),
        (lambda: mean([1, math.nan, math.inf]), "values: 2 of 3 values are not finite, the first at index 1"),
        (lambda: percentile([1, -math.inf], 50), "values: 1 of 2 values are not finite"),
        (lambda: mean([[1], [2]]), "values: has 2 dimensions"),
        (lambda: mean([1, 2], [1]), "clusters: 1 ids for 2 values"),
        (lambda: clustered_rate([1, 0], []), "clusters: 0 ids for 2 values"),
        (lambda: percentile([1, 2], 0.95), "p is 0.95; give 50 <= p < 100, as in 95 for p95"),
        (lambda: percentile([1, 2], 100), "p is 100; give 50"),
        (lambda: batch_means([1, math.nan]), "values: 1 of 2 values are not finite"),
        (lambda: repeats([[1], [math.inf]]), "run 2: 1 of 1 values are not finite"),
        (lambda: repeats([[], [1], []]), "run 1, run 3: no values; leave runs without a success out"),
        (lambda: repeats([[1]], p=5), "p is 5; give 50"),
    ],
)
def test_errors_say_what_where_and_the_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_estimate_is_frozen_and_finite():
    got = rate(1, 2)
    with pytest.raises(ValidationError, match="frozen"):
        got.value = 1
    with pytest.raises(ValidationError, match="finite"):
        Estimate(value=math.nan, low=None, high=None, n=1, method="none")
    with pytest.raises(ValidationError, match="Extra inputs"):
        Estimate(value=1, low=None, high=None, n=1, method="none", mean=1)
