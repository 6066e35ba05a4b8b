"""A month of serving: the published figures, worked examples by hand, and messages for bad input."""

import math

import pytest

from helpers.core.errors import ParamsError
from helpers.cost.costs import Basis, basis
from helpers.cost.projection import Projection, project
from helpers.params import Params
from helpers.params.files import load_params
from helpers.runs.results.latency_cost import LatencyCost
from helpers.stats.intervals import Estimate

PUBLISHED_PRICE = [
    "instance={vendor: aws, type: intel-spr, size: x8}",
    "prices.instances=[{vendor: aws, type: intel-spr, size: x8, hourly: 0.27, vcpus: 8, memory_gb: 16}]",
]


def projected(*overrides: str) -> Projection:
    params = load_params("endpoint", overrides)
    return project(params, basis(params, None))


def measured(params: Params, seconds: float, tokens: float = 300.0, peak: int | None = None) -> Basis:
    def estimate(value: float) -> Estimate:
        return Estimate(value=value, low=value * 0.9, high=value * 1.1, n=10, method="student-t")

    timed = LatencyCost(page="03", mean=estimate(seconds), tokens_per_request=estimate(tokens), peak_memory_bytes=peak)
    return basis(params, timed, "runs/x")


def test_the_published_month_and_price_of_a_thousand_are_reproduced() -> None:
    found = projected(*PUBLISHED_PRICE)
    bill = found.bills[0]
    assert (round(bill.compute), bill.storage, round(bill.network), bill.monitoring) == (194, 10, 15, 25)
    assert bill.per_1000_requests == pytest.approx(1.35)
    assert found.declared.per_1000_requests.value == pytest.approx(1.35)
    assert found.throughput.sustained_per_hour == pytest.approx(800)
    assert found.throughput.per_1000_requests == pytest.approx(0.3375)
    assert found.basis.time_origin.startswith("expected, not measured: publication")


def test_the_speed_of_a_server_on_this_machine_is_not_that_of_the_declared_instance() -> None:
    here, there = load_params("chat"), load_params("chat", ["endpoint.url=https://a.example/v1"])
    assert [measured(params, 2.0).measured_elsewhere for params in (here, there)] == [True, False]


def test_what_is_declared_to_be_up_is_what_is_paid_for() -> None:
    three = projected(*PUBLISHED_PRICE, "deployment.min_replica=3", "deployment.max_replica=3")
    one = projected(*PUBLISHED_PRICE)
    assert three.declared.replicas == 3
    assert three.bills[0].compute == pytest.approx(3 * one.bills[0].compute)
    assert three.declared.per_1000_requests.value == pytest.approx(3 * 1.35)
    assert three.throughput.sustained_per_hour == pytest.approx(2400)
    assert {row.instance: row.monthly for row in three.choices.candidates}["aws intel-spr x8"] == pytest.approx(583.2)


def test_a_deployment_that_sleeps_is_billed_for_being_awake() -> None:
    asleep = ["deployment.min_replica=0", "deployment.scale_to_zero_minutes=15", *PUBLISHED_PRICE]
    busy, quiet = (projected(*asleep, f"traffic.requests_per_hour={rate}") for rate in (200, 1))
    assert busy.declared.billed == pytest.approx(1.0), "a quarter of an hour without a request hardly comes"
    # one an hour: of 60 minutes between requests 15 (1 − 1/e of the gaps are shorter), and 5 to start where it slept
    chance = math.exp(-0.25)
    expected = ((1 - chance) + chance / 12) / (1 + chance / 12)
    assert quiet.declared.billed == pytest.approx(expected)
    assert quiet.bills[0].compute == pytest.approx(expected * 194.4, rel=1e-4)
    assert quiet.declared.per_1000_requests.value == pytest.approx(expected * 270)
    assert quiet.break_even[0].requests_per_hour == pytest.approx(busy.break_even[0].requests_per_hour, rel=1e-4)


def test_replicas_stand_once() -> None:
    with pytest.raises(ParamsError, match=r"'instance.replicas' is 2 and 'deployment.min_replica' 3"):
        projected("instance.replicas=2", "deployment.min_replica=3", "deployment.max_replica=3")


def test_a_month_of_the_vendor_is_longer() -> None:
    assert projected(*PUBLISHED_PRICE, "cost.hours_per_month=730").bills[0].compute == pytest.approx(197.1)


def test_every_minute_is_billed_and_starts_are_too() -> None:
    scenario = "{label: x, source: s, hours_per_day: 10, starts_per_day: 2, extra_replicas: 2, extra_hours_per_day: 3}"
    bill = projected(
        *PUBLISHED_PRICE, f"cost.scenarios=[{scenario}]", "cost.initializing={value: 6.5, source: s}"
    ).bills[0]
    assert bill.billed_hours == pytest.approx(30 * (10 + 13 / 60))
    assert bill.replica_hours == pytest.approx(bill.billed_hours + 2 * 3 * 30)
    assert bill.compute == pytest.approx(0.27 * bill.replica_hours)
    assert bill.busy == pytest.approx(144_000 * 3.6 / 3600 / bill.replica_hours)
    part = "{label: x, source: s, hours_per_day: 0, starts_per_day: 1}"
    bill = projected(f"cost.scenarios=[{part}]", "cost.initializing={value: 0.01, source: s}").bills[0]
    assert bill.billed_hours == pytest.approx(1 / 60)


