"""What a run is going to ask and may spend: said before the first remote request, and when it has to stop."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import urlsplit

from helpers.core.machine import is_loopback
from helpers.core.text import spell
from helpers.params import Params
from helpers.runs.manifest import Manifest
from helpers.scorers.planted import PlantedKind

#: Requests of the deploy check beside the warm-up: waking it, the probes, the repeats that show determinism.
CHECKS = 20
#: Requests of a chat server beside them, which show what it does with a prompt that it has seen.
CACHE_CHECKS = 5


def spent(params: Params, manifest: Manifest, requests: int) -> str:
    """Return which bound of ``params.budget`` a run has reached with the requests sent so far, or nothing.

    Minutes count from its start or resumption; dollars are those of the configured replicas meanwhile, and only an
    endpoint elsewhere costs any.
    """
    budget = params.budget
    if budget.requests is not None and requests >= budget.requests:
        return f"budget.requests={budget.requests} is spent"
    minutes = (datetime.now(UTC) - (manifest.resumed_at or manifest.started_at)).total_seconds() / 60
    if budget.minutes is not None and minutes >= budget.minutes:
        return f"budget.minutes={budget.minutes:g} is spent"
    if budget.usd is not None and params.is_billed and (_dollars(params, minutes) or 0.0) >= budget.usd:
        return f"budget.usd={budget.usd:g} is spent"
    return ""


def no_load(params: Params, url: str | None) -> str:
    """Return why no load may be sent to the service at ``url``, or nothing."""
    if params.backend == "replay" or url is None:
        return "recorded answers cannot be loaded; what is predicted rests on their recorded times"
    # a server on loopback in a provider's place may well forward requests to it
    if (params.provider or not is_loopback(url)) and not params.load.allow_remote:
        return "load is sent to other machines only with load.allow_remote=true"
    return ""


def planned_requests(params: Params, dialogues: int, pages: Collection[str], url: str | None) -> dict[str, int]:
    """Return about how many requests each of some pages sends to the service at ``url``, for those that send any.

    The variants of page 04, and the server that page 05 starts beside the run's own, are not that service.
    """
    if params.backend == "replay":
        return {}
    measure, plan, changed = params.measure, params.settings, params.robustness
    # Dask workers answer the dialogues as they are, and no other requests are sent.
    again = 0 if params.execution.engine == "dask" else min(changed.dialogues, dialogues) * len(changed.changes)
    compared = len(params.compared_settings) * min(plan.dialogues, dialogues) * plan.rounds
    repeats = measure.repeats - ("02" in pages)  # page 03 counts the answers of page 02 as its first
    loads = [] if no_load(params, url) else _planned_loads(params)
    found = {
        "01": measure.warmup + CHECKS + (CACHE_CHECKS if params.protocol == "chat" else 0),
        "02": dialogues + again,
        "03": dialogues * repeats + compared,
        "05": sum(requests for requests, _ in loads),
    }
    return {page: requests for page, requests in found.items() if page in pages and requests}


def planned_of_variants(params: Params, dialogues: int, pages: Collection[str]) -> int:
    """Return about how many requests page 04 sends to the servers of the variants, of which the service gets none."""
    plan = params.quantization
    if "04" not in pages or not (params.backend == "local" or plan.model):
        return 0
    each = 1 + plan.rounds * (min(plan.dialogues, dialogues) + plan.all_at_once)  # the first warms it up
    return each * sum(map(plan.times, plan.variants))


def announcement(params: Params, dialogues: int, pages: Collection[str], url: str | None) -> str:
    """Return the sentence that precedes the first request to a remote endpoint: requests, minutes, dollars, bounds.

    Time: ``endpoint.expected_seconds`` a request, one after the other, and the runs of load as long as they take.
    Price: the configured replicas for that time, at the configured instance's price; a cold start, which is billed
    too, comes on top. A server on this machine bills nothing, and what a provider bills by use is not known.
    """
    planned, budget = planned_requests(params, dialogues, pages, url), params.budget
    alone = sum(requests for page, requests in planned.items() if page != "05")
    load = sum(seconds for _, seconds in _planned_loads(params)) if "05" in planned else 0.0
    minutes = (alone * params.endpoint.expected_seconds + load) / 60
    dollars = _dollars(params, minutes)
    cost = "at a price not known" if dollars is None else spell(dollars, "usd")
    cost = cost if params.is_billed else "no bill, as it runs on this machine"
    cost = f"billed by use at the rates of {params.provider}" if params.provider else cost
    bounds = [
        f"{spell(value, 'usd') if name == 'usd' else f'{value:g} {name}'}"
        for name, value in budget.model_dump(exclude_none=True).items()
    ]
    stop = f"it stops at {', '.join(bounds)}" if bounds else "no budget bounds it"
    by_page = ", ".join(f"{page}: {requests}" for page, requests in planned.items())
    shares = f" (by page: {by_page})" if by_page else ""
    return f"about {sum(planned.values())} requests{shares}, {spell(minutes, 'minutes')}, {cost}; {stop}"


def judge_announcement(params: Params, dialogues: int, url: str) -> str:
    """Return the sentence that precedes the first request to the judge at ``url``: how many, and what it is sent."""
    judge = params.scoring.judge
    assert judge is not None, "only a run with a judge announces one"
    if params.privacy.text != "full" and not judge.send_private:
        return f"the judge is not asked: privacy.text is '{params.privacy.text}', scoring.judge.send_private is false"
    qualifying = len(PlantedKind) * judge.planted + judge.references
    wanted = f"{qualifying} to qualify, further ones for summaries that were read, up to {3 * dialogues} for this run's"
    return (
        f"up to {judge.requests} requests to the judge at {urlsplit(url).netloc} ({wanted}), which sees these "
        "dialogues and summaries; what it costs is not known"
    )


def _planned_loads(params: Params) -> list[tuple[int, float]]:
    """Return about how many requests each run of load sends and how many seconds it takes.

    One that asks for more than the service can do ends when the last of its requests is answered.
    """
    load, service = params.load, params.endpoint.expected_seconds
    rates = load.rates or [share / service for share in load.fractions]
    runs = [(min(load.count, math.ceil(rate * load.seconds)), load.seconds) for rate in rates]
    return [(requests, max(seconds, requests * service)) for requests, seconds in runs] * load.repeats


def _dollars(params: Params, minutes: float) -> float | None:
    """Return what the configured replicas cost for a time, where their price is known."""
    price = params.prices.find(params.instance)
    return price.hourly * params.replicas * minutes / 60 if price else None
