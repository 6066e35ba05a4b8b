"""Paired comparison, ratios, Holm and non-inferiority against worked examples and SciPy."""

import math
import multiprocessing
import tracemalloc
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from scipy import stats

from helpers.stats import comparison
from helpers.stats.comparison import Paired, adjust, holm, losses, paired, ratio
from helpers.stats.intervals import mean


def series(n, shift=0.0, seed=0):
    """Two series of n paired scores; the first lies ``shift`` above the second, plus noise of 0.05."""
    rng = np.random.default_rng(seed)
    reference = rng.normal(0.4, 0.1, n)
    return reference + rng.normal(0, 0.05, n) + shift, reference


@pytest.mark.parametrize(("n", "shift"), [(8, 0.02), (12, 0.0), (12, 0.03)])
def test_p_value_agrees_with_the_exact_test(n, shift):
    a, b = series(n, shift)
    exact = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    got = paired(a, b)
    assert got.difference == pytest.approx((a - b).mean())
    assert got.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 10_000) + 1e-4)


def test_p_value_by_hand():
    # of 2 ** 5 ways to sign 1, 1, 1, 1, 1 two give a sum of 5 in size
    assert paired([1] * 5, [0] * 5).p_value == pytest.approx(2 / 32, abs=0.012)
    # rounding must not lose the two of 2 ** 6 signings that equal the difference
    assert paired([0.7] * 6, [0] * 6).p_value == pytest.approx(2 / 64, abs=0.01)
    assert paired([5, 6, 7, 8, 9], [4, 7, 7, 8, 9]).p_value == 1  # 1, -1, 0, 0, 0: every signing gives at least 0
    assert paired(*series(200, 0.1)).p_value == pytest.approx(1 / 10_001)  # never 0


def test_the_interval_is_that_of_the_mean_difference():
    a, b = series(30)
    got, expected = paired(a, b, limit=1.0), mean(a - b, floor=-1.0, ceiling=1.0)
    assert (got.difference, got.low, got.high, got.method) == (expected.value, expected.low, expected.high, "widest")
    low, high = stats.ttest_rel(a, b).confidence_interval()
    assert (got.low, got.high) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_repeats_are_averaged_per_dialogue():
    a, b = series(12)
    ids = np.repeat(range(12), 3)
    noise = np.tile([-0.1, 0.0, 0.1], 12)
    got, plain = paired(np.repeat(a, 3) + noise, np.repeat(b, 3), ids), paired(a, b)
    assert got.n == 12
    assert (got.difference, got.low, got.high) == pytest.approx((plain.difference, plain.low, plain.high))


def test_result_is_the_same_however_many_processes_draw():
    a, b = series(40, 0.01)
    alone = paired(a, b, margin=0.01, resamples=1_100, seed=7)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert paired(a, b, margin=0.01, resamples=1_100, seed=7, executor=pool) == alone
    assert paired(a, b, margin=0.01, resamples=1_100, seed=8).p_value != alone.p_value


def test_memory_does_not_grow_with_the_resamples():
    a, b = series(10_000)
    tracemalloc.start()
    paired(a, b, resamples=1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # all draws at once would take 80 MB for each thousand, several times over


@pytest.mark.parametrize(
    ("loss", "margin", "higher_is_better", "expected"),
    [
        (0.0, 0.02, True, True),
        (0.0, 0.001, True, False),
        (0.05, 0.02, True, False),
        (-0.05, 0.0, True, True),
        (0.05, 0.0, False, True),
        (-0.05, 0.02, False, False),
        (0.0, 0.02, False, True),
    ],
)
def test_non_inferiority_with_a_margin(loss, margin, higher_is_better, expected):
    a, b = series(100, -loss)
    got = paired(a, b, margin=margin, higher_is_better=higher_is_better)
    side = (got.difference - got.loss_bound) * (1 if higher_is_better else -1)
    assert side > 0
    within = got.loss_bound > -margin if higher_is_better else got.loss_bound < margin
    assert (got.non_inferior, got.non_inferior, got.margin) == (expected, within, margin)


def test_loss_bound_agrees_with_a_one_sided_t():
    a, b = series(30)
    expected = stats.ttest_rel(a, b, alternative="greater").confidence_interval().low
    got = paired(a, b, margin=0.01)
    assert got.loss_bound == pytest.approx(expected, abs=0.002)
    p = stats.ttest_1samp(a - b, -0.01, alternative="greater").pvalue
    assert got.p_inferior == pytest.approx(p, rel=0.2)
    # a mean beyond the margin speaks for a loss
    assert paired(a - 0.1, b, margin=0.01).p_inferior > 0.99


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [([], []), ([0.2], [0.2]), ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.6, 0.5], [1, 1])],
)
def test_holm_by_hand(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


def test_a_family_is_judged_by_its_adjusted_values():
    family = {
        name: Paired(difference=0, n=9, p_value=p)
        for name, p in {"int8": 0.01, "bfloat16": 0.03, "int4": 0.04, "no margin": 0.5, "one pair": None}.items()
    }
    got = adjust(family)
    assert {name: one.adjusted_p for name, one in got.items()} == pytest.approx(
        {"int8": 0.04, "bfloat16": 0.09, "int4": 0.09, "no margin": 0.5, "one pair": None}
    )


def test_a_loss_in_any_measure_is_a_loss_and_variants_are_one_family():
    def measures(*p_values):
        return [Paired(difference=0, n=9, p_inferior=p) for p in p_values]

    family = {
        "int8": measures(0.01, 0.001, 0.02),
        "negated": measures(0.001, 0.001, 0.9),
        "too few": measures(0.001, None, 0.001),
        "nothing": [],
    }
    assert losses(family) == pytest.approx({"int8": 0.04, "negated": 0.9})


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([], [], {"difference": None, "n": 0, "note": "nothing was measured"}),
        ([0.5], [0.25], {"difference": 0.25, "n": 1, "note": "an interval needs at least 5 dialogues"}),
        ([0.5] * 4, [0.25] * 4, {"difference": 0.25, "n": 4, "note": "an interval needs at least 5 dialogues"}),
    ],
)
def test_too_few_pairs(a, b, expected):
    assert paired(a, b, margin=0.1) == Paired(margin=0.1, **expected)


