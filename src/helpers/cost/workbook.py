"""``cost_estimate.xlsx``: the cost model as a live workbook, the formulas of `helpers.cost.projection` cell by cell.

The values that a spreadsheet shows before it computes are the model's own. The file is the same bytes whenever it is
written for the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from helpers.cost.costs import billed_share, declared_price
from helpers.cost.projection import Bill, Projection
from helpers.cost.spreadsheet import (
    FIRST,
    SCENARIOS,
    UNKNOWN,
    Constant,
    Formula,
    Input,
    Sheet,
    SheetCell,
    cell_formats,
    known,
    priced,
    where_known,
)
from helpers.params import Params, Platform, Scenario

#: Points of the break-even curve, as multiples of the configured traffic.
POINTS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)


def write_workbook(path: Path, params: Params, projection: Projection, made: datetime) -> None:
    """Write the workbook of a projection; ``made`` is the time written into its properties."""
    import xlsxwriter

    content = BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    created = made.astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": "Cost estimate", "created": created, "comments": "Inputs are yellow."})
    book.set_calc_mode("auto")
    formats = cell_formats(book)
    for name, title, fill in SHEETS:
        fill(Sheet(book, name, title, formats), params, projection)
    book.close()
    path.write_bytes(content.getvalue())


def inputs(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write every figure that the other sheets rest on, with its unit and its source."""
    cost, basis, lines = params.cost, found.basis, params.cost.lines
    sheet.write(["Input (yellow: change it)", "Value", "Unit", "Source"], style="head")
    rows: list[tuple[str, Input, str, str]] = [
        ("Instance", Input("instance", declared_price(params).name), "row of Prices", "declared"),
        ("Replicas", Input("replicas", params.replicas), "", "declared"),
        ("Traffic", Input("requests_per_hour", params.traffic.requests_per_hour), "requests an hour", "declared"),
        ("Hours of the month", Input("hours_per_month", cost.hours_per_month), "hours", "720 published, 730 vendor"),
        (
            "Initialising, billed at every start",
            Input("initializing_minutes", cost.initializing.value),
            "minutes",
            cost.initializing.source,
        ),
        ("Service time", Input("service_time", basis.seconds), "seconds", basis.time_origin),
        ("Utilisation limit", Input("utilisation_limit", cost.utilisation_limit, "share"), "", "spreadsheet"),
    ]
    if basis.tokens is not None:
        rows.append(("Tokens of a request", Input("tokens_per_request", basis.tokens), "tokens", basis.tokens_origin))
    if basis.memory_gb is not None:
        rows.append(("Memory that serving takes", Input("memory_gb", basis.memory_gb), "GB", basis.memory_origin))
        rows.append(("Memory needed, times that", Input("memory_headroom", cost.memory_headroom), "", "declared"))
    if params.sleeps_after is not None:
        rows.append(("Scales to zero after", Input("sleeps_after", params.sleeps_after), "minutes", "declared"))
    for name in ("storage", "network", "monitoring"):
        line = getattr(lines, name)
        rows.append((f"{name.capitalize()}, price", Input(f"{name}_price", line.unit_usd, "usd"), "USD", line.source))
        rows.append((f"{name.capitalize()}, units", Input(f"{name}_units", line.usage), "a month", line.source))
    for row in found.break_even:
        name = f"target_{row.per}"
        rows.append((f"Target: {row.label}", Input(name, row.threshold, "usd"), "USD for 1,000", "params file"))
    for cells in rows:
        sheet.write(cells)


