"""Verdicts: every target judged by the interval, not the point, and what deciding the rest would cost.

Verdicts are computed when a page is rendered, from results, targets and prices; they are never stored as the only copy.
"""

from __future__ import annotations

from typing import Literal

from helpers.core.model import Frozen
from helpers.cost.costs import Costs, costs
from helpers.params import Params, Target
from helpers.runs.results.store import Results
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate
from helpers.verdicts.sample_size import PriceOfKnowing, needed_n, price_of

Verdict = Literal["met", "missed", "undecided", "not measured", "informative"]
Direction = Literal["max", "min", "below", "above", "margin", "none"]


class Judged(Frozen):
    """One row of the verdict table; ``page`` holds the evidence, ``address`` points at the result behind it."""

    name: str
    label: str
    unit: Literal["s", "usd", "rate", "score"]
    direction: Direction
    threshold: float | None
    estimate: Estimate
    verdict: Verdict
    reason: str
    as_if: str
    source: str
    page: str
    address: str
    price_of_knowing: PriceOfKnowing | None = None


class Judgement(Frozen):
    """All rows in reading order, and the costs that some of them rest on."""

    rows: tuple[Judged, ...]
    costs: Costs | None = None

    @property
    def ship(self) -> bool:
        """Whether every judged target is shown to be met."""
        return all(row.verdict in ("met", "informative") for row in self.rows)

    def with_verdict(self, *verdicts: Verdict) -> list[Judged]:
        """Return the rows that have one of the verdicts."""
        return [row for row in self.rows if row.verdict in verdicts]


def judge(results: Results, params: Params, command: str) -> Judgement:
    """Return the verdict on every target of the parameters; ``command`` repeats the run, ``--set`` is added to it."""
    timed = results.latency_cost
    money = costs(timed, params) if timed and not timed.reason else None
    found = _found(results, params, money)
    rows = []
    for name in type(params.targets).model_fields:
        target = getattr(params.targets, name)
        if target is None:
            continue
        estimate, reason, page, address, as_if = found[name]
        rows.append(_judged(name, target, estimate, reason, page, address, as_if, params, command, results))
    return Judgement(rows=tuple(rows), costs=money)


def decide(estimate: Estimate, target: Target) -> Verdict:
    """Return *met* or *missed* when the whole interval lies on one side of the threshold, else *undecided*.

    Non-inferiority (``margin``): met when the whole interval of the difference lies above ``-margin``.
    """
    direction, threshold = threshold_of(target)
    if direction == "none" or threshold is None:
        return "informative" if estimate.value is not None else "not measured"
    if estimate.n == 0:
        return "not measured"
    low, high = estimate.low, estimate.high
    if direction in ("max", "below"):
        good, bad = high, low
    else:
        good, bad = low, high
    strict = direction in ("below", "above", "margin")
    sign = -1.0 if direction in ("max", "below") else 1.0
    if good is not None and (sign * (good - threshold) > 0 or (not strict and good == threshold)):
        return "met"
    if bad is not None and (sign * (bad - threshold) < 0 or (strict and bad == threshold)):
        return "missed"
    return "undecided"


def threshold_of(target: Target) -> tuple[Direction, float | None]:
    """Return a target's direction and threshold; a margin's threshold is minus the margin."""
    for direction in ("max", "min", "below", "above"):
        value = getattr(target, direction)
        if value is not None:
            return direction, value
    return ("margin", -target.margin) if target.margin is not None else ("none", None)


def _judged(
    name: str,
    target: Target,
    estimate: Estimate,
    reason: str,
    page: str,
    address: str,
    as_if: str,
    params: Params,
    command: str,
    results: Results,
) -> Judged:
    direction, threshold = threshold_of(target)
    verdict = decide(estimate, target) if not reason else "not measured"
    if verdict == "met" and as_if:
        verdict, reason = "undecided", f"would be met {as_if}, but this ran elsewhere"
    elif verdict == "undecided" and not reason:
        reason = estimate.note or "the interval reaches both sides of the target"
    price = None
    if verdict == "undecided" and threshold is not None and not as_if:
        price = price_of(needed_n(estimate, threshold), estimate, params, command, results)
    return Judged(
        name=name,
        label=target.label,
        unit=target.unit,
        direction=direction,
        threshold=threshold,
        estimate=estimate,
        verdict=verdict,
        reason=reason,
        as_if=as_if,
        source=target.source,
        page=page,
        address=address,
        price_of_knowing=price,
    )


def _found(results: Results, params: Params, money: Costs | None) -> dict[str, tuple[Estimate, str, str, str, str]]:
    """Return for each target its estimate, why it is missing (or ''), page, address and as-if label."""
    timed, scored = results.latency_cost, results.sample_eval
    none = Estimate(value=None, low=None, high=None, n=0, method="none")
    why_timed = timed.reason if timed else "run page 03 first"
    why_scored = scored.reason if scored else "run page 02 first"

    def latency(field: str) -> tuple[Estimate, str, str, str, str]:
        value = getattr(timed, field, None)
        return (
            value or none,
            why_timed or ("" if value else "no steady-state answer"),
            "03",
            f"results/03.json#/{field}",
            "",
        )

    def priced(field: str) -> tuple[Estimate, str, str, str, str]:
        value = getattr(money, field, None)
        return (
            value or none,
            why_timed,
            "03",
            f"results/judged.json#/costs/{field}",
            money.as_if if money else "",
        )

    def compared(field: str) -> tuple[Estimate, str, str, str, str]:
        paired: Paired | None = getattr(scored, field, None)
        note = getattr(scored, f"{field}_note", "") if scored else ""
        return (
            difference(paired),
            why_scored or ("" if paired else note),
            "02",
            f"results/02.json#/{field}",
            "",
        )

    return {
        "average_latency": latency("mean"),
        "success_rate": latency("success_rate"),
        "error_rate": latency("error_rate"),
        "cost_per_1000_requests": priced("per_1000_requests"),
        "cost_per_1000_tokens": priced("per_1000_tokens"),
        "total_cost": priced("run"),
        "rouge_l": compared("baseline"),
        "rouge_l_gain": compared("untuned"),
    }


def difference(paired: Paired | None) -> Estimate:
    """Return a paired difference as an estimate."""
    if paired is None:
        return Estimate(value=None, low=None, high=None, n=0, method="none")
    return Estimate(value=paired.difference, low=paired.low, high=paired.high, n=paired.n, method=paired.method)
