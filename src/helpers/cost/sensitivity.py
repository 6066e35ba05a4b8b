"""What the cost of a request depends on: one input varied at a time, the others as configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, get_args

from helpers.core.model import Frozen
from helpers.cost.costs import Basis, declared_price
from helpers.params import Params
from helpers.params.cost import CostInput

#: What each input is called, and its unit.
LABELS: dict[CostInput, tuple[str, str]] = {
    "requests_per_hour": ("traffic", "requests an hour"),
    "hourly": ("price of an hour", "USD"),
    "service_time": ("service time", "seconds"),
    "hours_per_month": ("hours of the month", "hours"),
    "storage": ("storage", "GB"),
    "network": ("network", "GB"),
    "monitoring": ("monitoring", "months"),
}


class Swing(Frozen):
    """One input at its low and at its high, and the cost of 1,000 requests at each."""

    input: CostInput
    label: str
    unit: str
    low_input: float
    high_input: float
    at_low: float
    at_high: float
    source: str


class Sensitivity(Frozen):
    """The cost of 1,000 requests, every line of the bill included, and how far each input moves it; widest first."""

    base: float
    swings: tuple[Swing, ...]


class _Billed(Protocol):
    @property
    def all_in_per_1000_requests(self) -> float: ...


def sensitivity(params: Params, found: Basis, billed: Callable[[Params, Basis], _Billed]) -> Sensitivity:
    """Return how the bill of the first scenario moves; an input that no range holds moves by ``cost.spread``."""
    swings = []
    for name in get_args(CostInput):
        value = _value(params, found, name)
        given, spread = params.cost.ranges.get(name), params.cost.spread
        given = given if given and given.low <= value <= given.high else None
        low, high = (given.low, given.high) if given else (value * (1 - spread), value * (1 + spread))
        at_low, at_high = (billed(*_with(params, found, name, end)).all_in_per_1000_requests for end in (low, high))
        source = given.source if given else "the same share each way"
        swings.append(
            Swing(
                input=name,
                label=LABELS[name][0],
                unit=LABELS[name][1],
                low_input=low,
                high_input=high,
                at_low=at_low,
                at_high=at_high,
                source=source,
            )
        )
    swings.sort(key=lambda swing: -abs(swing.at_high - swing.at_low))
    return Sensitivity(base=billed(params, found).all_in_per_1000_requests, swings=tuple(swings))


def _value(params: Params, found: Basis, name: CostInput) -> float:
    if name == "requests_per_hour":
        return params.traffic.requests_per_hour
    if name == "hourly":
        return declared_price(params).hourly
    if name == "service_time":
        return found.seconds
    if name == "hours_per_month":
        return params.cost.hours_per_month
    return float(getattr(params.cost.lines, name).usage)


def _with(params: Params, found: Basis, name: CostInput, value: float) -> tuple[Params, Basis]:
    """Return parameters and basis with one input changed."""
    if name == "service_time":
        changed = found.service_time.model_copy(update={"value": value})
        return params, found.model_copy(update={"service_time": changed})
    if name == "requests_per_hour":
        return _changed(params, "traffic", requests_per_hour=value), found
    if name == "hours_per_month":
        return _changed(params, "cost", hours_per_month=value), found
    if name == "hourly":
        own = declared_price(params)
        rows = [p.model_copy(update={"hourly": value}) if p == own else p for p in params.prices.instances]
        return _changed(params, "prices", instances=tuple(rows)), found
    lines = params.cost.lines
    line = getattr(lines, name).model_copy(update={"usage": value})
    return _changed(params, "cost", lines=lines.model_copy(update={name: line})), found


def _changed(params: Params, section: str, **values: Any) -> Params:
    return params.model_copy(update={section: getattr(params, section).model_copy(update=values)})
