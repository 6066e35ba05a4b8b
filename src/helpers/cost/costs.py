"""What serving costs: at the configured traffic with idle time included, and the busy-time floor. US dollars.

It rests on times, tokens and memory as a run measured them, else as they are expected.
"""

from __future__ import annotations

import math
from typing import Any

from helpers.core.model import Frozen
from helpers.params import Params, Price
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.results.load_capacity import LoadCapacity, Strategy
from helpers.stats.intervals import EXACT, Estimate

#: The method of a figure that nobody measured.
EXPECTED = "expected"


#: Why no cost of a provider is stated.
BY_USE = "the provider bills by tokens or time, so no cost by an instance is stated"


class Costs(Frozen):
    """Costs of the measured deployment at the configured traffic.

    ``hourly`` is for all ``replicas`` and the share ``billed`` of the time that they are billed for.
    ``utilisation`` is the share of time that the replicas are busy; above 1 the traffic cannot be sustained.
    ``floor_per_1000_requests`` bills only busy seconds, which no always-on replica achieves.
    ``needs_run_on`` names the configured instance where the speed was measured on another one.
    """

    hourly: float
    replicas: int
    billed: float
    requests_per_hour: float
    per_1000_requests: Estimate
    per_1000_tokens: Estimate
    floor_per_1000_requests: Estimate
    utilisation: Estimate
    run: Estimate
    needs_run_on: str

    @property
    def as_if(self) -> str:
        """What to say of costs whose speed was measured elsewhere."""
        return f"priced as {self.needs_run_on}" if self.needs_run_on else ""


class Basis(Frozen):
    """Seconds and tokens of a request and the memory that serving takes, each with a phrase for its origin.

    ``needed_gb`` is what an instance must have: the memory that serving takes, times the configured headroom.
    ``measured_elsewhere``: the seconds are those of another machine than the configured instance.
    """

    service_time: Estimate
    time_origin: str
    measured_elsewhere: bool
    tokens_per_request: Estimate | None
    tokens_origin: str
    memory_gb: float | None
    memory_origin: str
    needed_gb: float | None

    @property
    def seconds(self) -> float:
        """The mean service time."""
        assert self.service_time.value is not None, "an expected time is always there"
        return self.service_time.value

    @property
    def tokens(self) -> float | None:
        """The mean number of tokens of a request, read and written."""
        return self.tokens_per_request.value if self.tokens_per_request else None


class StrategyCost(Frozen):
    """The cost of 1,000 requests, and by how much it differs from one replica always on, on the same trace."""

    per_1000: float | None = None
    change: float | None = None


def costs(params: Params, found: Basis, run_seconds: float = 0.0) -> Costs:
    """Return the costs that follow from the basis, the price list and the configured traffic.

    Per 1,000 requests: ``hourly × replicas × billed / requests_per_hour × 1000``; exact given price and traffic, so its
    interval has no width. Per 1,000 tokens: the same divided by tokens per request, whose interval it inherits.
    """
    price, traffic, replicas = declared_price(params), params.traffic.requests_per_hour, params.replicas
    billed = billed_share(params, traffic)
    hourly = price.hourly * replicas * billed
    per_1000 = hourly / traffic * 1000
    tokens = found.tokens_per_request or Estimate(value=None, low=None, high=None, n=0, method="none")
    return Costs(
        hourly=hourly,
        replicas=replicas,
        billed=billed,
        requests_per_hour=traffic,
        per_1000_requests=_exact(per_1000),
        per_1000_tokens=inverse(tokens, per_1000),
        floor_per_1000_requests=busy_floor(found.service_time, price),
        utilisation=utilisation(params, found, traffic),
        run=_exact(hourly * run_seconds / 3600),
        needs_run_on=price.name if found.measured_elsewhere else "",
    )


def utilisation(params: Params, found: Basis, requests_per_hour: float) -> Estimate:
    """Return the utilisation of the configured replicas at a traffic."""
    return _scaled(found.service_time, requests_per_hour / 3600 / params.replicas)


def billed_share(params: Params, requests_per_hour: float) -> float:
    """Return the share of the time that is billed: all of it, unless the deployment scales to zero.

    Requests that come independently of each other leave gaps that are exponential. A replica that sleeps after ``T``
    bills ``E[min(gap, T)] = (1 − p) / λ`` of each, and, with the chance ``p = exp(−λT)`` that it fell asleep, the
    minutes of starting again (renewal-reward).
    """
    if params.sleeps_after is None:
        return 1.0
    asleep_after, start = params.sleeps_after / 60, params.cost.initializing.value / 60
    chance = math.exp(-requests_per_hour * asleep_after)
    awake, gap = (1 - chance) / requests_per_hour + chance * start, 1 / requests_per_hour + chance * start
    return awake / gap