def test_equal_outputs_have_a_width():
    """An answer that was not seen may differ by all of the scale: twelve equal ones leave it much room."""
    equal = [0.3, 0.4, 0.5] * 4
    got = paired(equal, equal, margin=0.01, limit=1.0)
    assert (got.difference, got.p_value, got.note) == (0, 1, "all differences are equal")
    assert (got.low, got.high) == pytest.approx((-(1 - 0.025 ** (1 / 12)), 1 - 0.025 ** (1 / 12)))
    assert got.non_inferior is False
    assert paired(equal * 25, equal * 25, margin=0.01, limit=1.0).non_inferior is True  # of 300, 1 % at most differ
    unbounded = paired(equal, equal, margin=0.01)
    assert (unbounded.low, unbounded.high, unbounded.non_inferior) == (None, None, False)


def test_ratio_agrees_with_its_linearisation():
    rng = np.random.default_rng(5)
    seconds = rng.lognormal(0, 0.3, 300)
    tokens = 50 * seconds * rng.lognormal(0, 0.2, 300)
    got = ratio(tokens, seconds)
    assert got.value == pytest.approx(tokens.sum() / seconds.sum())
    error = (tokens - got.value * seconds).std(ddof=1) / seconds.mean() / math.sqrt(300)
    assert (got.low, got.high) == pytest.approx((got.value - 1.96 * error, got.value + 1.96 * error), rel=0.005)
    assert (got.method, got.n, got.requests) == ("log-ratio", 300, None)


def test_ratio_of_repeats_averages_them_per_dialogue():
    rng = np.random.default_rng(6)
    tokens, seconds = rng.lognormal(3, 0.2, 30), rng.lognormal(0, 0.2, 30)
    got = ratio(np.repeat(tokens, 4), np.repeat(seconds, 4), np.repeat(range(30), 4))
    assert (got.n, got.requests) == (30, 120)
    plain = ratio(tokens, seconds)
    assert (got.value, got.low, got.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.parametrize(
    ("x", "y", "value", "note"),
    [
        ([], [], None, "nothing"),
        ([6] * 7, [2] * 7, None, "a ratio needs at least 8 dialogues"),
        ([2, 4] * 4, [1, 2] * 4, 2, "all ratios are equal"),
    ],
)
def test_ratio_without_an_interval(x, y, value, note):
    got = ratio(x, y)
    assert (got.value, got.low, got.high, got.method, got.n) == (value, None, None, "none", len(x))
    assert note in got.note


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired([1, 2], [1]), "b: 1 values for 2 a; give one for each"),
        (
            lambda: paired([1, math.nan], [math.inf]),
            "a: 1 of 2 .*index 1.*\nb: 1 of 1 .*index 0.*\nb: 1 values for 2",
        ),
        (lambda: paired([1, 2], [1, 2], [1]), "clusters: 1 ids for 2 values"),
        (lambda: paired([1, 2], [1, 2], margin=-0.01), "margin: is -0.01; give the largest loss"),
        (lambda: paired([1, 2], [1, 2], margin=math.nan), "margin: is nan"),
        (lambda: paired([1, 2, 3, 4, 5], [1, 2, 3, 4, 6], resamples=0), "resamples: is 0; give a positive number"),
        (lambda: ratio([1, 2], [1, 0]), "all values must be positive"),
        (
            lambda: holm([0.5, 1.2, -1]),
            r"p_values\[1\]: is 1.2; give a value from 0 to 1\np_values\[2\]: is -1",
        ),
        (lambda: holm([math.nan]), r"p_values\[0\]: is nan"),
    ],
)
def test_errors_say_what_where_and_the_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("n", [3, 5, 31, 400])
def test_flips_in_parts_are_those_drawn_at_once(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(1).normal(size=(2, n))
    whole = comparison.flipped_means(data, 250, (7, 3))
    monkeypatch.setattr(comparison, "MOST_FLIPS", 900)
    assert np.allclose(comparison.flipped_means(data, 250, (7, 3)), whole, rtol=0, atol=1e-15)
