"""Which variant of page 04 to ship, and which setting of page 03 meets the latency target at the least cost: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from helpers.core.model import Frozen
from helpers.cost.costs import Basis, busy_floor, declared_price, variant_basis
from helpers.cost.instances import choices
from helpers.params import Params
from helpers.runs.results.base import ComparedResult
from helpers.runs.results.latency_cost import SettingResult, SettingsSweep
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.stats.comparison import ALPHA
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Verdict, decide, threshold_of

Why = Literal[
    "not measured",
    "none keeps quality",
    "target",
    "cheaper",
    "faster",
    "only faster",
    "reference",
    "no saving",
    "no faster",
]
TargetOutcome = Literal["met", "undecided", "missed", "no target", "not measured"]
#: Answers all the same word for word show that quality is kept once at most this share of others may differ (95 %).
MOST_DIFFERENT = 0.05
BEST_FIRST: tuple[TargetOutcome, ...] = ("met", "undecided", "missed")


class Fit(Frozen):
    """What one variant would need; ``quality`` is whether it is shown to keep the reference's quality, or to lose it.

    ``instance`` is the cheapest of the price list that holds ``needed_gb`` and sustains the configured traffic, by the
    rule that page 03 has for the deployment; ``per_1000_requests`` is its price at that traffic. The variant that is
    deployed is judged and placed by what page 03 measured; to the memory of the others comes what it took there beyond
    what it takes on the dialogues of page 04.
    """

    name: str
    quality: Verdict
    deployed: bool = False
    needed_gb: float | None = None
    instance: str | None = None
    hourly: float | None = None
    per_1000_requests: float | None = None
    latency: Verdict = "not measured"


class Choice(Frozen):
    """Every variant's fit and the recommended one; ``why`` is the saving that is claimed, if any.

    ``most_different`` is the share of further answers that may differ where answers count as the same.

    ``front`` are the variants, fastest first, that no other is both faster and better than. ``quick`` is the fastest
    of those that are shown to meet the latency target but not to keep the quality, where the recommended one is not
    shown to meet it. ``beyond_gb`` is what was added to the memory of those that are not deployed.
    """

    fits: tuple[Fit, ...]
    recommended: str
    why: Why
    front: tuple[str, ...] = ()
    quick: str | None = None
    most_different: float = MOST_DIFFERENT
    beyond_gb: float = 0.0


@dataclass(frozen=True)
class Deployed:
    """The deployment as page 03 measured it: what its costs rest on, and the verdict on its latency."""

    engine: str
    dtype: str
    basis: Basis
    latency: Verdict


class SettingFit(Frozen):
    """One setting beside the latency target; ``quality`` is whether it is shown to keep the reference's quality.

    ``floor_per_1000_requests`` bills busy seconds alone: at the configured traffic an always-on replica costs the same
    with every setting. A provider's busy seconds have no price.
    """

    name: str
    quality: Verdict
    latency: Verdict = "not measured"
    floor_per_1000_requests: Estimate | None = None


class SettingChoice(Frozen):
    """Every setting's fit, and the cheapest of those that meet the target, or of all when none is shown to.

    ``chosen`` counts the settings from 0. ``outcome`` is the best that any of them is shown to do: *met*, *undecided*,
    or *missed*.
    """

    fits: tuple[SettingFit, ...]
    chosen: int | None
    outcome: TargetOutcome
    threshold: float | None
    most_different: float = MOST_DIFFERENT


def choose(result: Quantization, params: Params, deployed: Deployed | None = None) -> Choice:
    """Return the recommendation; ``deployed`` is the variant that the run's other pages measured.

    Only variants shown to keep the quality are candidates. A saving is one that reaches the latency target where the
    reference is not shown to, a cheaper instance, or less time on one that costs no more; without one the reference
    stays. Where answers were cut, only the deployed variant is placed on an instance and judged by the target, and less
    time is the only saving.
    """
    more = _beyond(result.variants, params, deployed)
    fits = tuple(
        _fit(variant, index == 0, params, deployed, more, is_cut=result.cut is not None)
        for index, variant in enumerate(result.variants)
    )
    recommended, why = _recommended(result.variants, fits, is_cut=result.cut is not None)
    meets = {fit.name: fit.latency == "met" for fit in fits}
    quick = [v for v, fit in zip(result.variants, fits, strict=True) if meets[fit.name] and fit.quality != "met"]
    return Choice(
        fits=fits,
        recommended=recommended,
        why=why,
        front=_front(result.variants),
        beyond_gb=more / 1e9,
        quick=min(quick, key=_latency).name if quick and not meets.get(recommended) else None,
    )


def _beyond(variants: Sequence[VariantResult], params: Params, deployed: Deployed | None) -> float:
    """Return by how many bytes the deployment's memory on all dialogues exceeds that on the few of page 04.

    Longer dialogues take it, and whatever else serving does: every variant is taken to need as much more. A declared
    memory says nothing of that.
    """
    own = [v.peak_bytes for v in variants if v.peak_bytes and deployed and _is_deployed(v, deployed)]
    if deployed is None or deployed.basis.memory_gb is None or params.cost.memory_gb or not own:
        return 0.0
    return max(0.0, deployed.basis.memory_gb * 1e9 - own[0])


def _is_deployed(variant: VariantResult, deployed: Deployed) -> bool:
    return (variant.engine, variant.dtype) == (deployed.engine, deployed.dtype)


def _recommended(variants: Sequence[VariantResult], fits: Sequence[Fit], *, is_cut: bool) -> tuple[str, Why]:
    measured = [(v, f) for v, f in zip(variants, fits, strict=True) if not v.reason and v.latency]
    if not measured or measured[0][1] is not fits[0]:
        return (fits[0].name if fits else ""), "not measured"
    reference = fits[0]
    rivals = [(v, f) for v, f in measured[1:] if f.quality == "met"]
    if not rivals:
        return reference.name, "none keeps quality" if len(measured) > 1 else "reference"
    _, best = min(rivals, key=lambda pair: _rank(*pair))
    if not is_cut and best.latency == "met" != reference.latency:
        return best.name, "target"
    if not is_cut and _costs_less(best, reference):
        return best.name, "cheaper"
    faster = [(v, f) for v, f in rivals if v.speedup and (v.speedup.low or 0) > 1]
    if not is_cut:
        faster = [(v, f) for v, f in faster if not _costs_less(reference, f)]
    fastest = min(faster, key=lambda pair: _latency(pair[0]), default=None)
    if fastest is None:
        return reference.name, "no faster" if is_cut else "no saving"
    return fastest[1].name, "only faster" if is_cut else "faster"


def _costs_less(one: Fit, other: Fit) -> bool:
    """Return whether one takes a cheaper instance than the other, or has one where the other has none."""
    return one.hourly is not None and (other.hourly is None or one.hourly < other.hourly)


def choose_setting(sweep: SettingsSweep, params: Params, own: Verdict | None = None) -> SettingChoice:
    """Return the cheapest setting of those that are shown to meet the latency target; of all when none is.

    ``own`` is the verdict on the latency of the first setting, the deployment's, where all of page 03 gives one. The
    cheapest is the fastest: busy time is what a setting changes. One that failed any request is not chosen.
    """
    fits = tuple(_fit_setting(setting, place == 0, params, own) for place, setting in enumerate(sweep.settings))
    target = params.targets.average_latency
    threshold = threshold_of(target)[1] if target else None
    able = [place for place, setting in enumerate(sweep.settings) if _seconds(setting) < math.inf]
    best = next((verdict for verdict in BEST_FIRST if any(fits[place].latency == verdict for place in able)), None)
    ranked = [place for place in able if best != "met" or fits[place].latency == best]
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


def as_good(way: ComparedResult, *, is_reference: bool) -> Verdict:
    """Return *met* for the reference and for what is shown to lose no margin, *missed* for what loses one of them.

    The same answers word for word keep the quality by any measure, once they show that few others differ.
    """
    if is_reference or (way.p_loss is not None and way.p_loss <= ALPHA) or answers_the_same(way):
        return "met"
    measures = [one for one in (way.quality, way.facts, way.faithful) if one is not None]
    if not measures:
        return "not measured"
    lost = any(one.high is not None and one.margin is not None and one.high < -one.margin for one in measures)
    return "missed" if lost else "undecided"


def answers_the_same(way: ComparedResult) -> bool:
    """Return whether all recorded answers are the reference's, on enough dialogues that few others can differ."""
    found = way.agreement
    return found is not None and found.value == 1 and (found.low or 0.0) >= 1 - MOST_DIFFERENT