def infrastructure(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the monthly lines of the first scenario and what a request costs by them."""
    bill, row = found.bills[0], FIRST
    sheet.write(["Line", "Price of a unit (USD)", "Units a month", "A month (USD)"], style="head")
    first = sheet.next_row
    of = f"{SCENARIOS}!"
    lines: list[tuple[str, str, str, float, float]] = [
        ("Compute, replica hours", f"{of}M{row}", f"{of}L{row}", bill.hourly, bill.replica_hours)
    ]
    for name in ("storage", "network", "monitoring"):
        line = getattr(params.cost.lines, name)
        lines.append((name.capitalize(), f"{name}_price", f"{name}_units", line.unit_usd, line.usage))
    for label, price, units, unit_usd, usage in lines:
        place = sheet.next_row
        month = Formula(f"B{place}*C{place}", unit_usd * usage, "usd")
        sheet.write([label, Formula(price, unit_usd, "usd"), Formula(units, usage), month])
    last = sheet.next_row
    sheet.write(["All", None, None, Formula(f"SUM(D{first}:D{last - 1})", bill.total, "usd")])
    sheet.write(["Requests a month", None, None, Formula(f"{of}P{row}", bill.requests, "count")])
    compute = Formula(f"D{first}/D{last + 1}*1000", bill.per_1000_requests, "usd")
    sheet.write(["1,000 requests, compute", None, None, compute])
    whole = Formula(f"D{last}/D{last + 1}*1000", bill.all_in_per_1000_requests, "usd")
    sheet.write(["1,000 requests, all lines", None, None, whole])
    if bill.per_1000_tokens is not None:
        tokens = Formula(f"D{last + 2}/tokens_per_request", bill.per_1000_tokens, "usd")
        sheet.write(["1,000 tokens, compute", None, None, tokens])


def throughput(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write what the configured replicas can answer, one request at a time."""
    able, price = found.throughput, priced("instance")
    hourly, declared = declared_price(params).hourly, found.declared
    sheet.write(["Figure", "Value", "Unit"], style="head")
    first = sheet.next_row
    rows: list[tuple[str, Formula, str]] = [
        ("Price of a replica", Formula(price, hourly, "usd"), "USD an hour"),
        (
            "Most it could answer",
            Formula("3600/service_time*replicas", able.most_per_hour, "count"),
            "requests an hour",
        ),
        (
            "Sustained at the utilisation limit",
            Formula(f"B{first + 1}*utilisation_limit", able.sustained_per_hour, "count"),
            "requests an hour",
        ),
        (
            "1,000 requests at that traffic",
            Formula(f"B{first}*replicas/B{first + 2}*1000", able.per_1000_requests, "usd"),
            "USD",
        ),
        (
            "1,000 requests, busy seconds only (a floor)",
            Formula(f"B{first}/3600*service_time*1000", declared.floor_per_1000_requests.value, "usd"),
            "USD",
        ),
        (
            "Utilisation at the configured traffic",
            Formula(f"requests_per_hour/B{first + 1}", declared.utilisation.value, "share"),
            "",
        ),
        (
            "Billed at the configured traffic",
            Formula("1" + _times_billed("requests_per_hour", params), declared.billed, "share"),
            "",
        ),
    ]
    for row in rows:
        sheet.write(row)


def scenarios(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the month of every scenario; what it leaves as configured follows the inputs."""
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


def prices(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the price list, cheapest first, with what each row would do for the configured traffic."""
    heads = (
        "Instance", "Price of an hour (USD)", "Processors", "Memory (GB)", "Measured time (s)", "Service time (s)",
        "Busy", "A month (USD)", "Fits", "Sustains the traffic", "A month, if it does (USD)",
    )  # fmt: skip
    sheet.write(heads, style="head")
    first = sheet.next_row
    last = first + len(found.choices.candidates) - 1
    declared = _times_billed("requests_per_hour", params)
    vcpus = {price.name: price.vcpus for price in params.prices.instances}
    for row in found.choices.candidates:
        n, processors = sheet.next_row, vcpus[row.instance]
        supplied = params.cost.service_times.get(row.instance)
        elsewhere = f'IF(ISNUMBER(declared_processors),service_time*declared_processors/C{n},"{UNKNOWN}")'
        other = f"E{n}" if supplied else elsewhere if processors else f'"{UNKNOWN}"'
        does = row.monthly if row.fits and row.sustains else ""
        fits = (
            f'IF(ISNUMBER(D{n}),D{n}>=memory_gb*memory_headroom,"{UNKNOWN}")'
            if found.basis.memory_gb
            else f'"{UNKNOWN}"'
        )
        sheet.write(
            [
                row.instance,
                Input("", row.hourly, "usd"),
                Constant(processors) if processors else "–",
                Constant(row.memory_gb) if row.memory_gb else "–",
                Input("", supplied.value) if supplied else None,
                Formula(f"IF(A{n}=instance,service_time,{other})", known(row.service_time)),
                where_known(f"F{n}", f"requests_per_hour*F{n}/3600/replicas", row.busy, "share"),
                Formula(f"B{n}*replicas*hours_per_month{declared}", row.monthly, "usd"),
                Formula(fits, known(row.fits)),
                where_known(f"G{n}", f"G{n}<=utilisation_limit", row.sustains),
                Formula(f'IF(AND(I{n}=TRUE,J{n}=TRUE),H{n},"")', does, "usd"),
            ]
        )
    for name, column in (("price_names", "A"), ("price_hours", "B"), ("price_times", "F")):
        sheet.define(name, f"{column}{first}", f"{column}{last}")
    sheet.write([])
    own = declared_price(params).vcpus
    sheet.define("declared_processors", f"B{sheet.next_row}")
    processors_of = f"INDEX($C${first}:$C${last},MATCH(instance,price_names,0))"
    sheet.write(["Processors of the configured instance", Formula(processors_of, own or "–")])
    dearest = f"K{first}:K{last}"
    chosen = found.choices.candidates[found.choices.chosen].instance if found.choices.chosen is not None else "none"
    best = f'IF(COUNT({dearest})=0,"none",INDEX(price_names,MATCH(MIN({dearest}),{dearest},0)))'
    sheet.write(["Cheapest that fits and sustains the traffic", Formula(best, chosen)])


def break_even(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the traffic from which each target is met, and the cost of 1,000 requests over the traffic, drawn."""
    heads = (
        "Target",
        "USD for 1,000",
        "Compute alone, from (requests an hour)",
        "All lines, from",
        "Busy",
        "Sustained",
    )
    sheet.write(heads, style="head")
    compute, total = (f"{SCENARIOS}!{column}{FIRST}" for column in "NO")
    if asleep := _times_billed(f"{SCENARIOS}!J{FIRST}", params):
        awake = f"{compute}/(1{asleep})"
        compute, total = f"({awake})", f"({total}-{compute}+{awake})"
    for row in found.break_even:
        n, units = sheet.next_row, "" if row.per == "requests" else "*tokens_per_request"
        sheet.write(
            [
                row.label,
                Formula(f"target_{row.per}", row.threshold, "usd"),
                Formula(f"{compute}/hours_per_month/(B{n}/1000{units})", row.requests_per_hour),
                Formula(f"{total}/hours_per_month/(B{n}/1000{units})", row.all_in_requests_per_hour),
                Formula(f"C{n}/(3600/service_time*replicas)", row.busy, "share"),
                Formula(f"C{n}<=3600/service_time*replicas*utilisation_limit", row.sustained),
            ]
        )
    sheet.write([])
    sheet.write(["Requests an hour", "Compute", "All lines", "Busy seconds only (a floor)"], style="head")
    bill, first = found.bills[0], sheet.next_row
    floor = found.declared.floor_per_1000_requests.value
    share = billed_share(params, bill.requests / found.hours_per_month)
    for point in POINTS:
        n, traffic = sheet.next_row, params.traffic.requests_per_hour * point
        requests, billed = traffic * found.hours_per_month, _times_billed(f"A{sheet.next_row}", params)
        spent = bill.compute / share * billed_share(params, traffic)
        sheet.write(
            [
                Formula(f"requests_per_hour*{point}", traffic),
                Formula(f"{compute}{billed}/(A{n}*hours_per_month)*1000", spent / requests * 1000, "usd"),
                Formula(
                    f"({total}-{compute}+{compute}{billed})/(A{n}*hours_per_month)*1000"
                    if billed
                    else f"{total}/(A{n}*hours_per_month)*1000",
                    (bill.total - bill.compute + spent) / requests * 1000,
                    "usd",
                ),
                Formula(f"{priced('instance')}/3600*service_time*1000", floor, "usd"),
            ]
        )
    rows = (first, sheet.next_row - 1)
    sheet.curves("Cost of 1,000 requests by traffic", "requests an hour", "US dollars", "F10", (1, 2, 3), rows)


def platforms(sheet: Sheet, params: Params, found: Projection) -> None:
    """Write the other platforms; a price that is filled in is counted at once."""
    heads = (
        "Platform", "An hour and replica (USD)", "1,000 requests (USD)", "Fixed, a month (USD)", "Price of", "Source",
        "A month (USD)", "1,000 requests, all (USD)", "Against the declared (USD)",
    )  # fmt: skip
    sheet.write(heads, style="head")
    for platform, offer in zip(params.cost.platforms, found.offers, strict=True):
        sheet.write(_platform(sheet.next_row, platform, offer.monthly, offer.per_1000_requests, offer.difference))


def _scenario(n: int, scenario: Scenario, bill: Bill, params: Params) -> list[SheetCell]:
    traffic = scenario.requests_per_hour
    minutes = f"MIN(C{n}{_times_billed(f'J{n}', params)}+D{n}*initializing_minutes/60,24)*hours_per_month/24*60"
    beside = "+".join(f"{name}_price*{name}_units" for name in ("storage", "network", "monitoring"))
    time = f"INDEX(price_times,MATCH(I{n},price_names,0))"
    cells: list[SheetCell] = [
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


def _times_billed(traffic: str, params: Params) -> str:
    """Return the factor of `helpers.cost.costs.billed_share` at a traffic; nothing where all of the time is billed."""
    if params.sleeps_after is None:
        return ""
    chance = f"EXP(-{traffic}*sleeps_after/60)"
    start = f"{chance}*initializing_minutes/60"
    return f"*(((1-{chance})/{traffic}+{start})/(1/{traffic}+{start}))"


def _platform(
    n: int, platform: Platform, monthly: float | None, per_1000: float | None, difference: float | None
) -> list[SheetCell]:
    requests = f"{SCENARIOS}!P{FIRST}"
    bill = f"B{n}*hours_per_month*replicas+C{n}*{requests}/1000+D{n}"
    return [
        platform.name,
        Input("", platform.hourly_usd, "usd"),
        Input("", platform.per_1000_requests_usd, "usd"),
        Input("", platform.monthly_usd, "usd"),
        Input("", platform.as_of.isoformat() if platform.as_of else None),
        Input("", platform.source),
        Formula(
            f'IF(COUNT(B{n}:D{n})=0,"price not given",{bill})',
            "price not given" if monthly is None else monthly,
            "usd",
        ),
        Formula(f'IF(ISNUMBER(G{n}),G{n}/{requests}*1000,"")', "" if per_1000 is None else per_1000, "usd"),
        Formula(f'IF(ISNUMBER(G{n}),G{n}-{SCENARIOS}!N{FIRST},"")', "" if difference is None else difference, "usd"),
    ]


SHEETS: tuple[tuple[str, str, Callable[[Sheet, Params, Projection], None]], ...] = (
    ("Inputs", "What the estimate rests on", inputs),
    ("Infrastructure", "The month as configured", infrastructure),
    ("Throughput model", "What the declared replicas can answer", throughput),
    ("Optimisation scenarios", "A month by scenario; assumed is not measured", scenarios),
    ("Prices", "The price list, and which row would do", prices),
    ("Break-even", "Traffic from which a target is met", break_even),
    ("Other platforms", "The same traffic elsewhere", platforms),
)
