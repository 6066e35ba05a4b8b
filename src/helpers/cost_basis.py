"""What a cost model rests on: times, tokens and memory as a run measured them, else as they are expected."""

from __future__ import annotations

from helpers.cost.costs import Costs, costs
from helpers.params import Params, Price
from helpers.runs.results.base import Row
from helpers.runs.results.latency_cost import LatencyCost
from helpers.stats.intervals import Estimate

#: The method of a figure that nobody measured.
EXPECTED = "expected"


class Basis(Row):
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


def _expected(value: float) -> Estimate:
    return Estimate(value=value, low=None, high=None, n=0, method=EXPECTED)
