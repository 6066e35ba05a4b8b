"""What an instance costs and a month beyond it, and what is assumed where nothing was measured.

Every figure has a source; the defaults are those published for the reference deployment. US dollars, a month's where
nothing else is said.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.core.errors import did_you_mean
from helpers.params.base import Count, Money, Positive, Seconds, Section, Share

Hours = Annotated[float, Field(ge=0, le=24)]
#: A month has at most 31 days.
MonthHours = Annotated[float, Field(gt=0, le=744)]
Busy = Annotated[float, Field(gt=0, le=1)]
CostInput = Literal[
    "requests_per_hour", "hourly", "service_time", "hours_per_month", "storage", "network", "monitoring"
]

SPREADSHEET, ASSUMED = "spreadsheet, assumed", "assumed"


class Instance(Section):
    """The price-list row the deployment runs on, or is judged as if it ran on."""

    vendor: str = "aws"
    type: str = "intel-spr"
    size: str = "x8"
    replicas: Positive = 1


class Price(Section):
    """One row of a price list, US dollars per replica and hour."""

    vendor: str
    type: str
    size: str
    hourly: Money
    vcpus: Positive | None = None
    memory_gb: Seconds | None = None
    gpus: Positive | None = None
    gpu_memory_gb: Seconds | None = None
    accelerators: Positive | None = None
    accelerator_memory_gb: Seconds | None = None

    @property
    def name(self) -> str:
        """How the row is named elsewhere: vendor, type and size."""
        return f"{self.vendor} {self.type} {self.size}"


class Prices(Section):
    """A dated price list."""

    as_of: date
    source: str
    currency: Literal["USD"] = "USD"
    instances: tuple[Price, ...]

    def find(self, wanted: Instance) -> Price | None:
        """Return the row of an instance, or ``None`` when the list has none."""
        key = (wanted.vendor, wanted.type, wanted.size)
        return next((p for p in self.instances if (p.vendor, p.type, p.size) == key), None)


class Sourced(Section):
    """A figure and where it comes from."""

    value: Seconds
    source: str


class Expected(Section):
    """Seconds and tokens of a request, used only where no run has measured them."""

    service_time: Seconds = 3.6
    tokens_per_request: Seconds | None = 194.0
    source: str = "publication, and the two costs its notebook printed"


class Line(Section):
    """A monthly line of the bill: dollars a unit times units."""

    unit_usd: Money
    usage: Money
    source: str


class Lines(Section):
    """What is paid beside compute: storage and network in GB, monitoring in months."""

    storage: Line = Line(unit_usd=0.10, usage=100, source="spreadsheet")
    network: Line = Line(unit_usd=0.09, usage=170, source="spreadsheet")
    monitoring: Line = Line(unit_usd=25, usage=1, source="spreadsheet")


class Scenario(Section):
    """Another way to run the same service, and what it is assumed to change.

    ``price_reduction`` lowers the price of an hour, ``time_reduction`` the service time (which the bill does not
    follow); ``extra_replicas`` run beside the configured ones for ``extra_hours_per_day``. ``instance`` is a row of the
    price list, such as ``aws intel-spr x4``; what is ``null`` is as configured.
    """

    label: str
    source: str
    hours_per_day: Hours = 24.0
    starts_per_day: Money = 0.0
    extra_replicas: Count = 0
    extra_hours_per_day: Hours = 0.0
    price_reduction: Share = 0.0
    time_reduction: Share = 0.0
    instance: str | None = None
    requests_per_hour: Seconds | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.hours_per_day == 0 and self.starts_per_day == 0 and self.extra_replicas == 0:
            raise ValueError(f"scenario '{self.label}' bills no hour; give 'hours_per_day' or 'starts_per_day'")
        if (self.extra_replicas > 0) != (self.extra_hours_per_day > 0):
            raise ValueError(
                f"scenario '{self.label}': 'extra_replicas' goes with 'extra_hours_per_day', and only with it"
            )
        return self


class Range(Section):
    """How far an input may lie from what is configured."""

    low: Money
    high: Seconds
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"'low' {self.low:g} is not below 'high' {self.high:g}")
        return self


class Platform(Section):
    """Another place to run the model; without a price the table shows it as *price not given*.

    Prices are of an hour and replica, of 1,000 requests, and fixed a month; those given add up.
    """

    name: str
    hourly_usd: Money | None = None
    per_1000_requests_usd: Money | None = None
    monthly_usd: Money | None = None
    as_of: date | None = None
    source: str | None = None

    @property
    def has_price(self) -> bool:
        """Whether any price is given."""
        return any(p is not None for p in (self.hourly_usd, self.per_1000_requests_usd, self.monthly_usd))

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.has_price and (self.as_of is None or not self.source):
            raise ValueError(f"platform '{self.name}' has a price; give its 'as_of' and its 'source'")
        return self


def _scenarios() -> tuple[Scenario, ...]:
    return (
        Scenario(label="as configured, always on", source="declared"),
        Scenario(label="stopped half of every day", source=SPREADSHEET, hours_per_day=12, starts_per_day=1),
        Scenario(label="int8 weights", source=SPREADSHEET, time_reduction=0.25),
        Scenario(label="batching", source=SPREADSHEET, time_reduction=0.18),
        Scenario(label="spot capacity", source=SPREADSHEET, price_reduction=0.40),
    )


def _platforms() -> tuple[Platform, ...]:
    names = ("AWS SageMaker", "Modal", "EC2, self-managed", "vLLM on a cloud VM", "own hardware")
    return tuple(Platform(name=name) for name in names)


def _ranges() -> dict[CostInput, Range]:
    return {
        "requests_per_hour": Range(low=100, high=800, source="half the published traffic; the spreadsheet's"),
        "hours_per_month": Range(low=720, high=730, source="publication; vendor"),
    }


class CostAssumptions(Section):
    """The ``cost`` section: the month, the bill beside compute, scenarios, other platforms, and ranges to vary.

    ``hours_per_month`` is 720 as published; the vendor counts 730. ``initializing`` is the minutes billed at every
    start, ``utilisation_limit`` the utilisation up to which a replica is said to sustain its traffic. An instance needs
    ``memory_headroom`` times the memory that serving takes (``memory_gb``, measured where it is not given).
    ``service_times`` are seconds measured on rows of the price list; ``spread`` varies an input that no range holds.
    """

    hours_per_month: MonthHours = 720.0
    initializing: Sourced = Sourced(value=5.0, source=ASSUMED)
    utilisation_limit: Busy = 0.8
    lines: Lines = Lines()
    expected: Expected = Expected()
    memory_gb: Sourced | None = None
    memory_headroom: Annotated[float, Field(ge=1)] = 1.25
    service_times: dict[str, Sourced] = Field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = Field(default_factory=_scenarios)
    platforms: tuple[Platform, ...] = Field(default_factory=_platforms)
    spread: Busy = 0.25
    ranges: dict[CostInput, Range] = Field(default_factory=_ranges)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if not self.scenarios:
            raise ValueError("'scenarios' is empty; the first of them is the month that all others are compared with")
        for what, names in (
            ("scenario", [s.label for s in self.scenarios]),
            ("platform", [p.name for p in self.platforms]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} '{twice[0]}' stands twice; names must differ")
        traffic = self.ranges.get("requests_per_hour")
        if traffic and traffic.low == 0:
            raise ValueError("'ranges.requests_per_hour.low' is 0: a request that nobody sends has no cost")
        return self


def unknown_instances(cost: CostAssumptions, known: Collection[str]) -> list[str]:
    """Return a message for every row of the price list that is named here and is not there."""
    named = {f"cost.scenarios '{s.label}'": s.instance for s in cost.scenarios if s.instance is not None} | {
        f"cost.service_times '{key}'": key for key in cost.service_times
    }
    return [
        f"{where}: no instance '{name}' in 'prices'{did_you_mean(name, known)}; add its row"
        for where, name in named.items()
        if name not in known
    ]
