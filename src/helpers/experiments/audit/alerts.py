"""The alert rules on the deployment as it was measured: quiet, firing from the first day, or not applicable."""

from __future__ import annotations

import math

from helpers.experiments.audit.basis import AuditBasis, against, figures, verdict
from helpers.experiments.audit.claims import Above, Max
from helpers.runs.results.publication_audit import Claim
from helpers.stats.intervals import LEVEL, percentile, rate, smallest_n
from helpers.stats.power import CHANCE, PilotRate, needed_n

GROUP = "Alerts"
_FIRES = {
    "holds": "On the deployment as it was measured, it is.",
    "does not hold": "On the deployment as it was measured, it would have fired from the first day.",
    "cannot be checked": "So few requests do not tell.",
}


def p50(basis: AuditBasis) -> Claim:
    """The alert on the median of the latency."""
    return _percentile(basis, 50, basis.published.alerts.latency_p50_s)


def p99(basis: AuditBasis) -> Claim:
    """The alert on the p99, which takes more requests to be stated than to be shown too high."""
    return _percentile(basis, 99, basis.published.alerts.latency_p99_s)


def _percentile(basis: AuditBasis, p: int, rule: Above) -> Claim:
    """Judge *percentile p above threshold*, which fires when more than 1 - p of all requests are slower than it."""
    found, allowed = percentile(basis.latencies, p), (100 - p) / 100
    slower = sum(value > rule.above for value in basis.latencies)
    share = rate(slower, len(basis.latencies))
    judged = against(share, Max(max=allowed))
    stated = (
        f"{{n}} latencies do not bound a p{p} from both sides, which takes {{needs}}; the slowest took {{largest}}."
    )
    if found.low is not None:
        stated = f"The p{p} of {{n}} latencies is {{value}} ({{low}} to {{high}})."
    return Claim(
        name=f"alert-p{p}",
        group=GROUP,
        source="publication",
        claim=f"The alert on the p{p} of the latency is quiet",
        published="above {threshold} s",
        recomputed="{slower} of {n} slower",
        verdict=judged,
        arithmetic=f"{stated} The alert is quiet while at most {{allowed}} of requests are slower than {{threshold}} "
        "s; {slower} of {n} were, hence {share_low} to {share_high} of all (exact 95 % interval). " + _FIRES[judged],
        remedy=f"A threshold above the p{p} of a measured week: an alert that always fires hides the day on which "
        "something changes.",
        figures=figures("plain", threshold=rule.above, n=len(basis.latencies), slower=slower)
        | figures("plain", needs=smallest_n(p, sides=2))
        | figures("s", value=found.value, low=found.low, high=found.high, largest=max(basis.latencies))
        | figures("rate", allowed=allowed, share_low=share.low, share_high=share.high),
    )


def error_rate(basis: AuditBasis) -> Claim:
    """The alert on the error rate at the published success rate."""
    rule, target, found = basis.published.alerts.error_rate, basis.published.targets.error_rate, basis.error
    judged = against(found, Max(max=rule.above))
    return Claim(
        name="alert-error-rate",
        group=GROUP,
        source="publication",
        claim="The alert on the error rate is quiet",
        published="above {threshold}",
        recomputed="{low} to {high}",
        verdict=judged,
        arithmetic="The exact 95 % interval from {n} requests is compared with the threshold as a whole. "
        f"{_FIRES[judged]} The target for the same rate is below {{target}}: between the two, it is missed in silence.",
        remedy="{needed} requests would decide it with a chance of {chance}, and a threshold at the target would leave "
        "no gap.",
        figures=figures(
            "plain", n=found.n, needed=needed_n(PilotRate(found.n, found.n - basis.successes), rule.above, LEVEL)
        )
        | figures("rate", chance=CHANCE)
        | figures("rate", threshold=rule.above, target=target.below, low=found.low, high=found.high),
    )


def throughput(basis: AuditBasis) -> Claim:
    """The alert on low throughput against what the replicas can answer, and against the published traffic."""
    least, replicas = basis.published.alerts.throughput_rps.below, basis.published.endpoint.replicas.max
    one, arriving = 1 / basis.mean_latency, basis.traffic / 3600
    judged = verdict(min(replicas * one, arriving) >= least)
    return Claim(
        name="alert-throughput",
        group=GROUP,
        source="publication",
        claim="The alert on low throughput is quiet",
        published="below {least} a second",
        recomputed="at most {one} a second",
        verdict=judged,
        arithmetic="One replica that answers one request at a time, in {mean}, gives at most {one} a second, all "
        f"{{replicas}} give {{all}}, and the published traffic brings {{arriving}}. {_FIRES[judged]}",
        remedy="An alert on pending requests, or on answers that fall behind arrivals: throughput is never more than "
        "arrives. To answer {least} a second takes {needed} replicas of this speed, and as much traffic.",
        figures=figures("plain", least=least, one=one, replicas=replicas, all=replicas * one, arriving=arriving)
        | figures("plain", needed=math.ceil(least * basis.mean_latency))
        | figures("s", mean=basis.mean_latency),
    )


def tokens(basis: AuditBasis) -> Claim:
    """The alert on tokens: quiet at the published counts, and able to fire."""
    above, model = basis.published.alerts.tokens_per_request.above, basis.published.model
    most = model.context_tokens + model.max_new_tokens
    return Claim(
        name="alert-tokens",
        group=GROUP,
        source="publication",
        claim="The alert on tokens per request is quiet, and able to fire",
        published="above {above}",
        recomputed="{found} on average",
        verdict=verdict(basis.tokens_per_request <= above < most),
        arithmetic="The notebook's costs imply {found} tokens per request. The model reads at most {context} and "
        "writes at most {written}: {most} in all.",
        remedy="A threshold between the average and the most that is possible.",
        figures=figures("count", found=basis.tokens_per_request)
        | figures("plain", above=above, most=most, context=model.context_tokens, written=model.max_new_tokens),
    )


def gpu(basis: AuditBasis) -> Claim:
    """The alert on the utilisation of a GPU, if there is one."""
    band, machine = basis.published.alerts.gpu_utilization, basis.published.endpoint.instance
    return Claim(
        name="alert-gpu",
        group=GROUP,
        source="publication",
        claim="The alert on GPU utilisation applies",
        published="below {below}, above {above}",
        recomputed="accelerator: {accelerator}",
        verdict=verdict(False if machine.accelerator == "none" else None),
        arithmetic="The configured machine is {family} with {vcpus} virtual processors; accelerator: {accelerator}. "
        "Without one there is no such figure, and a figure that is missing raises no alert.",
        remedy="The same alert on the processor, with a lower bound that fits: at the published traffic one replica is "
        "busy {busy} of the time.",
        figures=figures("plain", accelerator=machine.accelerator, family=machine.family, vcpus=machine.vcpus)
        | figures("rate", below=band.below, above=band.above, busy=basis.busy(basis.traffic)),
    )


CLAIMS = (p50, p99, error_rate, throughput, tokens, gpu)
