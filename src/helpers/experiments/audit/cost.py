"""Claims about the cost of requests and tokens: what is billed is the hour, busy or idle."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, agrees, figures, verdict
from helpers.runs.results.publication_audit import Claim

GROUP = "Cost of requests"


def hourly_price(basis: AuditBasis) -> Claim:
    """The published hourly price against the price list's row for the same machine."""
    endpoint, prices = basis.published.endpoint, basis.prices
    machine = endpoint.instance
    wanted = (endpoint.vendor, machine.vcpus, machine.memory_gb)
    row = next((p for p in prices.instances if (p.vendor, p.vcpus, p.memory_gb) == wanted), None)
    return Claim(
        name="hourly-price",
        group=GROUP,
        source="publication",
        claim="Price of a replica for an hour",
        published="${said}",
        recomputed="${listed}" if row else "not listed",
        verdict=verdict(agrees(basis.hourly, row.hourly) if row else None),
        arithmetic="The price list of {date}, for a machine of {vendor} with {vcpus} virtual processors and {memory} GB"
        + (": ${listed} an hour." if row else ", has no row."),
        remedy="State the listed price, with its date.",
        figures=figures(
            "plain",
            said=basis.hourly,
            date=prices.as_of.isoformat(),
            vendor=endpoint.vendor,
            vcpus=machine.vcpus,
            memory=machine.memory_gb,
        )
        | (figures("plain", listed=row.hourly) if row else {}),
    )


def timed_requests(basis: AuditBasis) -> Claim:
    """The published cost of the timed requests: their seconds at the hourly price, no idle time."""
    said, n = basis.published.measured.cost_10_requests_usd.publication, len(basis.latencies)
    found, billed = basis.hourly * sum(basis.latencies) / 3600, basis.per_request * n
    return Claim(
        name="timed-requests",
        group=GROUP,
        source="publication",
        claim="Cost of the timed requests",
        published="${said}",
        recomputed="${found}",
        verdict=verdict(agrees(said, found)),
        arithmetic="{total} at ${hourly} an hour. This counts busy seconds only; a replica that is always on bills the "
        "idle ones too: at {traffic} requests an hour {n} of them cost ${billed}, {factor} as much.",
        remedy="State the seconds of the timed requests times the hourly price.",
        figures=figures("plain", said=said, found=found, hourly=basis.hourly, traffic=basis.traffic, n=n, billed=billed)
        | figures("s", total=sum(basis.latencies))
        | figures("ratio", factor=billed / found),
    )


def thousand_tokens(basis: AuditBasis) -> Claim:
    """The published cost of 1,000 tokens against the printed one, from which the tokens follow."""
    measured = basis.published.measured
    tokens, cost = basis.tokens_per_request * measured.dialogues, measured.cost_10_requests_usd
    said, found = measured.cost_per_1000_tokens_usd.publication, measured.cost_per_1000_tokens_usd.notebook_output
    return Claim(
        name="thousand-tokens",
        group=GROUP,
        source="publication",
        claim="Cost per 1,000 tokens, busy time only",
        published="${said}",
        recomputed="${found}",
        verdict=verdict(agrees(said, found)),
        arithmetic="The notebook printed ${found} per 1,000 tokens and ${printed} for {n} requests, hence "
        "{tokens} tokens in all. The published ${cost} over as many is ${own} per 1,000. The counts themselves were "
        "not published.",
        remedy="State ${found}, and the token counts it rests on.",
        figures=figures("plain", said=said, found=found, printed=cost.notebook_output, n=measured.dialogues)
        | figures("plain", cost=cost.publication, own=cost.publication / tokens * 1000)
        | figures("count", tokens=tokens),
    )


def token_target(basis: AuditBasis) -> Claim:
    """The target for 1,000 tokens at the published traffic, idle time included."""
    targets, tokens = basis.published.targets, basis.tokens_per_request
    target, found = targets.cost_per_1000_tokens_usd.below, basis.per_request / tokens * 1000
    binding = targets.cost_per_1000_requests_usd.below
    return Claim(
        name="token-target",
        group=GROUP,
        source="publication",
        claim="The cost per 1,000 tokens meets its target",
        published="below {target}",
        recomputed="{found}",
        verdict=verdict(found < target),
        arithmetic="A request costs ${per_request} at {traffic} an hour, idle time included, and has {tokens} tokens "
        "by the notebook's figures. With that many, the target of {binding} per 1,000 requests amounts to "
        "{implied} per 1,000 tokens.",
        remedy="More traffic, or a lower hourly price.",
        figures=figures("plain", per_request=basis.per_request, traffic=basis.traffic)
        | figures("count", tokens=tokens)
        | figures("usd", target=target, found=found, binding=binding, implied=binding / tokens),
    )


def per_request(basis: AuditBasis) -> Claim:
    """The published cost of a request at the published traffic."""
    steady = basis.published.cost.steady_state
    said, said_thousand = steady.per_request_usd, steady.per_1000_requests_usd
    found, thousand = basis.per_request, basis.per_request * 1000
    return Claim(
        name="per-request",
        group=GROUP,
        source="publication",
        claim="Cost of a request, and per 1,000, at the steady traffic",
        published="${said}, ${said_thousand}",
        recomputed="${found}, ${thousand}",
        verdict=verdict(agrees(said, found) and agrees(said_thousand, thousand)),
        arithmetic="${hourly} an hour over {traffic} requests an hour. This includes idle time, as the bill does.",
        remedy="State the hourly price over the requests of an hour.",
        figures=figures("plain", said=said, said_thousand=said_thousand, found=found, thousand=thousand)
        | figures("plain", hourly=basis.hourly, traffic=basis.traffic),
    )


def request_target(basis: AuditBasis) -> Claim:
    """The target for 1,000 requests at the published traffic, and the traffic that would meet it."""
    target, found = basis.published.targets.cost_per_1000_requests_usd.below, basis.per_request * 1000
    even = basis.hourly * 1000 / target
    return Claim(
        name="request-target",
        group=GROUP,
        source="publication",
        claim="The cost per 1,000 requests meets its target",
        published="below {target}",
        recomputed="{found}",
        verdict=verdict(found < target),
        arithmetic="At {traffic} requests an hour 1,000 cost {found}, idle time included. They cost {target} at "
        "{even} an hour, where one replica is busy {busy} of the time. Busy time alone costs {floor} per 1,000, which "
        "no replica that is always on reaches.",
        remedy="More than {even} requests an hour; or, at {traffic} an hour, a replica below {price} an hour; or one "
        "that stops when idle, at the price of cold starts.",
        figures=figures("count", traffic=basis.traffic, even=even)
        | figures("usd", target=target, found=found, price=target * basis.traffic / 1000)
        | figures("usd", floor=basis.hourly * basis.mean_latency / 3600 * 1000)
        | figures("rate", busy=basis.busy(even)),
    )


CLAIMS = (hourly_price, timed_requests, thousand_tokens, token_target, per_request, request_target)
