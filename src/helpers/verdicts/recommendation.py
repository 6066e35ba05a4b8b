"""Which variant of page 04 to ship, and which setting of page 03 meets the latency target at the least cost: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from helpers.core.model import Frozen
from helpers.cost.costs import busy_floor, declared_price
from helpers.cost.instances import memory_of
from helpers.params import Params, Price
from helpers.runs.results.base import ComparedResult
from helpers.runs.results.latency_cost import SettingResult, SettingsSweep
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Verdict, decide, threshold_of

GIGABYTE = 1e9
Why = Literal["not measured", "nothing as good", "target", "cheaper", "reference", "no saving"]
TargetOutcome = Literal["met", "undecided", "missed", "no target", "not measured"]
BEST_FIRST: tuple[TargetOutcome, ...] = ("met", "undecided", "missed")


class Fit(Frozen):
    """What one variant would need; ``quality`` is whether it is shown to be as good as the reference, or worse.

    ``instance`` is the smallest of the declared kind whose memory holds ``headroom`` times the measured peak, and on
    whose replica the declared traffic fits at the measured speed; ``per_1000_requests`` is its price at that traffic.
    """

    name: str
    quality: Verdict
    instance: str | None = None
    hourly: float | None = None
    per_1000_requests: float | None = None
    latency: Verdict = "not measured"


class Choice(Frozen):
    """Every variant's fit and the recommended one; ``why`` is the saving that is claimed, if any.

    ``front`` are the variants, fastest first, that no other is both faster and better than.
    """

    fits: tuple[Fit, ...]
    recommended: str
    why: Why
    headroom: float
    front: tuple[str, ...] = ()


class SettingFit(Frozen):
    """One setting beside the latency target; ``quality`` is whether it is shown to be as good as the reference.

    ``floor_per_1000_requests`` bills busy seconds alone: at the declared traffic an always-on replica costs the same
    with every setting.
    """

    name: str
    quality: Verdict
    latency: Verdict = "not measured"
    floor_per_1000_requests: Estimate | None = None


class SettingChoice(Frozen):
    """Every setting's fit, and the cheapest among those that do best by the target.

    ``chosen`` counts the settings from 0. ``outcome`` is what its latency shows: *met* when it is shown to meet the
    target; *undecided* or *missed* when none is.
    """

    fits: tuple[SettingFit, ...]
    chosen: int | None
    outcome: TargetOutcome
    threshold: float | None


def choose(result: Quantization, params: Params) -> Choice:
    """Return the recommendation.

    Only variants shown to be as good are candidates. A saving is one that reaches the latency target where the
    reference does not, or a cheaper instance; without one the reference stays.
    """
    fits = tuple(_fit(variant, index == 0, params) for index, variant in enumerate(result.variants))
    front = _front(result.variants)

    def made(recommended: str, why: Why) -> Choice:
        return Choice(fits=fits, recommended=recommended, why=why, headroom=params.quantization.headroom, front=front)

    measured = [(v, f) for v, f in zip(result.variants, fits, strict=True) if not v.reason and v.latency]
    if not measured or measured[0][1] is not fits[0]:
        return made(fits[0].name if fits else "", "not measured")
    reference = fits[0]
    rivals = [(v, f) for v, f in measured[1:] if f.quality == "met"]
    if not rivals:
        why: Why = "nothing as good" if len(measured) > 1 else "reference"
        return made(reference.name, why)
    _, best = min(rivals, key=lambda pair: _rank(*pair))
    if best.latency == "met" != reference.latency:
        return made(best.name, "target")
    if best.hourly is not None and reference.hourly is not None and best.hourly < reference.hourly:
        return made(best.name, "cheaper")
    return made(reference.name, "no saving")


def choose_setting(sweep: SettingsSweep, params: Params) -> SettingChoice:
    """Return the cheapest setting of those that are shown to meet the latency target; of the others when none is.

    The cheapest is the fastest: busy time is what a setting changes. One that failed any request is not chosen.
    """
    fits = tuple(_fit_setting(setting, place == 0, params) for place, setting in enumerate(sweep.settings))
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


def _front(variants: Sequence[VariantResult]) -> tuple[str, ...]:
    """Return the names of the variants, fastest first, each better than every faster one (the reference by zero)."""
    known = [
        (v.latency.value, -gain, v.name)
        for index, v in enumerate(variants)
        if v.latency and v.latency.value is not None
        and (gain := 0.0 if index == 0 else v.quality.difference if v.quality else None) is not None
    ]  # fmt: skip
    front: list[tuple[float, str]] = []
    for _, loss, name in sorted(known):
        if not front or loss < front[-1][0]:
            front.append((loss, name))
    return tuple(name for _, name in front)


def as_good(way: ComparedResult, is_reference: bool) -> Verdict:
    """Return *met* for the reference itself and what is shown to be non-inferior, *missed* beyond the margin.

    Answers that are all equal on the dialogues compared show no more than that many dialogues can.
    """
    paired = way.quality
    if is_reference or (paired is not None and paired.non_inferior is True):
        return "met"
    if paired is None:
        return "not measured"
    return (
        "missed"
        if paired.high is not None and paired.margin is not None and paired.high < -paired.margin
        else "undecided"
    )


def _rank(variant: VariantResult, fit: Fit) -> tuple[bool, float, float]:
    slow = variant.latency.value if variant.latency and variant.latency.value is not None else float("inf")
    return fit.latency != "met", fit.hourly if fit.hourly is not None else float("inf"), slow


def _fit(variant: VariantResult, is_reference: bool, params: Params) -> Fit:
    quality = as_good(variant, is_reference)
    if variant.reason or variant.latency is None or variant.peak_bytes is None:
        return Fit(name=variant.name, quality=quality)
    target = params.targets.average_latency
    latency: Verdict = decide(variant.latency, target) if target else "not measured"
    traffic, mean = params.traffic.requests_per_hour, variant.latency.value or 0.0
    holds = mean * traffic / 3600 < 1
    price = _smallest(variant.peak_bytes * params.quantization.headroom, params) if holds else None
    if price is None:
        return Fit(name=variant.name, quality=quality, latency=latency)
    return Fit(
        name=variant.name,
        quality=quality,
        instance=price.name,
        hourly=price.hourly,
        per_1000_requests=price.hourly / traffic * 1000,
        latency=latency,
    )


def _smallest(needed: float, params: Params) -> Price | None:
    kind = (params.instance.vendor, params.instance.type)
    fitting = [
        p for p in params.prices.instances if (p.vendor, p.type) == kind and (memory_of(p) or 0) * GIGABYTE >= needed
    ]
    return min(fitting, key=lambda p: p.hourly, default=None)


def _fit_setting(setting: SettingResult, is_reference: bool, params: Params) -> SettingFit:
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
