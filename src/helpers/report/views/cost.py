"""The cost section of page 03 as it is shown: the month, break-even, what the cost hangs on, and where else to run."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.figures import TargetLine, spans
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Cell, Column, collapsible, table
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.compute import projection

#: Where a service time is from, said of the rows that are not scaled.
_TIMES = {"declared": "as configured", "supplied": "time supplied"}
#: The workbook that is published beside the pages.
WORKBOOK = "cost_estimate.xlsx"


def projected(run: Run) -> Cited:
    """Return the monthly projection, cited; empty for a provider, which bills by use."""
    return Cited(projection(run), "results/cost.json")


def month(run: Run) -> Markup:
    """Return the bill of every scenario."""
    costs = projected(run)
    if not costs:
        return Markup()
    columns = [
        Column("Scenario"),
        Column("Hours", numeric=True),
        Column("Compute", unit="$", numeric=True),
        Column("Bill", unit="$", numeric=True),
        Column("Per 1,000 requests: compute", unit="$", numeric=True),
        Column("bill", unit="$", numeric=True),
        Column("tokens", unit="$", numeric=True),
        Column("Busy", numeric=True),
    ]
    first = costs.bills[0]
    note = sentence(
        "{hours} hours at the prices of {date}{as_if}, {requests} requests. The bill is compute with {storage} of "
        "storage, {network} of network and {monitoring} of monitoring; per 1,000 requests, compute and "
        "the bill, and tokens by compute. Service time: {time} ({time_origin}); tokens of a "
        "request: {tokens} ({tokens_origin}). A scenario whose source says assumed is no saving that was measured. "
        "The same model with its formulas: <a href='{workbook}'>{workbook}</a>.",
        hours=number(costs.hours_per_month, "count"),
        date=quoted(costs.prices_as_of),
        as_if=Markup(" ({})").format(quoted(costs.as_if)) if costs.as_if else "",
        requests=number(first.requests, "count"),
        storage=number(first.storage, "usd"),
        network=number(first.network, "usd"),
        monitoring=number(first.monitoring, "usd"),
        time=number(costs.basis.service_time.value, "s"),
        time_origin=quoted(costs.basis.time_origin),
        tokens=number(costs.basis.tokens_per_request.value, "count") if costs.basis.tokens_per_request else "not known",
        tokens_origin=quoted(costs.basis.tokens_origin),
        workbook=WORKBOOK,
    )
    return table("A month by scenario", columns, [_bill(b) for b in costs.bills], id="month", note=note)


def break_even(run: Run) -> Markup:
    """Return the traffic from which each cost target is met, and whether the configured replicas sustain it."""
    costs = projected(run)
    if not costs:
        return Markup()
    columns = [
        Column("Target"),
        Column("Below", unit="$", numeric=True),
        Column("Compute alone, from", numeric=True),
        Column("Bill, from", numeric=True),
        Column("Busy", numeric=True),
        Column("Sustained"),
    ]
    rows = [
        [
            quoted(row.label),
            number(row.threshold, "usd", bare=True),
            number(row.requests_per_hour, "plain"),
            number(row.all_in_requests_per_hour, "plain"),
            number(row.busy, "rate"),
            _yes(row.sustained),
        ]
        for row in costs.break_even
    ]
    able = costs.throughput
    note = sentence(
        "Traffic is in requests an hour; busy is the share of the time at the first. Answering one "
        "request at a time, the configured replicas could take {most} an hour; they sustain {held}, at a "
        "utilisation of {limit}, where 1,000 requests cost {price}.",
        most=number(able.most_per_hour, "count"),
        held=number(able.sustained_per_hour, "count"),
        limit=number(able.utilisation_limit, "rate"),
        price=number(able.per_1000_requests, "usd"),
    )
    return table("Traffic from which a cost target is met, requests an hour", columns, rows, id="break-even", note=note)


def break_even_traffic(run: Run) -> Markup | None:
    """Return the traffic from which the cost of 1,000 requests meets its target, if it has one, and who sustains it."""
    costs = projected(run)
    row = next((row for row in (costs.break_even if costs else ()) if row.per.raw == "requests"), None)
    if row is None:
        return None
    able = "which the configured replicas sustain" if row.sustained else "more than the configured replicas sustain"
    able += " at the speed measured here"
    return sentence(
        "{n} requests an hour by compute alone, {able}", n=number(row.requests_per_hour, "count"), able=able
    )


def tornado(run: Run) -> Markup:
    """Return how far each input moves the cost per 1,000 requests, widest first."""
    costs = projected(run)
    if not costs:
        return Markup()
    found = costs.sensitivity
    widest = found.swings[0]
    finding = sentence(
        "{what} drives the bill: {low} to {high} per 1,000 requests",
        what=widest.label.raw.capitalize(),
        low=number(min((widest.at_low, widest.at_high), key=lambda end: end.raw), "usd"),
        high=number(max((widest.at_low, widest.at_high), key=lambda end: end.raw), "usd"),
    )
    subtitle = "bill per 1,000 requests in US dollars, compute and the other lines, one input varied at a time"
    columns = [
        Column("Input"),
        Column("Low", numeric=True),
        Column("High", numeric=True),
        Column("Unit"),
        Column("Cost at low", unit="$", numeric=True),
        Column("Cost at high", unit="$", numeric=True),
        Column("Source of the range"),
    ]
    rows = [
        [
            swing.label.raw,
            *(number(end, "plain") for end in (swing.low_input, swing.high_input)),
            swing.unit.raw,
            *(number(end, "usd", bare=True) for end in (swing.at_low, swing.at_high)),
            quoted(swing.source),
        ]
        for swing in found.swings
    ]
    return spans(
        "tornado",
        finding,
        subtitle,
        [(swing.label.raw, swing.at_low, swing.at_high) for swing in found.swings],
        unit="usd",
        target=TargetLine(found.base, "bill as configured"),
        data=table(subtitle, columns, rows),
    )


def choice(run: Run) -> Markup:
    """Return which row of the price list would do for memory, rate and latency."""
    costs = projected(run)
    if not costs:
        return Markup()
    found = costs.choices
    columns = [
        Column("Instance"),
        Column("Month", unit="$", numeric=True),
        Column("Memory", unit="GB", numeric=True),
        Column("Service time", numeric=True),
        Column("Busy", numeric=True),
        Column("Fits"),
        Column("Sustains"),
        Column("In time"),
    ]
    known = [row for row in found.candidates if row.service_time.raw is not None]
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(quoted(row.instance), _TIMES.get(row.time_origin.raw, "")),
            number(row.monthly, "usd", bare=True),
            _known(row.memory_gb, "plain"),
            number(row.service_time, "s"),
            _known(row.busy, "rate"),
            *(_yes(part) for part in (row.fits, row.sustains, row.in_time)),
        ]
        for row in known
    ]
    left_out = [row.instance.raw for row in found.candidates if row.service_time.raw is None]
    note = Markup(
        "Measured times count as the configured instance's, on however many processors they were measured. Those of "
        "other instances are scaled by their number of processors, which is the best that more of them can do. "
    )
    if left_out:
        note += sentence(
            "Not listed, because no service time is known (supply <code>cost.service_times</code>): {names}.",
            names=quoted(", ".join(left_out)),
        )
    listed = table("Instances of the price list, cheapest first", columns, rows, id="choice", note=note)
    return _chosen(costs) + collapsible("Instances by price", listed)


def platforms(run: Run) -> Markup:
    """Return what other platforms would bill, as far as somebody supplied their price."""
    costs = projected(run)
    if not costs:
        return Markup()
    columns = [
        Column("Platform"),
        Column("Month", unit="$", numeric=True),
        Column("Per 1,000 requests", unit="$", numeric=True),
        Column("Against the configured", unit="$", numeric=True),
        Column("Price of"),
    ]
    first = costs.bills[0]
    own = [
        "as configured, compute",
        number(first.compute, "usd", bare=True),
        number(first.per_1000_requests, "usd", bare=True),
        "–",
        quoted(costs.prices_as_of),
    ]
    rows = [own, *(_offer(row) for row in costs.offers if row.monthly.raw is not None)]
    note = Markup("Supply a price with its date and source under <code>cost.platforms</code> in the params file.")
    if unpriced := [quoted(row.name) for row in costs.offers if row.monthly.raw is None]:
        note = sentence("Without a price: {names}. {note}", names=Markup(", ").join(unpriced), note=note)
    if len(rows) == 1:
        return sentence("<p class='note' id='platforms'>No other platform is compared. {note}</p>", note=note)
    return table("The same traffic on other platforms", columns, rows, id="platforms", note=note)


def _bill(row: Cited) -> list[Cell]:
    aside = Markup('{}<span class="aside">{}</span>').format(quoted(row.label), quoted(row.source))
    figures = (row.compute, row.total, row.per_1000_requests, row.all_in_per_1000_requests, row.per_1000_tokens)
    return [
        aside,
        number(row.billed_hours, "plain"),
        *(number(figure, "usd", bare=True) for figure in figures),
        _known(row.busy, "rate"),
    ]


def _offer(row: Cited) -> list[Cell]:
    return [
        quoted(row.name),
        number(row.monthly, "usd", bare=True),
        number(row.per_1000_requests, "usd", bare=True),
        number(row.difference, "usd", bare=True),
        quoted(f"{row.as_of}, {row.source}"),
    ]


def _chosen(costs: Cited) -> Markup:
    found = costs.choices
    if found.memory_gb.raw is None:
        return Markup(
            "<p>No instance is chosen: the memory that serving takes is not known; give <code>cost.memory_gb</code>, "
            "or measure with a server that the report starts.</p>"
        )
    said = sentence(
        "<p>Serving takes {memory} GB ({origin}); an instance needs {headroom} as much, {need} GB. ",
        memory=number(found.memory_gb, "plain"),
        origin=quoted(costs.basis.memory_origin),
        headroom=number(found.headroom, "ratio"),
        need=number(found.needed_gb, "plain"),
    )
    if found.chosen.raw is None:
        return said + Markup("No instance of the list is known to fit and to sustain the configured traffic.</p>")
    said += sentence(
        "The cheapest that fits and sustains the traffic is {name}; ", name=_named(found, found.chosen.raw)
    )
    if found.chosen_in_time.raw is None:
        return said + Markup("none is known to do so within the latency target.</p>")
    return said + sentence("within the latency target, {name}.</p>", name=_named(found, found.chosen_in_time.raw))


def _named(found: Cited, place: int) -> Markup:
    row = found.candidates[place]
    return sentence("{name} at {price} a month", name=quoted(row.instance), price=number(row.monthly, "usd"))


def _known(found: Cited, style: Style) -> Markup:
    return Markup("not known") if found.raw is None else number(found, style)


def _yes(found: Cited) -> str:
    return "not known" if found.raw is None else "yes" if found.raw else "no"
