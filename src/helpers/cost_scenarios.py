"""Two sheets of the cost workbook: a month by scenario, and the traffic from which a target is met."""

from __future__ import annotations

from helpers.cost_cells import FIRST, SCENARIOS, UNKNOWN, known, priced, where_known
from helpers.cost_model import Bill, Projection
from helpers.cost_workbook import Cell, Formula, Input, Sheet
from helpers.params import Params
from helpers.params_cost import Scenario

#: Points of the break-even curve, as multiples of the declared traffic.
POINTS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)


def scenarios(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the month of every scenario; what it leaves as declared follows the inputs."""
    heads = (
        "Scenario", "Source", "Hours a day", "Starts a day", "Extra replicas", "Their hours a day", "Lower price",
        "Shorter time", "Instance", "Requests an hour", "Billed hours", "Replica hours", "Price of an hour (USD)",
        "Compute (USD)", "All lines (USD)", "Requests a month", "1,000 requests, compute (USD)",
        "1,000 requests, all lines (USD)", "Service time (s)", "Floor of 1,000 requests (USD)", "Busy", "Saving (USD)",
        "1,000 tokens, compute (USD)",
    )  # fmt: skip
    sheet.write(heads[: None if found.basis.tokens else -1], style="head")
    for scenario, bill in zip(params.cost.scenarios, found.bills, strict=True):
        sheet.write(_scenario(sheet.next_row, scenario, bill, params))


def break_even(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the traffic from which each target is met, and the cost of 1,000 requests over the traffic, drawn."""
    heads = ("Target", "USD for 1,000", "Compute alone, from (requests an hour)", "All lines, from", "Busy", "Held")
    sheet.write(heads, style="head")
    compute, total = (f"{SCENARIOS}!{column}{FIRST}" for column in "NO")
    for row in found.break_even:
        n, units = sheet.next_row, "" if row.per == "requests" else "*tokens_per_request"
        sheet.write(
            [
                row.label,
                Formula(f"target_{row.per}", row.threshold, "usd"),
                Formula(f"{compute}/hours_per_month/(B{n}/1000{units})", row.requests_per_hour),
                Formula(f"{total}/hours_per_month/(B{n}/1000{units})", row.all_in_requests_per_hour),
                Formula(f"C{n}/(3600/service_time*replicas)", row.busy, "share"),
                Formula(f"C{n}<=3600/service_time*replicas*utilisation_limit", row.held),
            ]
        )
    sheet.write([])
    sheet.write(["Requests an hour", "Compute", "All lines", "Busy seconds only (a floor)"], style="head")
    bill, first = found.bills[0], sheet.next_row
    floor = found.declared.floor_per_1000_requests.value
    for point in POINTS:
        n, traffic = sheet.next_row, params.traffic.requests_per_hour * point
        requests = traffic * found.hours_per_month
        sheet.write(
            [
                Formula(f"requests_per_hour*{point}", traffic),
                Formula(f"{compute}/(A{n}*hours_per_month)*1000", bill.compute / requests * 1000, "usd"),
                Formula(f"{total}/(A{n}*hours_per_month)*1000", bill.total / requests * 1000, "usd"),
                Formula(f"{priced('instance')}/3600*service_time*1000", floor, "usd"),
            ]
        )
    rows = (first, sheet.next_row - 1)
    sheet.curves("Cost of 1,000 requests by traffic", "requests an hour", "US dollars", "F10", (1, 2, 3), rows)


def _scenario(n: int, scenario: Scenario, bill: Bill, params: Params) -> list[Cell]:
    traffic = scenario.requests_per_hour
    minutes = f"MIN(C{n}+D{n}*initializing_minutes/60,24)*hours_per_month/24*60"
    beside = "+".join(f"{name}_price*{name}_units" for name in ("storage", "network", "monitoring"))
    time = f"INDEX(price_times,MATCH(I{n},price_names,0))"
    cells: list[Cell] = [
        scenario.label,
        scenario.source,
        Input("", scenario.hours_per_day),
        Input("", scenario.starts_per_day),
        Input("", scenario.extra_replicas),
        Input("", scenario.extra_hours_per_day),
        Input("", scenario.price_reduction, "share"),
        Input("", scenario.time_reduction, "share"),
        Input("", scenario.instance) if scenario.instance else Formula("instance", bill.instance),
        Input("", traffic) if traffic else Formula("requests_per_hour", params.traffic.requests_per_hour),
        Formula(f"ROUNDUP(ROUND({minutes},6),0)/60", bill.billed_hours, "hours"),
        Formula(f"K{n}*replicas+E{n}*F{n}*hours_per_month/24", bill.replica_hours, "hours"),
        Formula(f"{priced(f'I{n}')}*(1-G{n})", bill.hourly, "usd"),
        Formula(f"M{n}*L{n}", bill.compute, "usd"),
        Formula(f"N{n}+{beside}", bill.total, "usd"),
        Formula(f"J{n}*hours_per_month", bill.requests, "count"),
        Formula(f"N{n}/P{n}*1000", bill.per_1000_requests, "usd"),
        Formula(f"O{n}/P{n}*1000", bill.all_in_per_1000_requests, "usd"),
        Formula(f'IF(ISNUMBER({time}),{time}*(1-H{n}),"{UNKNOWN}")', known(bill.service_time)),
        where_known(f"S{n}", f"M{n}/3600*S{n}*1000", bill.floor_per_1000_requests, "usd"),
        where_known(f"S{n}", f"P{n}*S{n}/3600/L{n}", bill.busy, "share"),
        Formula(f"$O${FIRST}-O{n}", bill.saving, "usd"),
    ]
    if bill.per_1000_tokens is not None:
        cells.append(Formula(f"Q{n}/tokens_per_request", bill.per_1000_tokens, "usd"))
    return cells
