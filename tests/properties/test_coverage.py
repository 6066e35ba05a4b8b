"""How often 95 % intervals hold the true value under load: every claim of ``stats.coverage``; and repeats, and ratios.

Each row simulates experiments whose truth is known and prints method, data, n, measured and claimed coverage.
"""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from helpers.stats import coverage
from helpers.stats.comparison import paired, ratio
from helpers.stats.intervals import batch_means, clustered_rate, mean, percentile, rate, repeats

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

EXPERIMENTS = 2_000
RESAMPLES = 399
#: three standard errors of a share near 0.9 in 2,000 experiments, and the rounding of the claim
TOLERANCE = 0.025
BUSY = 0.8
MEAN_RESPONSE = 1 / (1 - BUSY)


def response_times(rng, experiments, n):
    """Response times of an M/M/1 queue in its steady state: service times of mean 1, Lindley's recursion."""
    service = rng.exponential(1, (experiments, n))
    steps = service[:, :-1] - rng.exponential(1 / BUSY, (experiments, n - 1))
    start = np.where(rng.random((experiments, 1)) < BUSY, rng.exponential(MEAN_RESPONSE, (experiments, 1)), 0)
    walk = np.hstack([start, start + steps.cumsum(axis=1)])
    return walk - np.minimum(np.minimum.accumulate(walk, axis=1), 0) + service


def response_percentile(p):
    return -math.log(1 - p / 100) * MEAN_RESPONSE  # a response time of M/M/1 is exponential


def share(intervals, truth=0.0):
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))


@pytest.fixture
def row(capsys):
    """Print a row of the table and hold the measured against the claimed coverage."""

    def check(method, data, n, measured, claimed, at_most=None):
        with capsys.disabled():
            print(f"\n{method:20}{data:36}{n:>7,}  covers {measured:6.1%}  claimed {claimed:4.0%}", end="")
        assert measured >= claimed - TOLERANCE
        assert measured <= (1 if at_most is None else at_most + TOLERANCE)

    return check


def claims(table, *ns):
    """The table's own n and ``ns``, with the claim; a claim below 93 % must not be far too low either."""
    found = []
    for kind, shares in table.items():
        for n in sorted({*shares, *ns}):
            claimed = shares[max(k for k in shares if k <= n)]
            exact = n in shares and n != min(shares) and claimed < coverage.ACCEPTABLE
            found.append((kind, n, claimed, claimed if exact else None))
    return found


@pytest.mark.parametrize("n", [10, 50])
def test_one_sided_decisions(row, n):
    """At a loss of exactly the margin, and at no difference, one decision in twenty may be wrong."""
    gains = np.random.default_rng(n).normal(size=(EXPERIMENTS, n))
    got = [paired(one - 0.1, np.zeros(n), margin=0.1, resamples=RESAMPLES) for one in gains]
    row("loss bound", "symmetric data", n, float(np.mean([not one.non_inferior for one in got])), 0.95, 0.95)
    got = [paired(one, np.zeros(n), resamples=RESAMPLES) for one in gains]
    row("randomisation", "symmetric data", n, float(np.mean([one.p_value > 0.05 for one in got])), 0.95, 0.95)


@pytest.mark.parametrize("n", [8, 10, 50, 500])
def test_ratio(row, n):
    rng = np.random.default_rng(n)
    seconds = rng.lognormal(0, 0.5, (EXPERIMENTS, n))
    tokens = seconds * rng.lognormal(-(0.2**2) / 2, 0.2, (EXPERIMENTS, n))
    intervals = (ratio(x, y) for x, y in zip(tokens, seconds, strict=True))
    row("ratio", "sizes log-normal", n, share(intervals, truth=1), 0.95)


@pytest.mark.parametrize("n", [10, 50, 500])
@pytest.mark.parametrize("true_rate", [0.5, 0.9])
def test_clustered_rate(row, n, true_rate):
    """Six attempts per dialogue, correlation 0.5 within a dialogue: beta-binomial."""
    rng = np.random.default_rng(n)
    chances = rng.beta(true_rate, 1 - true_rate, (EXPERIMENTS, n, 1))
    outcomes = rng.random((EXPERIMENTS, n, 6)) < chances
    ids = np.repeat(range(n), 6)
    measured = share((clustered_rate(one.ravel(), ids) for one in outcomes), true_rate)
    row("clustered rate", f"rate {true_rate}, 6 attempts each", n, measured, 0.95)
    if n == 10:
        pooled = share((rate(int(one.sum()), 60) for one in outcomes), true_rate)
        row("pooled rate", f"rate {true_rate}, 6 attempts each", n, pooled, 0, 0.75)


