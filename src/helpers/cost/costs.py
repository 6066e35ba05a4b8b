"""What serving costs: at declared traffic with idle time included, and the busy-time floor. US dollars.

It rests on times, tokens and memory as a run measured them, else as they are expected.
"""

from __future__ import annotations

from helpers.core.model import Frozen
from helpers.params import Params, Price
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.results.load_capacity import LoadCapacity, Strategy
from helpers.stats.intervals import Estimate

#: The method of a figure that nobody measured.
EXPECTED = "expected"


class Costs(Frozen):
    """Costs of the measured deployment at the declared traffic.

    ``utilisation`` is the share of time that the replicas are busy; above 1 the traffic cannot be held.
    ``floor_per_1000_requests`` bills only busy seconds, which no always-on replica achieves.
    ``break_even_per_hour`` is the traffic above which 1,000 requests cost less than the target.
    """

    hourly: float
    replicas: int
    requests_per_hour: float
    per_1000_requests: Estimate
    per_1000_tokens: Estimate
    floor_per_1000_requests: Estimate
    utilisation: Estimate
    run: Estimate
    break_even_per_hour: float | None
    as_if: str


class Basis(Frozen):
    """Seconds and tokens of a request and the memory that serving takes, each with its origin in words."""

    service_time: Estimate
    time_origin: str
    tokens_per_request: Estimate | None
    tokens_origin: str
    memory_gb: float | None
    memory_origin: str

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


def costs(measured: LatencyCost, params: Params) -> Costs:
    """Return the costs that follow from the measured times and tokens, the price list and the declared traffic.

    Per 1,000 requests: ``hourly × replicas / requests_per_hour × 1000``; exact given price and traffic, so its
    interval has no width. Per 1,000 tokens: the same divided by tokens per request, whose interval it inherits.
    """
    price = declared_price(params)
    hourly = price.hourly * params.instance.replicas
    traffic = params.traffic.requests_per_hour
    per_request = hourly / traffic
    target = params.targets.cost_per_1000_requests
    threshold = (target.below or target.max) if target else None
    mean = measured.mean or Estimate(value=None, low=None, high=None, n=0, method="none")
    tokens = measured.tokens_per_request or Estimate(value=None, low=None, high=None, n=0, method="none")
    return Costs(
        hourly=hourly,
        replicas=params.instance.replicas,
        requests_per_hour=traffic,
        per_1000_requests=_exact(per_request * 1000, mean.n),
        per_1000_tokens=inverse(tokens, per_request * 1000),
        floor_per_1000_requests=busy_floor(mean, price),
        utilisation=_scaled(mean, traffic / 3600 / params.instance.replicas),
        run=_exact(hourly * measured.run_seconds / 3600, mean.n),
        break_even_per_hour=hourly * 1000 / threshold if threshold else None,
        as_if="" if params.backend == "endpoint" else f"as if on {price.vendor} {price.type} {price.size}",
    )


def busy_floor(service_time: Estimate, price: Price) -> Estimate:
    """Return what 1,000 requests would cost if a replica billed its busy seconds alone: ``hourly / 3600 × 1000``."""
    return _scaled(service_time, price.hourly / 3600 * 1000)


def basis(params: Params, timed: LatencyCost | None, run: str = "") -> Basis:
    """Return what the costs of ``params`` rest on; ``timed`` is the result of page 03 of the run named ``run``."""
    expected, where = params.cost.expected, f"measured in {run}" if run else "measured in this run"
    mean = timed.mean if timed and timed.mean and timed.mean.value is not None else None
    tokens = timed.tokens_per_request if timed else None
    peak = timed.peak_memory_bytes if timed else None
    wanted = params.cost.memory_gb
    memory = wanted.value if wanted else peak / 1e9 if peak else None
    return Basis(
        service_time=mean or _expected(expected.service_time),
        time_origin=where if mean else f"expected, not measured: {expected.source}",
        tokens_per_request=tokens or (_expected(expected.tokens_per_request) if expected.tokens_per_request else None),
        tokens_origin=where if tokens else f"expected, not measured: {expected.source}",
        memory_gb=memory,
        memory_origin=wanted.source if wanted else f"{where}, peak of the server" if peak else "not known",
    )


def at_declared_traffic(params: Params, found: Basis) -> Costs:
    """Return the costs at the declared traffic, of a run or of what is expected."""
    return costs(LatencyCost(page="03", mean=found.service_time, tokens_per_request=found.tokens_per_request), params)


def declared_price(params: Params) -> Price:
    """Return the price-list row of the declared instance."""
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


def _exact(value: float, n: int) -> Estimate:
    return Estimate(value=value, low=value, high=value, n=n, method="exact at the declared traffic")


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
