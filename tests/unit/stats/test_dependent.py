"""Batch means and independent repeats by hand, and what they refuse."""

import math

import numpy as np
import pytest

from helpers.stats.intervals import batch_means, repeats


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
        (lambda: batch_means([1, math.nan]), "values: 1 of 2 values are not finite"),
        (lambda: repeats([[1], [math.inf]]), "run 2: 1 of 1 values are not finite"),
        (lambda: repeats([[], [1], []]), "run 1, run 3: no values; leave runs without a success out"),
        (lambda: repeats([[1]], p=5), "p is 5; give 50"),
    ],
)
def test_errors_say_what_where_and_the_fix(call, message):
    with pytest.raises(ValueError, match=message):
        call()
