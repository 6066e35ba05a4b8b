"""What serving costs: at declared traffic with idle time included, and the busy-time floor. US dollars."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from helpers.params import Params, Price
from helpers.runs.results.latency_cost import LatencyCost
from helpers.stats.intervals import Estimate


class Costs(BaseModel):
    """Costs of the measured deployment at the declared traffic.

    ``utilisation`` is the share of time that the replicas are busy; above 1 the traffic cannot be held.
    ``floor_per_1000_requests`` bills only busy seconds, which no always-on replica achieves.
    ``break_even_per_hour`` is the traffic above which 1,000 requests cost less than the target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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


def costs(measured: LatencyCost, params: Params) -> Costs:
    """Return the costs that follow from the measured times and tokens, the price list and the declared traffic.

    Per 1,000 requests: ``hourly × replicas / requests_per_hour × 1000``; exact given price and traffic, so its
    interval has no width. Per 1,000 tokens: the same divided by tokens per request, whose interval it inherits.
    """
    price = params.prices.find(params.instance)
    if price is None:
        raise ValueError("parameters were validated with their instance in the price list")
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
        per_1000_tokens=_inverse(tokens, per_request * 1000),
        floor_per_1000_requests=busy_floor(mean, price),
        utilisation=_scaled(mean, traffic / 3600 / params.instance.replicas),
        run=_exact(hourly * measured.run_seconds / 3600, mean.n),
        break_even_per_hour=hourly * 1000 / threshold if threshold else None,
        as_if="" if params.backend == "endpoint" else f"as if on {price.vendor} {price.type} {price.size}",
    )


def busy_floor(service_time: Estimate, price: Price) -> Estimate:
    """Return what 1,000 requests would cost if a replica billed its busy seconds alone: ``hourly / 3600 × 1000``."""
    return _scaled(service_time, price.hourly / 3600 * 1000)


def _exact(value: float, n: int) -> Estimate:
    return Estimate(value=value, low=value, high=value, n=n, method="exact at the declared traffic")


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    """Return an estimate times a positive constant."""
    scaled = {name: _times(getattr(estimate, name), factor) for name in ("value", "low", "high", "largest")}
    return estimate.model_copy(update=scaled)


def _inverse(estimate: Estimate, constant: float) -> Estimate:
    """Return a positive constant divided by an estimate; low and high change places."""
    swapped = {"value": estimate.value, "low": estimate.high, "high": estimate.low}
    return estimate.model_copy(update={name: constant / v if v else None for name, v in swapped.items()})


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
