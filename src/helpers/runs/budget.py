"""What a run is going to ask and may spend: said before the first remote request, and when it has to stop."""

from __future__ import annotations

from datetime import UTC, datetime

from helpers.core.text import spell
from helpers.params import Params
from helpers.runs.manifest import Manifest

#: Requests of the deploy check beside the warm-up: waking it, the probes, the repeats that show determinism.
CHECKS = 20
#: Requests of a chat server beside them, which show what it does with a prompt that it has seen.
CACHE_CHECKS = 5


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
    if budget.usd is not None and params.backend == "endpoint" and (_dollars(params, minutes) or 0.0) >= budget.usd:
        return f"budget.usd={budget.usd:g} is spent"
    return ""


def planned_requests(params: Params, dialogues: int) -> int:
    """Return about how many requests a whole report sends; none when recorded predictions are replayed."""
    if params.backend == "replay":
        return 0
    measure, plan, own = params.measure, params.settings, params.generation
    compared = len(plan.beside(own.num_beams, own.max_new_tokens)) * min(plan.dialogues, dialogues) * plan.rounds
    checks = CHECKS + (CACHE_CHECKS if (params.backend, params.endpoint.protocol) == ("endpoint", "chat") else 0)
    return dialogues * measure.repeats + measure.warmup + checks + compared


def announcement(params: Params, dialogues: int) -> str:
    """Return the sentence that precedes the first request to a remote endpoint: requests, minutes, dollars, bounds.

    Time: ``endpoint.expected_seconds`` a request, one after the other. Price: the declared replicas for that time, at
    the declared instance's price; a cold start, which is billed too, comes on top.
    """
    requests, budget = planned_requests(params, dialogues), params.budget
    minutes = requests * params.endpoint.expected_seconds / 60
    dollars = _dollars(params, minutes)
    cost = "at a price not known" if dollars is None else spell(dollars, "usd")
    bounds = [
        f"{spell(value, 'usd') if name == 'usd' else f'{value:g} {name}'}"
        for name, value in budget.model_dump(exclude_none=True).items()
    ]
    stop = f"it stops at {', '.join(bounds)}" if bounds else "no budget bounds it"
    return f"about {requests} requests, {spell(minutes, 'minutes')}, {cost}; {stop}"


def _dollars(params: Params, minutes: float) -> float | None:
    """Return what the declared replicas cost for so long, where their price is known."""
    price = params.prices.find(params.instance)
    return price.hourly * params.instance.replicas * minutes / 60 if price else None
