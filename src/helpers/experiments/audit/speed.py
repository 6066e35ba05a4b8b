"""Claims about speed: what the published latencies support."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, against, agrees, figures, verdict
from helpers.runs.results.publication_audit import Claim

GROUP = "Speed"


def average_latency(basis: AuditBasis) -> Claim:
    """The published average compared with the mean of the published latencies."""
    said, found = basis.published.measured.average_latency_ms.publication / 1000, basis.latency
    return Claim(
        name="average-latency",
        group=GROUP,
        source="publication",
        claim="Average latency of the timed requests",
        published="{said} s",
        recomputed="{mean}",
        verdict=verdict(agrees(said, basis.mean_latency)),
        arithmetic="The {n} published latencies sum to {total}, {mean} each. From so few, the mean of all such "
        "requests is known only to within {low} to {high} (95 % interval).",
        remedy="State the mean of the published latencies, with its interval.",
        figures=figures("plain", said=said, n=found.n)
        | figures("s", mean=found.value, total=sum(basis.latencies), low=found.low, high=found.high),
    )


def latency_target(basis: AuditBasis) -> Claim:
    """The latency target against the interval of the mean."""
    target, found = basis.published.targets.average_latency_s, basis.latency
    within = sum(value <= target.max for value in basis.latencies)
    return Claim(
        name="latency-target",
        group=GROUP,
        source="publication",
        claim="The average latency meets its target",
        published="at most {target} s",
        recomputed="{low} to {high}",
        verdict=against(found, target),
        arithmetic="A target is met, or missed, when the whole 95 % interval of the mean ({mean}) lies on one side of "
        "it. "
        + ("By simulation the interval {note}. " if found.note else "")
        + "Of single requests, {within} of {n} took no longer than the target.",
        remedy="Answers in {factor} of the time, which puts the whole interval below the target, by other generation "
        "settings or a faster engine; or a target that the deployment has been shown to meet.",
        figures=figures("plain", target=target.max, n=found.n, within=within, note=found.note)
        | figures("s", mean=found.value, low=found.low, high=found.high)
        | figures("rate", factor=target.max / (found.high or basis.mean_latency)),
    )


def timing(basis: AuditBasis) -> Claim:
    """Whether the published latencies are those of the service alone."""
    method = basis.published.measured.timing_method
    gap = (basis.latency.high or basis.mean_latency) - basis.published.targets.average_latency_s.max
    return Claim(
        name="timing",
        group=GROUP,
        source="notebook",
        claim="The latencies are those of the service",
        published="{mean}",
        recomputed="at most {mean}",
        verdict=verdict(None if "tokenis" in method else True),
        arithmetic="What was timed: {method}. The time that the client spends on tokens is no latency of the service, "
        "and its share was not published."
        + (
            " Only if it were {gap} of each request would the service alone be shown to have met its target."
            if gap > 0
            else ""
        ),
        remedy="Stop the clock at the last byte of the answer, and count tokens afterwards.",
        figures=figures("plain", method=method) | figures("s", mean=basis.mean_latency, gap=gap),
    )


def notebook_prose(basis: AuditBasis) -> Claim:
    """The figures that the notebook's text repeats against those its code printed."""
    measured = basis.published.measured
    latency, cost = measured.average_latency_ms, measured.cost_10_requests_usd
    tokens = measured.cost_per_1000_tokens_usd
    prose, output = latency.notebook_prose / 1000, latency.notebook_output / 1000
    same = [agrees(place.notebook_prose, place.notebook_output) for place in (cost, tokens)]
    return Claim(
        name="notebook-prose",
        group=GROUP,
        source="notebook",
        claim="The notebook's text repeats what its code printed",
        published="{prose} s, ${prose_cost}, ${prose_tokens}",
        recomputed="{output} s, ${output_cost}, ${output_tokens}",
        verdict=verdict(agrees(prose, output) and all(same)),
        arithmetic="These are average latency, cost of the timed requests and cost per 1,000 tokens. {n} requests "
        "of {prose} s, on a replica of ${hourly} an hour, would cost ${own_cost}; the text says ${prose_cost}. Where "
        "these two agree, the text is consistent in itself and may describe another run.",
        remedy="Let the text take its figures from the results of the run it describes.",
        figures=figures(
            "plain",
            prose=prose,
            prose_cost=cost.notebook_prose,
            prose_tokens=tokens.notebook_prose,
            output=output,
            output_cost=cost.notebook_output,
            output_tokens=tokens.notebook_output,
            n=measured.dialogues,
            hourly=basis.hourly,
            own_cost=basis.hourly * prose * measured.dialogues / 3600,
        ),
    )


CLAIMS = (average_latency, latency_target, timing, notebook_prose)
