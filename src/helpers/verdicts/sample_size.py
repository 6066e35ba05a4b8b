"""What deciding an undecided row would take: how many dialogues, by which command, at what price."""

from __future__ import annotations

from helpers.core.model import Frozen
from helpers.params import Params
from helpers.runs.manifest import Manifest
from helpers.runs.results.store import Results
from helpers.samples.dataset import held_out_sizes
from helpers.stats.intervals import LEVEL, Estimate
from helpers.stats.power import CHANCE, needed_n
from helpers.stats.spending import level
from helpers.verdicts.evidence import Evidence


class PriceOfKnowing(Frozen):
    """How many dialogues in all decide a row with ``chance``, by which command, at what price.

    The chance is averaged over the truths that this look leaves open, ``low`` to ``high``. With an n
    beyond ``available``, the dialogues of the run's source, the command names a larger source.
    """

    n: int
    chance: float
    low: float | None
    high: float | None
    available: int | None
    command: str
    minutes: float | None
    dollars: float | None


def needed_dialogues(found: Evidence, threshold: float, look: int, n: int | None = None) -> int | None:
    """Return how many dialogues in all a look needs to decide with `CHANCE`, by the first ``n`` (or all) so far.

    ``None`` where no number would be worth asking for.
    """
    pilot = found.pilot(LEVEL, n)
    return None if pilot is None else needed_n(pilot, found.on_values(threshold), level(look))


def price_of(n: int, open_: Estimate, params: Params, manifest: Manifest, results: Results) -> PriceOfKnowing | None:
    """Return what a look at ``n`` dialogues takes; ``None`` when nothing says how long a request takes.

    Each dialogue is sent once: repeats of the same ones tell less. Minutes and dollars are those of sending all ``n``
    one after the other.
    """
    timed = results.latency_cost
    if timed is None or timed.mean is None or timed.mean.value is None or params.backend == "replay":
        return None
    seconds = n * timed.mean.value
    price = params.prices.find(params.instance)
    by_hour = params.is_billed and params.provider is None
    dollars = price.hourly * params.replicas * seconds / 3600 if price and by_hour else None
    return PriceOfKnowing(
        n=n,
        chance=CHANCE,
        low=open_.low,
        high=open_.high,
        available=manifest.available,
        command=f"{manifest.command}{_more(n, params, manifest)} --set measure.repeats=1",
        minutes=seconds / 60,
        dollars=dollars,
    )


def _more(n: int, params: Params, manifest: Manifest) -> str:
    """Return the options that ask ``n`` dialogues: of the run's own source while it has them, else of a larger one."""
    source = ""
    if manifest.available is not None and n > manifest.available:
        sizes = held_out_sizes() if params.samples.source.startswith("bundled:") else {}
        larger = min((name for name, size in sizes.items() if size >= n), key=lambda name: sizes[name], default=None)
        source = f" --set samples.source={f'bundled:{larger}' if larger else 'FILE'}"
    return f"{source} --set samples.n={n}"
