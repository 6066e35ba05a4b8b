"""A month of serving: what is billed in every scenario, what a request then costs, and the traffic that pays for it.

All pure functions of parameters and of what was measured; the workbook of `helpers.cost.spreadsheet` holds the same
formulas. US dollars; seconds; a month has ``cost.hours_per_month`` hours.
"""

from __future__ import annotations

import math
from typing import Literal

from helpers.core.model import Frozen
from helpers.cost.costs import Basis, Costs, billed_share, costs, declared_price
from helpers.cost.instances import Choices, Offer, choices, offers, seconds_on
from helpers.cost.sensitivity import Sensitivity, sensitivity
from helpers.params import Params, Scenario


class Bill(Frozen):
    """The month of one scenario.

    ``billed_hours`` are those of one configured replica, starts included, in whole minutes; ``replica_hours`` those of
    all replicas. ``per_1000_requests`` and ``per_1000_tokens`` hold compute alone, as the published figures do,
    ``all_in_per_1000_requests`` every line. ``floor_per_1000_requests`` bills busy seconds only. ``busy`` is the
    utilisation of the billed time; above 1 the traffic cannot be sustained. ``saving`` is against the first.
    """

    label: str
    source: str
    instance: str
    hourly: float
    billed_hours: float
    replica_hours: float
    compute: float
    storage: float
    network: float
    monitoring: float
    total: float
    requests: float
    per_1000_requests: float
    all_in_per_1000_requests: float
    per_1000_tokens: float | None
    service_time: float | None
    floor_per_1000_requests: float | None
    busy: float | None
    saving: float


class Throughput(Frozen):
    """How many requests the configured replicas could answer: at full load, and at the utilisation limit."""

    service_time: float
    replicas: int
    utilisation_limit: float
    most_per_hour: float
    sustained_per_hour: float
    per_1000_requests: float


class BreakEven(Frozen):
    """The traffic from which a cost target is met by compute alone, and with every line of the bill.

    Of a deployment that scales to zero it is the traffic at which it never sleeps. ``busy`` is the utilisation of the
    configured replicas at the first, ``sustained`` whether they sustain it.
    """

    label: str
    per: Literal["requests", "tokens"]
    threshold: float
    requests_per_hour: float
    all_in_requests_per_hour: float
    busy: float
    sustained: bool


class Projection(Frozen):
    """Everything the cost section shows, and what it rests on."""

    hours_per_month: float
    prices_as_of: str
    as_if: str
    basis: Basis
    declared: Costs
    throughput: Throughput
    bills: tuple[Bill, ...]
    break_even: tuple[BreakEven, ...]
    choices: Choices
    offers: tuple[Offer, ...]
    sensitivity: Sensitivity


def project(params: Params, found: Basis, run_seconds: float = 0.0) -> Projection:
    """Return the monthly projection of every scenario and what follows from it, and what a run of so long costs."""
    bills = _bills(params, found)
    declared = costs(params, found, run_seconds)
    return Projection(
        hours_per_month=params.cost.hours_per_month,
        prices_as_of=params.prices.as_of.isoformat(),
        as_if=declared.as_if,
        basis=found,
        declared=declared,
        throughput=throughput(params, found),
        bills=bills,
        break_even=break_even(params, found),
        choices=choices(params, found),
        offers=offers(params, bills[0].compute, bills[0].requests),
        sensitivity=sensitivity(params, found, lambda changed, basis: bill(changed, basis, changed.cost.scenarios[0])),
    )


