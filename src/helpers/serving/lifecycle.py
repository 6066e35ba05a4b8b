"""A managed endpoint for the length of a report, and its vendor's prices: live, else as they last were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from helpers.core.console import say
from helpers.core.environment import environment
from helpers.core.errors import DeployError, InputError
from helpers.core.paths import cache
from helpers.params import Params, Price
from helpers.serving.management import MONTH, EndpointState, Manager

#: Seconds that a resumed endpoint may take to run.
RESUME_LIMIT = 1800.0


def price_list(params: Params, variables: Mapping[str, str], kept_in: Path) -> tuple[list[Price], str]:
    """Return the prices and where they come from: live, else the last live list, else the params file, each dated."""
    try:
        prices = Manager(params, variables).hardware()
    except (DeployError, InputError) as error:
        why = str(error)
    else:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        kept_in.parent.mkdir(parents=True, exist_ok=True)
        kept_in.write_text(json.dumps({"as_of": today, "prices": [price.model_dump() for price in prices]}))
        return prices, f"the vendor's live list of {today}"
    try:
        kept = json.loads(kept_in.read_text())
        return [Price.model_validate(row) for row in kept["prices"]], f"the list kept on {kept['as_of']}; now: {why}"
    except (OSError, ValueError, KeyError):
        return list(params.prices.instances), f"the params file, as of {params.prices.as_of}; now: {why}"


@contextmanager
def managed(params: Params) -> Iterator[None]:
    """Resume a paused endpoint for the length of a report and pause it afterwards, as ``pause_after`` asks.

    An endpoint that was running is left running, unless ``pause_after`` names it. Pausing happens however the
    report ends; that it failed is said, and never hides the report's own failure.
    """
    declared = params.deployment
    if params.backend != "endpoint" or declared is None or not declared.pause_after:
        yield
        return
    manager = Manager(params, environment())
    found = existing(manager).status
    if found == "paused":
        say(f"endpoint {declared.name} is paused; resuming it: {price_of(params, *current_prices(params))}")
    try:
        if found == "paused":
            manager.resume()
        if found != "scaledToZero":  # that one is woken, and its cold start measured, by the first request
            manager.wait(RESUME_LIMIT, say_state)
        yield
    finally:
        if found in ("paused", "scaledToZero") or declared.pause_after == declared.name:
            try:
                say(f"endpoint {declared.name}: {manager.pause().status}")
            except DeployError as error:
                say(f"NOT PAUSED, it may go on costing: {error}; try 'helpers endpoint pause'")


def price_of(params: Params, prices: list[Price], origin: str) -> str:
    """Return what the configured replicas cost while they run, an hour and a month."""
    wanted, declared = params.instance, params.deployment
    key = (wanted.vendor, wanted.type, wanted.size)
    hourly = next((p.hourly for p in prices if (p.vendor, p.type, p.size) == key), None)
    if hourly is None or declared is None:
        return f"no price for {' '.join(key)} in {origin}"
    least, most = hourly * declared.min_replica, hourly * declared.max_replica
    range_ = f"${most:.3f}" if least == most else f"${least:.3f} to ${most:.3f}"
    month = f"${most * MONTH:,.0f}" if least == most else f"${least * MONTH:,.0f} to ${most * MONTH:,.0f}"
    return f"{range_} an hour, {month} a month of {MONTH} hours ({origin})"


def current_prices(params: Params) -> tuple[list[Price], str]:
    """Return the vendor's prices, kept in the cache for when its API cannot be called, and where they come from."""
    return price_list(params, environment(), cache() / "hardware.json")


def existing(manager: Manager) -> EndpointState:
    """Return the state of the declared endpoint; raises `DeployError` when there is none."""
    state = manager.state()
    if state is None:
        raise DeployError(f"there is no endpoint {manager.deployment.name}; 'helpers endpoint create' makes it")
    return state


def say_state(state: EndpointState, seconds: float) -> None:
    """Tell the terminal in which state an endpoint is after ``seconds`` of waiting."""
    say(f"{seconds:6.0f} s  {state.name}: {state.status}{f' ({state.message})' if state.message else ''}")
