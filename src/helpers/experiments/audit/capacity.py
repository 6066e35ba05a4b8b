"""Claims about traffic and scaling."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, figures, verdict
from helpers.runs.results.publication_audit import Claim

GROUP = "Capacity"


def steady_traffic(basis: AuditBasis) -> Claim:
    """Whether one replica keeps up with the published traffic."""
    wait = basis.waiting(basis.traffic)
    queue = (
        "If requests arrive at random, each waits {wait} on average before its turn, and its answer is there after "
        "{response} (Pollaczek and Khinchine, with the published latencies)."
    )
    return Claim(
        name="steady-traffic",
        group=GROUP,
        source="publication",
        claim="One replica holds the steady traffic",
        published="{traffic} an hour",
        recomputed="at most {most} an hour",
        verdict=verdict(basis.busy(basis.traffic) < 1),
        arithmetic="A replica that answers one request at a time, in {mean}, is busy {busy} of its time. "
        + ("" if wait is None else queue),
        remedy="More replicas, or faster answers.",
        figures=figures("count", traffic=basis.traffic, most=3600 / basis.mean_latency)
        | figures("s", mean=basis.mean_latency, wait=wait, response=None if wait is None else wait + basis.mean_latency)
        | figures("rate", busy=basis.busy(basis.traffic)),
    )


def scaling_metric(basis: AuditBasis) -> Claim:
    """The configured scaling metric against those that the service offers."""
    endpoint = basis.published.endpoint
    return Claim(
        name="scaling-metric",
        group=GROUP,
        source="configuration",
        claim="Replicas are added by a metric that the service offers",
        published="{metric}",
        recomputed="{offered}",
        verdict=verdict(endpoint.scaling_metric in endpoint.scaling_metrics_offered),
        arithmetic="The service scales on one of: {offered}. By any other metric the configured maximum of {most} "
        "replicas may never be reached.",
        remedy="Scale on pending requests: a replica that answers one at a time has a queue as soon as it is too slow.",
        figures=figures("plain", metric=endpoint.scaling_metric, most=endpoint.replicas.max)
        | figures("plain", offered=", ".join(endpoint.scaling_metrics_offered)),
    )


CLAIMS = (steady_traffic, scaling_metric)
