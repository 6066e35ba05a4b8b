"""What holds for any data: intervals contain the estimate, percentiles are monotone, repeats add nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from helpers.stats.comparison import holm, paired, ratio
from helpers.stats.intervals import batch_means, clustered_rate, mean, percentile, rate, repeats

# the first example pays for importing SciPy, so no deadline
bounded = settings(max_examples=60, deadline=None)
# thousandths: seconds and scores, not numbers whose squares underflow
numbers = st.integers(-(10**9), 10**9).map(lambda thousandths: thousandths / 1000)
some = st.lists(numbers, min_size=2, max_size=130)
positive = st.floats(1e-3, 1e3)


def holds_its_value(got):
    return got.bound == "none" or (
        (got.low is None or got.low <= got.value) and (got.high is None or got.value <= got.high)
    )


@bounded
@given(st.integers(0, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_rate_lies_in_its_interval_and_both_in_0_to_1(counts):
    got = rate(*counts)
    assert counts[1] == 0 or 0 <= got.low <= got.value <= got.high <= 1
    assert counts[1] == 0 or got.low < got.high  # never degenerate


@bounded
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_a_clustered_rate_is_never_narrower_than_its_attempts_as_dialogues(attempts):
    outcomes, ids = zip(*attempts, strict=True)
    got = clustered_rate(outcomes, ids)
    assert 0 <= got.low <= got.value <= got.high <= 1
    assert got.n == len(set(ids))


@bounded
@given(some)
def test_a_mean_lies_in_its_interval(values):
    low, high = min(values), max(values)
    for got in (mean(values), mean(values, floor=low), mean(values, floor=low, ceiling=high)):
        assert holds_its_value(got)
    bounded_both = mean(values, floor=low, ceiling=high)
    if bounded_both.low is not None:
        assert low <= bounded_both.low <= bounded_both.high <= high
        assert bounded_both.low < bounded_both.high or low == high, (
            "never without a width, unless there is none to have"
        )


@bounded
@given(some, st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_a_stricter_level_never_narrows_an_interval(values, one, other):
    lax, strict = sorted((one, other))
    wide, narrow = (mean(values, floor=min(values), ceiling=max(values) + 1, level=level) for level in (strict, lax))
    if narrow.low is not None:
        scale = 1e-9 * max(map(abs, values))
        assert wide.low <= narrow.low + scale
        assert narrow.high <= wide.high + scale


@bounded
@given(st.lists(numbers, min_size=100, max_size=250), st.integers(1, 20))
def test_dependent_estimates_hold_their_value(values, runs):
    assert holds_its_value(batch_means(values))
    assert holds_its_value(repeats(np.array_split(values, runs)))


@bounded
@given(st.lists(numbers, min_size=5, max_size=400))
def test_percentiles_are_monotone_and_lie_in_their_intervals(values):
    got = [one for p in (50, 75, 90, 95, 99) if (one := percentile(values, p)).value is not None]
    assert all(holds_its_value(one) for one in got)
    # np.percentile interpolates, so equal neighbours may differ in the last digit
    assert all(a.value <= b.value + 1e-9 * abs(b.value) and a.high <= b.high for a, b in pairwise(got))
    both = [one for one in got if one.bound == "two-sided"]
    assert all(a.low <= b.low for a, b in pairwise(both))


@bounded
@given(st.lists(numbers, min_size=2, max_size=60), st.integers(2, 4), st.randoms())
def test_repeating_every_request_changes_no_interval(values, times, random):
    pairs = [(value, dialogue) for dialogue, value in enumerate(values) for _ in range(times)]
    random.shuffle(pairs)
    repeated, ids = zip(*pairs, strict=True)
    plain, got = mean(values), mean(repeated, ids)
    assert (got.n, got.requests, got.method) == (plain.n, times * plain.n, plain.method)
    if plain.low is not None:
        scale = max(map(abs, values))
        assert (got.low, got.high) == pytest.approx((plain.low, plain.high), abs=1e-9 * scale)


@bounded
@example([(0.0, 1.0), *[(0.0, 0.0)] * 4])  # all differences 0 or 1 are no rate, which could not be below 0
@given(st.lists(st.tuples(numbers, numbers), min_size=5, max_size=60))
def test_exchanging_the_systems_mirrors_the_comparison(pairs):
    a, b = zip(*pairs, strict=True)
    one, other = paired(a, b, resamples=500), paired(b, a, resamples=500)
    assert one.low is None or one.low <= one.difference <= one.high
    scale = max(map(abs, a + b)) + 1e-300
    assert other.difference == pytest.approx(-one.difference, abs=1e-9 * scale)
    if one.low is not None:
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=1e-9 * scale)
    assert other.p_value == one.p_value


@bounded
@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=60))
def test_a_ratio_lies_in_its_interval(pairs):
    assert holds_its_value(ratio(*zip(*pairs, strict=True)))


@settings(bounded, max_examples=8)  # statsmodels collects garbage on every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@bounded
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers(p_values):
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    in_order = [adjusted[i] for i in np.argsort(p_values)]
    assert in_order == sorted(in_order)
