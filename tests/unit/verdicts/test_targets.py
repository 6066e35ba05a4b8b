"""Verdicts: decided by the whole interval, each kind by a worked example."""

import pytest

from helpers.cost.costs import costs
from helpers.params import Params, Target
from helpers.params.files import load_params
from helpers.runs.results.latency_cost import LatencyCost, Timed
from helpers.runs.results.sample_eval import SampleEval
from helpers.runs.results.store import Results
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate, rate
from helpers.verdicts.sample_size import needed_n
from helpers.verdicts.targets import decide, judge


def estimate(
    low: float | None, high: float | None, n: int = 10, value: float | None = None, **more: object
) -> Estimate:
    middle = value if value is not None else ((low + high) / 2 if low is not None and high is not None else None)
    return Estimate(value=middle, low=low, high=high, n=n, method="student-t", **more)  # type: ignore[arg-type]


def target(**threshold: float) -> Target:
    return Target(label="x", unit="s", source="test", **threshold)  # type: ignore[arg-type]


CASES = [
    (estimate(2.0, 2.9), {"max": 3.0}, "met"),
    (estimate(2.0, 3.0), {"max": 3.0}, "met"),
    (estimate(2.0, 3.0), {"below": 3.0}, "undecided"),
    (estimate(2.9, 3.1), {"max": 3.0}, "undecided"),
    (estimate(3.0, 3.1), {"max": 3.0}, "undecided"),
    (estimate(3.0, 3.1), {"below": 3.0}, "missed"),
    (estimate(3.01, 3.1), {"max": 3.0}, "missed"),
    (estimate(0.99, 1.0), {"min": 0.99}, "met"),
    (estimate(0.99, 1.0), {"above": 0.99}, "undecided"),
    (estimate(0.72, 1.0), {"min": 0.99}, "undecided"),
    (estimate(0.5, 0.9), {"min": 0.99}, "missed"),
    (estimate(0.5, 0.99), {"above": 0.99}, "missed"),
    (estimate(-0.009, 0.02), {"margin": 0.01}, "met"),
    (estimate(-0.01, 0.02), {"margin": 0.01}, "undecided"),
    (estimate(-0.05, -0.02), {"margin": 0.01}, "missed"),
    (estimate(None, 2.9, bound="upper"), {"max": 3.0}, "met"),
    (estimate(None, 3.1, bound="upper"), {"max": 3.0}, "undecided"),
    (estimate(None, None, value=1.0), {"max": 3.0}, "undecided"),
    (estimate(None, None, needs=36), {"max": 3.0}, "undecided"),
    (estimate(None, None, n=0), {"max": 3.0}, "not measured"),
    (estimate(1.0, 2.0), {}, "informative"),
]


@pytest.mark.parametrize(("found", "threshold", "verdict"), CASES)
def test_each_kind_of_verdict(found: Estimate, threshold: dict[str, float], verdict: str) -> None:
    assert decide(found, target(**threshold)) == verdict


def test_ten_of_ten_does_not_decide_ninety_nine_percent_and_381_would() -> None:
    found = rate(10, 10, unit="request")
    assert decide(found, target(min=0.99)) == "undecided"
    assert needed_n(found, 0.99) == 381
    assert decide(rate(381, 381), target(min=0.99)) == "met"
    assert decide(rate(380, 380), target(min=0.99)) == "undecided"


def test_the_n_that_decides_a_mean_shrinks_the_half_width_to_the_distance() -> None:
    # half-width 1 at n = 10, distance 0.5: four times as many
    assert needed_n(estimate(1.5, 3.5), 3.0) == 40
    assert needed_n(estimate(2.5, 3.5), 3.0) is None


@pytest.fixture
def params() -> Params:
    return load_params("demo")


def measured(mean: float, n: int = 10) -> LatencyCost:
    timed = tuple(
        Timed(id=str(i), domain=None, length=None, truncated=None, mean=mean, times=(mean,), requests=("r",))
        for i in range(n)
    )
    return LatencyCost(
        page="03",
        mean=estimate(mean * 0.9, mean * 1.1, n),
        success_rate=rate(30, 30, unit="request"),
        error_rate=rate(0, 30, unit="attempt"),
        tokens_per_request=estimate(200.0, 400.0, n, value=300.0),
        dialogues=timed,
        run_seconds=3600.0,
    )


def test_the_published_cost_is_reproduced(params: Params) -> None:
    found = costs(measured(3.6), params)
    # 0.268 an hour over 200 requests; the publication says 0.27 / 200 × 1,000 = 1.35
    assert found.per_1000_requests.value == pytest.approx(1.34)
    assert found.per_1000_tokens.value == pytest.approx(1.34 / 300)
    assert found.per_1000_tokens.low == pytest.approx(1.34 / 400)
    assert found.floor_per_1000_requests.value == pytest.approx(0.268 / 3600 * 3.6 * 1000)
    assert found.utilisation.value == pytest.approx(0.2)
    assert found.break_even_per_hour == pytest.approx(268)
    assert found.run.value == pytest.approx(0.268)


def test_every_target_is_a_row_and_what_was_not_measured_says_why(params: Params) -> None:
    rows = {row.name: row for row in judge(Results(latency_cost=measured(1.0)), params, "make it").rows}
    assert list(rows) == [name for name in type(params.targets).model_fields if getattr(params.targets, name)]
    assert rows["average_latency"].verdict == "met"
    assert rows["success_rate"].verdict == "undecided"
    assert rows["cost_per_1000_requests"].verdict == "missed"
    assert rows["total_cost"].verdict == "informative"
    assert (rows["rouge_l"].verdict, rows["rouge_l"].reason) == ("not measured", "run page 02 first")


def test_a_cost_on_another_machine_is_never_plainly_met(params: Params) -> None:
    row = next(
        r for r in judge(Results(latency_cost=measured(1.0)), params, "c").rows if r.name == "cost_per_1000_tokens"
    )
    assert row.verdict == "undecided"
    assert row.reason == "would be met as if on aws intel-spr x8, but this ran elsewhere"


def test_an_undecided_row_prints_the_price_of_knowing(params: Params) -> None:
    row = next(r for r in judge(Results(latency_cost=measured(2.0)), params, "again").rows if r.name == "success_rate")
    price = row.price_of_knowing
    assert price is not None
    assert (price.n, price.command) == (381, "again --set measure.repeats=39")
    assert price.minutes == pytest.approx(390 * 2.0 / 60)


def test_a_lost_margin_is_missed_and_a_small_gain_is_met(params: Params) -> None:
    lost = Paired(difference=-0.1, low=-0.15, high=-0.05, n=100)
    rows = {
        r.name: r
        for r in judge(Results(sample_eval=SampleEval(page="02", baseline=lost, untuned=lost)), params, "c").rows
    }
    assert (rows["rouge_l"].verdict, rows["rouge_l_gain"].verdict) == ("missed", "missed")


def test_ship_needs_every_row_met(params: Params) -> None:
    assert not judge(Results(latency_cost=measured(1.0)), params, "c").ship
    only = params.model_copy(
        update={"targets": params.targets.model_copy(update=dict.fromkeys(type(params.targets).model_fields))}
    )
    assert judge(Results(), only, "c").ship
