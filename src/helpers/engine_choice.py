"""Which variant of page 04 to ship: pure, from its result, the price list and the targets; computed when rendering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from helpers.cost_choice import memory_of
from helpers.params import Params, Price
from helpers.runs.results.base import Compared
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.targets import Verdict, decide

GIGABYTE = 1e9
Why = Literal["not measured", "nothing as good", "target", "cheaper", "reference", "no saving"]


class Fit(BaseModel):
    """What one variant would need; ``quality`` is whether it is shown to be as good as the reference, or worse.

    ``instance`` is the smallest of the declared kind whose memory holds ``headroom`` times the measured peak, and on
    whose replica the declared traffic fits at the measured speed; ``per_1000_requests`` is its price at that traffic.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    quality: Verdict
    instance: str | None = None
    hourly: float | None = None
    per_1000_requests: float | None = None
    latency: Verdict = "not measured"


class Choice(BaseModel):
    """Every variant's fit and the recommended one; ``why`` is the saving that is claimed, if any.

    ``front`` are the variants, fastest first, that no other is both faster and better than.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fits: tuple[Fit, ...]
    recommended: str
    why: Why
    headroom: float
    front: tuple[str, ...] = ()


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


def as_good(way: Compared, is_reference: bool) -> Verdict:
    """Return *met* for answers that are the reference's own or shown to be non-inferior, *missed* beyond the margin."""
    paired, identical = way.quality, way.agreement is not None and way.agreement.value == 1.0
    if is_reference or identical or (paired is not None and paired.non_inferior is True):
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