def bill(params: Params, found: Basis, scenario: Scenario, first_total: float | None = None) -> Bill:
    """Return the month of one scenario; ``first_total`` is what its saving is counted from."""
    cost, price = params.cost, declared_price(params)
    row = next((p for p in params.prices.instances if p.name == scenario.instance), price)
    days = cost.hours_per_month / 24
    billed = billed_hours(params, scenario)
    hours = billed * params.replicas + scenario.extra_replicas * scenario.extra_hours_per_day * days
    hourly = row.hourly * (1 - scenario.price_reduction)
    lines = {name: getattr(cost.lines, name) for name in ("storage", "network", "monitoring")}
    beside = {name: line.unit_usd * line.usage for name, line in lines.items()}
    compute = hourly * hours
    total = compute + beside["storage"] + beside["network"] + beside["monitoring"]
    requests = (scenario.requests_per_hour or params.traffic.requests_per_hour) * cost.hours_per_month
    on_row = seconds_on(params, found, row)[0]
    seconds = None if on_row is None else on_row * (1 - scenario.time_reduction)
    per_1000 = compute / requests * 1000
    return Bill(
        label=scenario.label,
        source=scenario.source,
        instance=row.name,
        hourly=hourly,
        billed_hours=billed,
        replica_hours=hours,
        compute=compute,
        **beside,
        total=total,
        requests=requests,
        per_1000_requests=per_1000,
        all_in_per_1000_requests=total / requests * 1000,
        per_1000_tokens=per_1000 / found.tokens if found.tokens else None,
        service_time=seconds,
        floor_per_1000_requests=None if seconds is None else hourly / 3600 * seconds * 1000,
        busy=None if seconds is None else requests * seconds / 3600 / hours,
        saving=0.0 if first_total is None else first_total - total,
    )


def billed_hours(params: Params, scenario: Scenario) -> float:
    """Return the hours a month that one replica bills: whole minutes, initialising included, never over the month.

    Source: the vendor bills per minute while initialising and running, nothing while paused or scaled to zero.
    """
    share = billed_share(params, scenario.requests_per_hour or params.traffic.requests_per_hour)
    hours = scenario.hours_per_day * share + scenario.starts_per_day * params.cost.initializing.value / 60
    minutes = min(hours, 24.0) * params.cost.hours_per_month / 24 * 60
    return math.ceil(round(minutes, 6)) / 60


def throughput(params: Params, found: Basis) -> Throughput:
    """Return what the configured replicas can answer; at the limit, the published 800 an hour."""
    replicas, limit = params.replicas, params.cost.utilisation_limit
    most = 3600 / found.seconds * replicas
    return Throughput(
        service_time=found.seconds,
        replicas=replicas,
        utilisation_limit=limit,
        most_per_hour=most,
        sustained_per_hour=most * limit,
        per_1000_requests=declared_price(params).hourly * replicas / (most * limit) * 1000,
    )


def break_even(params: Params, found: Basis) -> tuple[BreakEven, ...]:
    """Return the break-even traffic of every cost target that has an upper threshold."""
    first, able = bill(params, found, params.cost.scenarios[0]), throughput(params, found)
    awake = first.compute / billed_share(params, first.requests / params.cost.hours_per_month)
    all_in = first.total - first.compute + awake
    targets = (
        ("requests", params.targets.cost_per_1000_requests, 1.0),
        ("tokens", params.targets.cost_per_1000_tokens, found.tokens),
    )
    rows = []
    for per, target, units in targets:
        threshold = (target.below or target.max) if target else None
        if target is None or threshold is None or units is None:
            continue
        worth = threshold / 1000 * units
        even = awake / params.cost.hours_per_month / worth
        rows.append(
            BreakEven(
                label=target.label,
                per="requests" if per == "requests" else "tokens",
                threshold=threshold,
                requests_per_hour=even,
                all_in_requests_per_hour=all_in / params.cost.hours_per_month / worth,
                busy=even / able.most_per_hour,
                sustained=even <= able.sustained_per_hour,
            )
        )
    return tuple(rows)


def _bills(params: Params, found: Basis) -> tuple[Bill, ...]:
    first = bill(params, found, params.cost.scenarios[0])
    return (first, *(bill(params, found, s, first.total) for s in params.cost.scenarios[1:]))