def _latency(variant: VariantResult) -> float:
    return variant.latency.value if variant.latency and variant.latency.value is not None else math.inf


def _rank(variant: VariantResult, fit: Fit) -> tuple[bool, float, float]:
    return fit.latency != "met", fit.hourly if fit.hourly is not None else math.inf, _latency(variant)


def _fit(
    variant: VariantResult, is_reference: bool, params: Params, deployed: Deployed | None, more: float, *, is_cut: bool
) -> Fit:
    quality = as_good(variant, is_reference=is_reference)
    own = deployed is not None and _is_deployed(variant, deployed)
    if variant.reason or variant.latency is None or variant.peak_bytes is None or (is_cut and not own):
        return Fit(name=variant.name, quality=quality, deployed=own)
    target = params.targets.average_latency
    latency: Verdict = decide(variant.latency, target) if target else "not measured"
    found = variant_basis(params, variant.latency, variant.peak_bytes + more)
    if deployed is not None and own:
        found, latency = deployed.basis, deployed.latency
    able = choices(params, found)
    row = able.candidates[able.chosen] if able.chosen is not None else None
    return Fit(
        name=variant.name,
        quality=quality,
        deployed=own,
        needed_gb=able.needed_gb,
        instance=row.instance if row else None,
        hourly=row.hourly if row else None,
        per_1000_requests=row.per_1000_requests if row else None,
        latency=latency,
    )


def _fit_setting(setting: SettingResult, is_reference: bool, params: Params, own: Verdict | None) -> SettingFit:
    quality = as_good(setting, is_reference=is_reference)
    if setting.latency is None:
        return SettingFit(name=setting.name, quality=quality)
    target = params.targets.average_latency
    verdict: Verdict = decide(setting.latency, target) if target else "informative"
    return SettingFit(
        name=setting.name,
        quality=quality,
        latency=own if own and is_reference else verdict,
        floor_per_1000_requests=None if params.provider else busy_floor(setting.latency, declared_price(params)),
    )


def _seconds(setting: SettingResult) -> float:
    """Return the mean service time; without end for a setting that cannot be chosen."""
    value = setting.latency.value if setting.latency else None
    return math.inf if value is None or setting.failed else value