def test_faster_answers_save_nothing_and_a_lower_price_does() -> None:
    first, _, int8, batching, spot = projected(*PUBLISHED_PRICE).bills
    assert int8.saving == batching.saving == 0
    assert (int8.busy, batching.busy) == (pytest.approx(0.15), pytest.approx(0.164))
    assert spot.saving == pytest.approx(0.4 * first.compute)


def test_break_even_meets_the_target_exactly() -> None:
    even = projected(*PUBLISHED_PRICE).break_even
    assert even[0].requests_per_hour == pytest.approx(270)
    for row in even:
        at = [f"traffic.requests_per_hour={row.all_in_requests_per_hour}", *PUBLISHED_PRICE]
        bill = projected(*at).bills[0]
        tokens = 1.0 if row.per == "requests" else 194.0
        assert bill.all_in_per_1000_requests / tokens == pytest.approx(row.threshold)


def test_the_instance_chosen_is_the_cheapest_that_fits_holds_and_is_in_time() -> None:
    params = load_params("demo")
    found = project(params, measured(params, 1.0, peak=3_000_000_000)).choices
    chosen, in_time = (found.candidates[place or 0] for place in (found.chosen, found.chosen_in_time))
    assert (chosen.instance, chosen.service_time, chosen.busy) == (
        "aws intel-spr x2",
        4.0,
        pytest.approx(0.222, abs=1e-3),
    )
    assert in_time.instance == "aws intel-spr x4"
    unknown = project(params, measured(params, 1.0)).choices
    assert (unknown.chosen, {c.fits for c in unknown.candidates}) == (None, {None})
    supplied = load_params("demo", ["cost.service_times={aws nvidia-t4 x1: {value: 0.1, source: own}}"])
    row = next(c for c in project(supplied, measured(params, 9.0)).choices.candidates if c.time_origin == "supplied")
    assert (row.instance, row.in_time) == ("aws nvidia-t4 x1", True)


def test_the_widest_swing_stands_first_and_speed_does_not_move_the_bill() -> None:
    found = projected().sensitivity
    widths = [abs(s.at_high - s.at_low) for s in found.swings]
    assert widths == sorted(widths, reverse=True)
    assert (found.swings[0].input, found.swings[0].at_low) == ("requests_per_hour", pytest.approx(2 * found.base))
    assert (found.swings[-1].input, widths[-1]) == ("service_time", 0)


def test_another_platform_is_compared_once_its_price_is_given() -> None:
    given = "{name: Modal, hourly_usd: 0.5, monthly_usd: 3, as_of: 2026-08-20, source: price page}"
    modal, none = projected(*PUBLISHED_PRICE, f"cost.platforms=[{given}, {{name: EC2}}]").offers
    assert modal.monthly == pytest.approx(363)
    assert modal.difference == pytest.approx(363 - 194.4)
    assert none.monthly is None


WRONG = [
    ("cost.hours_per_month=0", "'cost.hours_per_month': Input should be greater than 0, got 0"),
    ("cost.hours_per_month=9000", "'cost.hours_per_month': Input should be less than or equal to 744"),
    (
        "cost.lines.storage={unit_usd: -1, usage: 1, source: s}",
        "'cost.lines.storage.unit_usd': Input should be greater than or equal to 0",
    ),
    ("cost.storage=3", "unknown key 'storage' under 'cost'"),
    ("cost.utilisation_limit=1.5", "'cost.utilisation_limit': Input should be less than or equal to 1"),
    ("cost.scenarios=[]", "cost: 'scenarios' is empty; the first of them"),
    ("cost.scenarios=[{label: x}]", "missing key 'source' under 'cost.scenarios.0'"),
    ("cost.scenarios=[{label: x, source: s, hours_per_day: 0}]", "scenario 'x' bills no hour; give 'hours_per_day'"),
    (
        "cost.scenarios=[{label: x, source: s, instance: aws intel-spr x7}]",
        "cost.scenarios 'x': no instance 'aws intel-spr x7' in 'prices' (did you mean 'aws intel-spr x",
    ),
    (
        "cost.platforms=[{name: Modal, hourly_usd: 1}]",
        "platform 'Modal' has a price; give its 'as_of' and its 'source'",
    ),
    ("cost.platforms=[{name: A}, {name: A}]", "platform 'A' stands twice; names must differ"),
    ("cost.ranges={hourly: {low: 2, high: 1, source: s}}", "'low' 2 is not below 'high' 1"),
    ("traffic.requests_per_hour=-5", "'traffic.requests_per_hour': Input should be greater than 0, got -5"),
    ("prices.instances=[]", "'instance' aws intel-spr x8 is not in 'prices' (of 2026-08-20); add its row"),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_assumption_is_one_readable_message(override: str, message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params("endpoint", [override])
    assert len(caught.value.problems) == 1
    assert message in caught.value.problems[0]
