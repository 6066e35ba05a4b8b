"""What the simulated strategies cost at the price list: computed when rendering, as every cost is. US dollars."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from helpers.params import Params
from helpers.runs.results.load_capacity import LoadCapacity, Strategy


class StrategyCost(BaseModel):
    """The cost of 1,000 requests, and by how much it differs from one replica always on, on the same trace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_1000: float | None = None
    change: float | None = None


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


def _per_1000(row: Strategy, hourly: float) -> float | None:
    return row.billed_hours * hourly / row.requests * 1000 if row.billed_hours is not None and row.requests else None
