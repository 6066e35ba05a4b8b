"""What deciding an undecided row would take: how many dialogues or requests, by which command, at what price."""

from __future__ import annotations

import math

from helpers.core.model import Frozen
from helpers.params import Params
from helpers.runs.results.store import Results
from helpers.stats.intervals import Estimate, rate

#: Past this many dialogues or requests, knowing is not worth asking for.
MOST_WORTH_ASKING = 1_000_000
#: Dialogues in the largest bundled split.
LARGEST_SPLIT = ("bundled:test", 127)


class PriceOfKnowing(Frozen):
    """What would decide an undecided row: how many dialogues or requests in all, by which command, at what price."""

    n: int
    unit: str
    command: str
    minutes: float | None
    dollars: float | None


def needed_n(estimate: Estimate, threshold: float) -> int | None:
    """Return about how many units would decide, if the estimate stays where it is; ``None`` when no n would be enough.

    Rates: the smallest n whose Wilson interval at the observed rate excludes the threshold. Else the half-width
    shrinks with the square root of n: ``n × (half-width / distance)²``.
    """
    value, n = estimate.value, estimate.n
    if value is None or n == 0:
        return estimate.needs
    if value == threshold:
        return None
    if estimate.method == "wilson":
        return _needed_wilson(value, n, threshold)
    edge = estimate.low if value > threshold else estimate.high
    if edge is None:
        return estimate.needs
    needed = math.ceil(n * ((value - edge) / (value - threshold)) ** 2)
    return needed if needed <= MOST_WORTH_ASKING else None


def _needed_wilson(value: float, n: int, threshold: float) -> int | None:
    low, high = n, MOST_WORTH_ASKING

    def decides(size: int) -> bool:
        interval = rate(round(value * size), size)
        edge = interval.low if value > threshold else interval.high
        return edge is not None and (edge > threshold if value > threshold else edge < threshold)

    if not decides(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle + 1, high)
    return low


def price_of(
    n: int | None, estimate: Estimate, params: Params, command: str, results: Results
) -> PriceOfKnowing | None:
    """Return what asking ``n`` units in all would take; ``None`` when nothing says how long a request takes."""
    timed = results.latency_cost
    if n is None or timed is None or timed.mean is None or timed.mean.value is None or params.backend == "replay":
        return None
    dialogues = max(1, len(timed.dialogues))
    if estimate.unit == "dialogue":
        split, size = LARGEST_SPLIT
        source = "" if not params.samples.source.startswith("bundled:") else f" --set samples.source={split}"
        change = (
            f"{source} --set samples.n={n}"
            if not source or n <= size
            else f" --set samples.source=FILE --set samples.n={n}"
        )
        requests = n * params.measure.repeats
    else:
        repeats = math.ceil(n / dialogues)
        change, requests = f" --set measure.repeats={repeats}", repeats * dialogues
    seconds = requests * timed.mean.value
    price = params.prices.find(params.instance)
    dollars = (
        price.hourly * params.instance.replicas * seconds / 3600 if price and params.backend == "endpoint" else None
    )
    return PriceOfKnowing(n=n, unit=estimate.unit, command=command + change, minutes=seconds / 60, dollars=dollars)
