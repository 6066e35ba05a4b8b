"""Which setting of page 03 meets the latency target at the least cost: pure; computed when rendering."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

from helpers.cost.costs import busy_floor
from helpers.cost_basis import declared_price
from helpers.engine_choice import as_good
from helpers.params import Params
from helpers.runs.results.latency_cost import SettingResult, SettingsSweep
from helpers.stats.intervals import Estimate
from helpers.targets import Verdict, decide, threshold_of

Outcome = Literal["met", "undecided", "missed", "no target", "not measured"]
BEST_FIRST: tuple[Outcome, ...] = ("met", "undecided", "missed")


class SettingFit(BaseModel):
    """One setting beside the latency target; ``quality`` is whether it is shown to be as good as the reference.

    ``floor_per_1000_requests`` bills busy seconds alone: at the declared traffic an always-on replica costs the same
    with every setting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    quality: Verdict
    latency: Verdict = "not measured"
    floor_per_1000_requests: Estimate | None = None


class SettingChoice(BaseModel):
    """Every setting's fit, and the cheapest among those that do best by the target.

    ``chosen`` counts the settings from 0. ``outcome`` is what its latency shows: *met* when it is shown to meet the
    target; *undecided* or *missed* when none is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fits: tuple[SettingFit, ...]
    chosen: int | None
    outcome: Outcome
    threshold: float | None


def choose_setting(sweep: SettingsSweep, params: Params) -> SettingChoice:
    """Return the cheapest setting of those that are shown to meet the latency target; of the others when none is.

    The cheapest is the fastest: busy time is what a setting changes. One that failed any request is not chosen.
    """
    fits = tuple(_fit(setting, place == 0, params) for place, setting in enumerate(sweep.settings))
    target = params.targets.average_latency
    threshold = threshold_of(target)[1] if target else None
    able = [place for place, setting in enumerate(sweep.settings) if _seconds(setting) < math.inf]
    best = next((verdict for verdict in BEST_FIRST if any(fits[place].latency == verdict for place in able)), None)
    ranked = [place for place in able if best is None or fits[place].latency == best]
    chosen = min(ranked, key=lambda place: _seconds(sweep.settings[place]), default=None)
    return SettingChoice(
        fits=fits,
        chosen=chosen,
        outcome=best or ("not measured" if chosen is None else "no target"),
        threshold=threshold,
    )


def _fit(setting: SettingResult, is_reference: bool, params: Params) -> SettingFit:
    quality = as_good(setting, is_reference)
    if setting.latency is None:
        return SettingFit(name=setting.name, quality=quality)
    target = params.targets.average_latency
    return SettingFit(
        name=setting.name,
        quality=quality,
        latency=decide(setting.latency, target) if target else "informative",
        floor_per_1000_requests=busy_floor(setting.latency, declared_price(params)),
    )


def _seconds(setting: SettingResult) -> float:
    """Return the mean service time; without end for a setting that cannot be chosen."""
    value = setting.latency.value if setting.latency else None
    return math.inf if value is None or setting.failed else value