def busy_floor(service_time: Estimate, price: Price) -> Estimate:
    """Return what 1,000 requests would cost if a replica billed its busy seconds alone: ``hourly / 3600 × 1000``."""
    return _scaled(service_time, price.hourly / 3600 * 1000)


def basis(params: Params, timed: LatencyCost | None, run: str = "") -> Basis:
    """Return what the costs of ``params`` rest on; ``timed`` is the result of page 03 of the run named ``run``.

    A time that is supplied for the configured instance (``cost.service_times``) goes before one measured elsewhere.
    """
    expected, where = params.cost.expected, f"measured in {run}" if run else "measured in this run"
    mean = timed.mean if timed and timed.mean and timed.mean.value is not None else None
    tokens = timed.tokens_per_request if timed else None
    peak = timed.peak_memory_bytes if timed else None
    supplied = params.cost.service_times.get(declared_price(params).name)
    elsewhere = params.backend != "endpoint" or params.is_here
    if supplied and (mean is None or elsewhere):
        time, origin, elsewhere = _exact(supplied.value), f"supplied: {supplied.source}", False
    elif mean is not None:
        time, origin = mean, where
    else:
        time, origin = _expected(expected.service_time), f"expected, not measured: {expected.source}"
    return Basis(
        service_time=time,
        time_origin=origin,
        measured_elsewhere=elsewhere,
        tokens_per_request=tokens or (_expected(expected.tokens_per_request) if expected.tokens_per_request else None),
        tokens_origin=where if tokens else f"expected, not measured: {expected.source}",
        **_memory(params, peak, where),
    )


def variant_basis(params: Params, service_time: Estimate, peak_bytes: float) -> Basis:
    """Return what the costs of another engine rest on, as it was measured on this machine."""
    where = "measured in this run"
    return Basis(
        service_time=service_time,
        time_origin=where,
        measured_elsewhere=True,
        tokens_per_request=None,
        tokens_origin="not measured",
        memory_gb=(memory := peak_bytes / 1e9),
        memory_origin=f"{where}, peak of its process",
        needed_gb=memory * params.cost.memory_headroom,
    )


def _memory(params: Params, peak: int | None, where: str) -> dict[str, Any]:
    """Return as fields of a basis the memory that serving takes, and what an instance must have for it."""
    given = params.cost.memory_gb
    memory = given.value if given else peak / 1e9 if peak else None
    return {
        "memory_gb": memory,
        "memory_origin": given.source if given else f"{where}, peak of the server" if peak else "not known",
        "needed_gb": None if memory is None else memory * params.cost.memory_headroom,
    }


def declared_price(params: Params) -> Price:
    """Return the price-list row of the configured instance."""
    price = params.prices.find(params.instance)
    if price is None:
        raise ValueError("parameters were validated with their instance in the price list")
    return price


def strategy_costs(measured: LoadCapacity | None, params: Params) -> tuple[StrategyCost, ...]:
    """Return the cost of every strategy in the result's order: ``billed_hours × hourly / requests × 1000``."""
    price = params.prices.find(params.instance)
    if measured is None or price is None:
        return ()
    rows = measured.strategies
    always = {row.trace: _per_1000(row, price.hourly) for row in rows if row.name == "always on"}
    found = []
    for row in rows:
        cost, before = _per_1000(row, price.hourly), always.get(row.trace)
        change = cost / before - 1 if cost is not None and before else None
        found.append(StrategyCost(per_1000=cost, change=change))
    return tuple(found)


def _exact(value: float) -> Estimate:
    """Return a figure that follows from what is configured: from no sample, and without a width."""
    return Estimate(value=value, low=value, high=value, n=0, method=EXACT)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    """Return an estimate times a positive constant."""
    scaled = {name: _times(getattr(estimate, name), factor) for name in ("value", "low", "high", "largest")}
    return estimate.model_copy(update=scaled)


def inverse(estimate: Estimate, constant: float) -> Estimate:
    """Return a positive constant divided by a positive estimate; low and high change places.

    Where the estimate may be as low as 0, the quotient has no upper bound.
    """
    swapped = {"value": estimate.value, "low": estimate.high, "high": estimate.low}
    return estimate.model_copy(update={name: constant / v if v else None for name, v in swapped.items()})


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _expected(value: float) -> Estimate:
    return Estimate(value=value, low=None, high=None, n=0, method=EXPECTED)


def _per_1000(row: Strategy, hourly: float) -> float | None:
    return row.billed_hours * hourly / row.requests * 1000 if row.billed_hours is not None and row.requests else None