def test_an_estimated_effective_n_covers_less(row):
    """Why clustered_rate counts dialogues: Wilson on p (1 - p) / variance, between dialogues and attempts."""
    rng = np.random.default_rng(1)
    n, true_rate = 20, 0.95
    rates = rng.binomial(6, rng.beta(true_rate, 1 - true_rate, (10 * EXPERIMENTS, n))) / 6
    p, variance = rates.mean(axis=1), rates.var(axis=1) / n
    all_alike = variance == 0
    effective = np.clip(p * (1 - p) / np.where(all_alike, np.inf, variance), n, 6 * n)
    low, high = proportion_confint(p * effective, effective, method="wilson")
    measured = float(np.mean((low <= true_rate) & (true_rate <= high)))
    row("estimated n", "rate 0.95, 6 attempts each", n, measured, 0.88, 0.88)


@pytest.mark.parametrize("n", [10, 50, 500])
def test_mean_of_repeats(row, n):
    """Six repeats per dialogue, nearly alike: pooled, ten dialogues cover about 58 %."""
    rng = np.random.default_rng(n)
    repeated = rng.normal(size=(EXPERIMENTS, n, 1)) + rng.normal(0, 0.2, (EXPERIMENTS, n, 6))
    ids = np.repeat(range(n), 6)
    measured = share(mean(one.ravel(), ids) for one in repeated)
    row("mean", "clustered, 6 repeats each", n, measured, 0.95)
    if n == 10:
        row("pooled mean", "clustered, 6 repeats each", n, share(mean(one.ravel()) for one in repeated), 0.58, 0.58)


@pytest.mark.parametrize(
    ("n", "p"), [(10, 50), (50, 50), (50, 90), (500, 50), (500, 90), (500, 95), (500, 99), (30, 90), (60, 95)]
)
def test_percentile(row, n, p):
    ranks = percentile(range(n), p)  # the interval is a pair of ranks, whatever the values
    values = np.sort(np.random.default_rng(n).lognormal(size=(EXPERIMENTS, n)), axis=1)
    truth = stats.lognorm.ppf(p / 100, 1)
    above = truth <= values[:, int(ranks.high)]
    below = True if ranks.low is None else values[:, int(ranks.low)] <= truth
    row(f"p{p} {ranks.bound}", "log-normal data", n, float(np.mean(above & below)), 0.95)


def test_intervals_for_independent_values_fail_under_load(row):
    values = response_times(np.random.default_rng(1), 600, 500)
    row("mean", "one run of a queue", 500, share((mean(one) for one in values), 5), 0.18, 0.18)
    of_p95 = share((percentile(one, 95) for one in values), response_percentile(95))
    row("p95", "one run of a queue", 500, of_p95, 0.17, 0.17)


@pytest.mark.parametrize(("kind", "n", "claimed", "at_most"), claims(coverage.BATCH_MEANS))
def test_batch_means(row, kind, n, claimed, at_most):
    rng = np.random.default_rng(n)
    parts = (response_times(rng, 100, n) for _ in range(EXPERIMENTS // 100))
    measured = share((batch_means(one) for part in parts for one in part), MEAN_RESPONSE)
    row("batch means", kind, n, measured, claimed, at_most)


@pytest.mark.parametrize(("kind", "n", "claimed", "at_most"), claims(coverage.REPEATED_MEAN, 10, 50))
def test_repeated_mean(row, kind, n, claimed, at_most):
    runs = response_times(np.random.default_rng(n), 5 * EXPERIMENTS, n).reshape(EXPERIMENTS, 5, n)
    measured = share((repeats(one) for one in runs), MEAN_RESPONSE)
    row("repeats, mean", kind, n, measured, claimed, at_most)


@pytest.mark.parametrize(
    ("p", "kind", "n", "claimed", "at_most"),
    [
        (p, *claim)
        for p, table in coverage.REPEATED_PERCENTILE.items()
        for claim in claims(table, 100 if p < 99 else 299)
        if claim[1] > 1
    ],
)
def test_repeated_percentile(row, p, kind, n, claimed, at_most):
    rng = np.random.default_rng(n)
    parts = (response_times(rng, 500, n).reshape(100, 5, n) for _ in range(10))
    measured = share((repeats(one, p) for part in parts for one in part), response_percentile(p))
    row(f"repeats, p{p}", kind, n, measured, claimed, at_most)
