"""Claims about reliability: what a handful of requests can show."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, against, all_of, figures, verdict
from helpers.runs.results.publication_audit import Claim
from helpers.stats.intervals import LEVEL, rate
from helpers.stats.power import CHANCE, PilotRate, needed_n

GROUP = "Reliability"


def success_rate(basis: AuditBasis) -> Claim:
    """The published success rate against the latencies, of which an answered request has one."""
    measured, found = basis.published.measured, basis.success
    useful = rate(max(0, basis.successes - measured.summaries_beginning_mid_sentence), measured.dialogues)
    return Claim(
        name="success-rate",
        group=GROUP,
        source="as published",
        claim="Success rate of the timed requests",
        published="{said}",
        recomputed="{answered} of {n}",
        verdict=verdict(basis.successes == len(basis.latencies)),
        arithmetic="There are {answered} latencies for {n} dialogues. As the success rate of the deployment this is "
        "{low} to {high} (exact 95 % interval). Summaries that begin in mid-sentence: {cut}; if they are no "
        "successes, {useful} remain ({useful_low} to {useful_high}).",
        remedy="State the share of requests that have a latency.",
        figures=figures(
            "plain", answered=len(basis.latencies), n=found.n, cut=measured.summaries_beginning_mid_sentence
        )
        | figures("rate", said=measured.success_rate, low=found.low, high=found.high)
        | figures("rate", useful=useful.value, useful_low=useful.low, useful_high=useful.high),
    )


def reliability_targets(basis: AuditBasis) -> Claim:
    """The targets for success and error rate against exact intervals."""
    targets, success, error = basis.published.targets, basis.success, basis.error
    needed = needed_n(PilotRate(success.n, basis.successes), targets.success_rate.min, LEVEL)
    seconds = None if needed is None else needed * basis.mean_latency
    return Claim(
        name="reliability-targets",
        group=GROUP,
        source="publication",
        claim="Success rate and error rate meet their targets",
        published="at least {least}, below {most}",
        recomputed="{low} to {high}, {error_low} to {error_high}",
        verdict=all_of([against(success, targets.success_rate), against(error, targets.error_rate)]),
        arithmetic="The exact 95 % intervals from {n} requests are compared with the targets as a whole.",
        remedy="{needed} requests decide it with a chance of {chance}, averaged over the rates that {n} "
        "leave open; they take about {time} one after the other and {dollars} of the "
        "published hourly price.",
        figures=figures("plain", n=success.n, needed=needed)
        | figures("minutes", time=None if seconds is None else seconds / 60)
        | figures("usd", dollars=None if seconds is None else basis.hourly * seconds / 3600)
        | figures("rate", least=targets.success_rate.min, most=targets.error_rate.below)
        | figures("rate", chance=CHANCE)
        | figures("rate", low=success.low, high=success.high, error_low=error.low, error_high=error.high),
    )


CLAIMS = (success_rate, reliability_targets)
