"""Which row of the price list would do, and what other platforms would bill."""

from __future__ import annotations

from datetime import date
from typing import Literal

from helpers.core.model import Frozen
from helpers.cost.costs import Basis, billed_share, declared_price
from helpers.params import Params, Price

TimeOrigin = Literal["declared", "supplied", "scaled by processors", "not known"]


class InstanceOption(Frozen):
    """One row of the price list for the configured replicas and traffic; ``None`` where it cannot be known.

    ``monthly`` is compute as it is billed, ``per_1000_requests`` the same for 1,000 requests. ``fits``: it has the
    memory that is needed; ``sustains`` is whether the utilisation stays within ``cost.utilisation_limit``, ``in_time``
    whether the service time meets the latency target.
    """

    instance: str
    hourly: float
    memory_gb: float | None
    service_time: float | None
    time_origin: TimeOrigin
    busy: float | None
    fits: bool | None
    sustains: bool | None
    in_time: bool | None
    monthly: float
    per_1000_requests: float


class Choices(Frozen):
    """All candidates by price; the cheapest that fits and sustains the rate, and the cheapest also within the target.

    ``memory_gb`` is what serving takes, ``needed_gb`` (``headroom`` times as much) what an instance must have for it.
    """

    memory_gb: float | None
    needed_gb: float | None
    headroom: float
    candidates: tuple[InstanceOption, ...]
    chosen: int | None
    chosen_in_time: int | None


class Offer(Frozen):
    """Another platform for the same month; ``monthly`` is ``None`` while nobody supplied its price."""

    name: str
    monthly: float | None
    per_1000_requests: float | None
    difference: float | None
    as_of: date | None
    source: str


def choices(params: Params, found: Basis) -> Choices:
    """Return every row of the price list, cheapest first, and which of them would do.

    Of equal prices the one with more memory is taken. A row whose memory need or time nobody knows is never chosen.
    """
    rows = sorted(params.prices.instances, key=lambda price: (price.hourly, -(memory_of(price) or 0), price.name))
    candidates = tuple(_candidate(params, found, price) for price in rows)
    able = [place for place, c in enumerate(candidates) if c.fits and c.sustains]
    return Choices(
        memory_gb=found.memory_gb,
        needed_gb=found.needed_gb,
        headroom=params.cost.memory_headroom,
        candidates=candidates,
        chosen=next(iter(able), None),
        chosen_in_time=next((place for place in able if candidates[place].in_time), None),
    )


def seconds_on(params: Params, found: Basis, price: Price) -> tuple[float | None, TimeOrigin]:
    """Return the service time on a row of the price list, and where it is from.

    Measured times are taken for the configured instance's. A row with processors and no accelerator is estimated: time
    goes with one over their number, the best that more of them can do. Elsewhere it must be supplied.
    """
    declared = declared_price(params)
    supplied = params.cost.service_times.get(price.name)
    if price.name == declared.name:
        return found.seconds, "declared"
    if supplied:
        return supplied.value, "supplied"
    if price.vcpus and declared.vcpus:
        return found.seconds * declared.vcpus / price.vcpus, "scaled by processors"
    return None, "not known"


def memory_of(price: Price) -> float | None:
    """Return the memory in GB that a model can use on a row: the accelerator's where there is one."""
    return price.gpu_memory_gb or price.accelerator_memory_gb or price.memory_gb


def offers(params: Params, compute: float, requests: float) -> tuple[Offer, ...]:
    """Return what every other platform would bill for a month of the configured traffic, always on.

    ``compute`` is what the configured deployment bills, ``requests`` how many it answers a month.
    """
    return tuple(_offer(params, number, compute, requests) for number in range(len(params.cost.platforms)))


def _offer(params: Params, number: int, compute: float, requests: float) -> Offer:
    platform = params.cost.platforms[number]
    hours = params.cost.hours_per_month * params.replicas
    parts = (
        (platform.hourly_usd or 0.0) * hours,
        (platform.per_1000_requests_usd or 0.0) * requests / 1000,
        platform.monthly_usd or 0.0,
    )
    monthly = sum(parts) if platform.has_price else None
    return Offer(
        name=platform.name,
        monthly=monthly,
        per_1000_requests=None if monthly is None else monthly / requests * 1000,
        difference=None if monthly is None else monthly - compute,
        as_of=platform.as_of,
        source=platform.source or "",
    )


def _candidate(params: Params, found: Basis, price: Price) -> InstanceOption:
    seconds, origin = seconds_on(params, found, price)
    replicas, memory, need, traffic = (
        params.replicas,
        memory_of(price),
        found.needed_gb,
        params.traffic.requests_per_hour,
    )
    busy = None if seconds is None else traffic * seconds / 3600 / replicas
    hourly = price.hourly * replicas * billed_share(params, traffic)
    target = params.targets.average_latency
    limit = (target.max or target.below) if target else None
    return InstanceOption(
        instance=price.name,
        hourly=price.hourly,
        memory_gb=memory,
        service_time=seconds,
        time_origin=origin,
        busy=busy,
        fits=None if memory is None or need is None else memory >= need,
        sustains=None if busy is None else busy <= params.cost.utilisation_limit,
        in_time=None if seconds is None or limit is None else seconds <= limit,
        monthly=hourly * params.cost.hours_per_month,
        per_1000_requests=hourly / traffic * 1000,
    )
