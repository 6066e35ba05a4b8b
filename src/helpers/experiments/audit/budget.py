"""Claims about the monthly bill, the traffic behind it, and what would lower it."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, agrees, figures, verdict
from helpers.runs.results.publication_audit import Claim

GROUP = "Monthly cost and savings"
#: Hours in a mean month, as the vendor's price list counts them.
HOURS = 365 * 24 / 12


def compute(basis: AuditBasis) -> Claim:
    """The published monthly compute cost: hours at the hourly price."""
    cost, most = basis.published.cost, basis.published.endpoint.replicas.max
    hours = cost.spreadsheet.infrastructure.compute.usage
    found, mean_month = basis.hourly * hours, basis.hourly * HOURS
    return Claim(
        name="monthly-compute",
        group=GROUP,
        source="publication",
        claim="Compute, a month",
        published="${said}",
        recomputed="{found}",
        verdict=verdict(agrees(cost.monthly_usd.compute, found)),
        arithmetic="${hourly} an hour for {hours} hours, one replica. A mean month has {mean_hours} hours, which makes "
        "{mean_month}; with autoscaling to {most} replicas it can reach {scaled}.",
        remedy="State the hourly price times the hours.",
        figures=figures("plain", said=cost.monthly_usd.compute, hourly=basis.hourly, hours=hours)
        | figures("plain", mean_hours=HOURS, most=most)
        | figures("usd", found=found, mean_month=mean_month, scaled=mean_month * most),
    )


def total(basis: AuditBasis) -> Claim:
    """The published monthly lines against all lines of the spreadsheet."""
    said, lines = basis.published.cost.monthly_usd, basis.published.cost.spreadsheet.infrastructure
    costs = {
        name: getattr(lines, name).unit_usd * getattr(lines, name).usage
        for name in ("compute", "storage", "network", "monitoring")
    }
    published, found = said.compute + said.storage + said.network, sum(costs.values())
    return Claim(
        name="monthly-total",
        group=GROUP,
        source="publication",
        claim="All costs, a month",
        published="${said}",
        recomputed="{found}",
        verdict=verdict(agrees(published, found)),
        arithmetic="Published: ${said_compute} for compute, ${said_storage} for storage, ${said_network} for network. "
        "The spreadsheet has {compute}, {storage} and {network} for these, and {monitoring} for monitoring.",
        remedy="Name every line of the spreadsheet, or take out of it what is not paid.",
        figures=figures("plain", said=published, said_compute=said.compute, said_storage=said.storage)
        | figures("plain", said_network=said.network)
        | figures("usd", found=found, **costs),
    )


def spreadsheet_traffic(basis: AuditBasis) -> Claim:
    """The spreadsheet's traffic, a utilisation of one replica, against the published traffic."""
    assumed = basis.published.cost.spreadsheet.throughput
    found = 3600 / assumed.average_latency_s * assumed.efficiency
    wait = basis.waiting(assumed.requests_per_hour)
    queue = (
        "More than one replica can answer would arrive."
        if wait is None
        else "If {said} an hour arrived at random, each would wait {wait} on average before its turn (Pollaczek and "
        "Khinchine, with the published latencies)."
    )
    return Claim(
        name="spreadsheet-traffic",
        group=GROUP,
        source="spreadsheet",
        claim="Requests an hour over which the price of the hour is spread",
        published="{said}",
        recomputed="{traffic} expected",
        verdict=verdict(agrees(assumed.requests_per_hour, found) and basis.traffic >= assumed.requests_per_hour),
        arithmetic="A replica busy {efficiency} of the time with requests of {latency} s answers {found} an hour, for "
        "${low} per 1,000. The published report expects {traffic}, which keep it busy {busy} of the time, for "
        f"${{cost}} per 1,000. {queue}",
        remedy="Spread the hour over the traffic that is expected; or show that {said} requests an hour arrive, and "
        "are answered in time.",
        figures=figures("plain", said=assumed.requests_per_hour, found=found, traffic=basis.traffic)
        | figures("plain", latency=assumed.average_latency_s, low=basis.hourly / assumed.requests_per_hour * 1000)
        | figures("plain", cost=basis.per_request * 1000)
        | figures("rate", efficiency=assumed.efficiency, busy=basis.busy(basis.traffic))
        | figures("s", wait=wait),
    )


def autoscaling(basis: AuditBasis) -> Claim:
    """The assumed hours a day against the smallest number of replicas configured."""
    hours = basis.published.cost.spreadsheet.scenarios.autoscaling_hours_per_day
    least = basis.published.endpoint.replicas.min
    return Claim(
        name="autoscaling",
        group=GROUP,
        source="spreadsheet",
        claim="Hours a day that are billed with autoscaling",
        published="{said}",
        recomputed="at least {billed}",
        verdict=verdict(None if least == 0 else hours >= 24),
        arithmetic="The configured minimum of replicas is {least}, so at least {billed} hours a day are billed "
        "whatever the traffic. Only {said} hours would save {saving} of the compute.",
        remedy="Let it scale to zero, count the hours in which a request arrives, and state the cold starts with them.",
        figures=figures("plain", said=hours, billed=24 * least, least=least) | figures("rate", saving=1 - hours / 24),
    )


def faster_answers(basis: AuditBasis) -> Claim:
    """The assumed savings that shorten the busy time, which the bill does not follow."""
    assumed, busy = basis.published.cost.spreadsheet.scenarios, basis.busy(basis.traffic)
    int8, batching = assumed.int8_reduction, assumed.batching_reduction
    return Claim(
        name="faster-answers",
        group=GROUP,
        source="spreadsheet",
        claim="Savings by int8 weights, and by batching",
        published="{int8}, {batching}",
        recomputed="does not follow from what was published",
        verdict=verdict(None),
        arithmetic="Assumed, not measured. Both shorten the busy time: at {traffic} requests an hour from {busy} of it "
        "to {int8_busy}, or {batching_busy}. The hour is billed whole, so nothing is saved unless a smaller replica, "
        "or fewer of them, then suffice.",
        remedy="Measure both against the same reference, and name the smaller replica that becomes possible.",
        figures=figures("plain", traffic=basis.traffic)
        | figures("rate", int8=int8, batching=batching, busy=busy)
        | figures("rate", int8_busy=busy * (1 - int8), batching_busy=busy * (1 - batching)),
    )


def spot(basis: AuditBasis) -> Claim:
    """The assumed spot saving, for which the price list has no row."""
    saving = basis.published.cost.spreadsheet.scenarios.spot_reduction
    return Claim(
        name="spot",
        group=GROUP,
        source="spreadsheet",
        claim="Saving by spot instances",
        published="{saving}",
        recomputed="no price to compare with",
        verdict=verdict(None),
        arithmetic="Assumed, not measured; the service's price list of {date} has no spot prices. With it a replica "
        "would cost ${hourly} an hour, and 1,000 requests ${cost} at {traffic} an hour, interruptions apart.",
        remedy="Name a provider, its spot price with a date, and how often a replica is taken away.",
        figures=figures("plain", date=basis.prices.as_of.isoformat(), hourly=basis.hourly * (1 - saving))
        | figures("plain", cost=basis.per_request * 1000 * (1 - saving), traffic=basis.traffic)
        | figures("rate", saving=saving),
    )


CLAIMS = (compute, total, spreadsheet_traffic, autoscaling, faster_answers, spot)
