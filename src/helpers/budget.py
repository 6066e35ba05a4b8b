"""When a run has to stop asking: what it may spend, and what it has spent."""

from __future__ import annotations

from datetime import UTC, datetime

from helpers.params import Params
from helpers.provenance import Manifest


def spent(params: Params, manifest: Manifest, requests: int) -> str:
    """Return which bound of ``params.budget`` a run with so many requests behind it has reached, or nothing.

    Minutes count from its start or resumption; dollars are those of the declared replicas meanwhile, and only an
    endpoint costs any.
    """
    budget = params.budget
    if budget.requests is not None and requests >= budget.requests:
        return f"budget.requests={budget.requests} is spent"
    minutes = (datetime.now(UTC) - (manifest.resumed_at or manifest.started_at)).total_seconds() / 60
    if budget.minutes is not None and minutes >= budget.minutes:
        return f"budget.minutes={budget.minutes:g} is spent"
    price = params.prices.find(params.instance)
    dollars = price.hourly * params.instance.replicas * minutes / 60 if price else 0.0
    if budget.usd is not None and params.backend == "endpoint" and dollars >= budget.usd:
        return f"budget.usd={budget.usd:g} is spent"
    return ""
