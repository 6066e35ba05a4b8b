"""The vendor's prices: live where they can be had, else as they last were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from helpers.core.errors import DeployError, InputError
from helpers.management import Manager
from helpers.params import Params, Price


def price_list(params: Params, environment: Mapping[str, str], cache: Path) -> tuple[list[Price], str]:
    """Return the prices and where they come from: live, else the last live list, else the params file, each dated."""
    try:
        prices = Manager(params, environment).hardware()
    except (DeployError, InputError) as error:
        why = str(error)
    else:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps({"as_of": today, "prices": [price.model_dump() for price in prices]}))
        return prices, f"the vendor's live list of {today}"
    try:
        kept = json.loads(cache.read_text())
        return [Price.model_validate(row) for row in kept["prices"]], f"the list kept on {kept['as_of']}; now: {why}"
    except (OSError, ValueError, KeyError):
        return list(params.prices.instances), f"the params file, as of {params.prices.as_of}; now: {why}"
