"""What was published about costs: the ``cost`` room of ``params/published.yaml``. US dollars."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from helpers.params.base import Money, Section

Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Monthly(Section):
    """The lines of the published monthly cost, dollars."""

    compute: Money
    storage: Money
    network: Money


class SteadyState(Section):
    """The traffic that costs were published for, and those costs."""

    requests_per_hour: Above0
    per_request_usd: Above0
    per_1000_requests_usd: Above0


class Line(Section):
    """One line of the spreadsheet: dollars per unit times units."""

    label: str = ""
    unit_usd: Money
    usage: Above0


class Infrastructure(Section):
    """The monthly lines of the spreadsheet; compute in hours, storage and network in GB."""

    compute: Line
    storage: Line
    network: Line
    monitoring: Line


class Throughput(Section):
    """The traffic that the spreadsheet assumes one replica serves."""

    average_latency_s: Above0
    efficiency: Share
    requests_per_hour: Above0
    per_1000_requests_usd: Above0


class Scenarios(Section):
    """The savings that the spreadsheet assumes; reductions as shares."""

    autoscaling_hours_per_day: Annotated[float, Field(ge=0, le=24)]
    int8_reduction: Share
    batching_reduction: Share
    spot_reduction: Share


class Spreadsheet(Section):
    """The cost spreadsheet."""

    infrastructure: Infrastructure
    throughput: Throughput
    scenarios: Scenarios


class Cost(Section):
    """What was published about costs."""

    monthly_usd: Monthly
    steady_state: SteadyState
    spreadsheet: Spreadsheet
