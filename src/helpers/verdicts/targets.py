"""Verdicts: every target judged by the interval, not the point, and what deciding the rest would cost.

Verdicts are computed when a page is rendered, from results, targets and prices; they are never stored as the only copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from helpers.core.model import Frozen
from helpers.core.text import Style, spell
from helpers.cost.costs import BY_USE, Costs, basis, costs
from helpers.params import Params, Target
from helpers.runs.manifest import Manifest
from helpers.runs.results.store import Results
from helpers.runs.reviews import SummaryReading
from helpers.stats.intervals import EXACT, SMALLEST, Estimate
from helpers.stats.spending import LOOKS, level
from helpers.verdicts.evidence import Evidence, evidence
from helpers.verdicts.looks import Look, LookVerdict, Question, Standing, dialogues_of, name_of, standing, system_of
from helpers.verdicts.sample_size import PriceOfKnowing, needed_dialogues, price_of

Verdict = Literal["met", "missed", "undecided", "not measured", "informative"]
Direction = Literal["max", "min", "below", "above", "margin", "none"]
#: Why a target that no reading judges is missed.
BY_FLAGS = "the faithfulness checks flag more summaries than it allows, their false alarms deducted"
BY_JUDGE = "a judge that has qualified denies more summaries than it allows, its false alarms deducted"
#: What only requests can tell, and why recorded predictions do not.
OF_REQUESTS = ("success_rate", "error_rate", "total_cost")
NO_REQUEST = "recorded predictions: no request was sent"
#: What would start the looks again once those at a question are used up.
ANEW = f"the {LOOKS} looks at this question are used; other dialogues start it again"


def style_of(unit: Style, direction: str) -> Style:
    """Return how the figures of a target are spelled: a gain or a loss with its sign."""
    signed = direction == "margin" or (unit == "score" and direction == "above")
    return "difference" if signed else unit


class Judged(Frozen):
    """One row of the verdict table; ``page`` holds the evidence, ``address`` points at the result behind it.

    ``look`` of ``looks`` is the one at which the row was decided, else the latest; ``None`` where nothing was sampled.
    ``final``: no further look is left. ``other_thresholds`` are those that the same target had before.
    An undecided row may be ``open``, waiting for more dialogues (``needed``: about how many in all), or wait for
    another place: ``needs_run_on`` names the instance whose speed it rests on.
    """

    name: str
    label: str
    unit: Literal["s", "usd", "rate", "score"]
    direction: Direction
    threshold: float | None
    estimate: Estimate
    verdict: Verdict
    reason: str
    source: str
    page: str
    address: str
    look: int | None = None
    looks: int = LOOKS
    final: bool = False
    other_thresholds: tuple[float, ...] = ()
    open: bool = False
    needed: int | None = None
    needs_run_on: str = ""
    price_of_knowing: PriceOfKnowing | None = None

    @property
    def style(self) -> Style:
        """How its figures are spelled: a gain or a loss with its sign."""
        return style_of(self.unit, self.direction)


class Judgement(Frozen):
    """All rows in reading order."""

    rows: tuple[Judged, ...]

    @property
    def ship(self) -> bool:
        """Whether every judged target is shown to be met."""
        return all(row.verdict in ("met", "informative") for row in self.rows)

    def with_verdict(self, *verdicts: Verdict) -> list[Judged]:
        """Return the rows that have one of the verdicts."""
        return [row for row in self.rows if row.verdict in verdicts]


@dataclass(frozen=True)
class Case:
    """What is judged: a run's results, by whose parameters and manifest, after which looks of other runs.

    ``readings`` are what readers say of its summaries. ``sizes`` are the n of each look of this run by
    target, where it took several.
    """

    results: Results
    params: Params
    manifest: Manifest
    ledger: tuple[Look, ...] = ()
    readings: tuple[SummaryReading, ...] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def judge(case: Case) -> Judgement:
    """Return the verdict on every target of the parameters."""
    found = evidence_of(case)
    targets = ((name, getattr(case.params.targets, name)) for name in type(case.params.targets).model_fields)
    rows = tuple(_judged(name, target, found[name], case) for name, target in targets if target is not None)
    return Judgement(rows=rows)


def evidence_of(case: Case) -> dict[str, Evidence]:
    """Return by target what it is judged by."""
    recorded, run = case.params.baseline.samples, f"runs/{case.manifest.run}"
    unpriced = BY_USE if case.params.provider else ""
    found = evidence(case.results, _bill(case), recorded, case.readings, run, unpriced)
    if case.params.backend != "replay":
        return found
    return found | {name: replace(found[name], reason=NO_REQUEST) for name in OF_REQUESTS}


def looks_of(case: Case) -> list[Look]:
    """Return every look that a run takes at its questions, as lines of the ledger; none beyond a question's last."""
    lines = []
    for name, one in evidence_of(case).items():
        target = getattr(case.params.targets, name)
        question = _question(name, target, one, case) if target else None
        if question is None:
            continue
        for number, estimate, verdict in _looks(target, one, _standing(name, question, one, case)):
            lines.append(
                Look(
                    **question.model_dump(),
                    run=case.manifest.run,
                    at=case.manifest.resumed_at or case.manifest.started_at,
                    look=number,
                    n=estimate.n,
                    value=estimate.value,
                    low=estimate.low,
                    high=estimate.high,
                    level=estimate.level,
                    verdict=verdict,
                    system_name=name_of(case.params, case.manifest),
                )
            )
    return lines


def questions_of(case: Case) -> list[Question]:
    """Return the questions that a run asks, in reading order, those without a look left among them."""
    targets = ((name, one, getattr(case.params.targets, name)) for name, one in evidence_of(case).items())
    asked = (_question(name, target, one, case) for name, one, target in targets if target)
    return [question for question in asked if question]


def decide(estimate: Estimate, target: Target) -> Verdict:
    """Return *met* or *missed* when the whole interval lies on one side of the threshold, else *undecided*.

    Non-inferiority (``margin``): met when the whole interval of the difference lies above ``-margin``.
    """
    direction, threshold = threshold_of(target)
    if direction == "none" or threshold is None:
        return "informative" if estimate.value is not None else "not measured"
    if estimate.n == 0 and estimate.method != EXACT:
        return "not measured"
    if estimate.n < SMALLEST and estimate.method != EXACT:
        return "undecided"
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


def sustained(utilisation: Estimate, limit: float) -> Verdict:
    """Return *met* where the whole interval of a utilisation is within the limit (``cost.utilisation_limit``)."""
    return decide(utilisation, Target(label="utilisation", unit="rate", source="cost.utilisation_limit", max=limit))


def _at_traffic(row: Judged, case: Case) -> Judged:
    """Return a row on costs at the configured traffic as the capacity model allows it.

    A price that misses its target does so at any speed. One that meets it is paid only where the configured replicas
    sustain the traffic, which a speed measured on another machine cannot show.
    """
    bill = _bill(case)
    if row.verdict != "met" or bill is None:
        return row
    load = f"{spell(bill.requests_per_hour, 'count')} requests an hour"
    if bill.needs_run_on:
        reason = f"met where {bill.needs_run_on} sustains {load}; its speed was not measured"
        return row.model_copy(update={"verdict": "undecided", "reason": reason, "needs_run_on": bill.needs_run_on})
    held = sustained(bill.utilisation, case.params.cost.utilisation_limit)
    if held == "met":
        return row
    reason = f"met where the declared replicas sustain {load}, which is {_SUSTAINED[held]}"
    return row.model_copy(update={"verdict": "undecided", "reason": reason})


#: What the verdict on a utilisation says of the traffic.
_SUSTAINED: dict[Verdict, str] = {
    "missed": "more than they can",
    "undecided": "undecided",
    "not measured": "not measured",
}


def _bill(case: Case) -> Costs | None:
    timed = case.results.latency_cost
    if case.params.provider:
        return None
    return costs(case.params, basis(case.params, timed), timed.run_seconds) if timed and not timed.reason else None


def _judged(name: str, target: Target, found: Evidence, case: Case) -> Judged:
    direction, threshold = threshold_of(target)
    fields = {
        "name": name,
        "label": target.label,
        "unit": target.unit,
        "direction": direction,
        "threshold": threshold,
        "source": target.source,
        "page": found.page,
        "address": found.address,
    }
    question = _question(name, target, found, case)
    if question is None:
        estimate = found.estimate()
        verdict: Verdict = "not measured" if found.reason else decide(estimate, target)
        verdict = "informative" if found.regression else verdict
        reason = found.reason or found.regression
        if found.else_not_measured:
            flags = BY_JUDGE if found.by_judge else BY_FLAGS
            reason = flags if verdict == "missed" else found.else_not_measured
            verdict = verdict if verdict == "missed" else "not measured"
        row = Judged(**fields, estimate=estimate, verdict=verdict, reason=reason)
        return _at_traffic(row, case) if found.at_traffic else row
    where = _standing(name, question, found, case)
    taken = list(_looks(target, found, where))
    # without a look left nothing is decided
    look, estimate, verdict = taken[-1] if taken else (None, found.estimate(), "undecided")
    row = Judged(
        **fields,
        estimate=estimate,
        verdict=verdict,
        reason=_readers(case.readings) if found.read else "",
        look=look,
        final=where.final,
        other_thresholds=where.other_thresholds,
    )
    if verdict != "undecided":
        return _at_traffic(row, case) if found.at_traffic else row
    exhausted = row.final and look is None
    why = ["" if exhausted else _why_open(estimate), ANEW if row.final else "", row.reason]
    row = row.model_copy(update={"reason": "; ".join(filter(None, why))})
    if row.final or found.recorded or found.read:
        return row
    needed = needed_dialogues(found, question.threshold, where.used + 1)
    price = None if needed is None else price_of(needed, estimate, case.params, case.manifest, case.results)
    return row.model_copy(update={"open": row.look is not None, "needed": needed, "price_of_knowing": price})


def _readers(readings: tuple[SummaryReading, ...]) -> str:
    """Return who read the summaries, which is shown with every verdict that rests on it."""
    by = sorted({one.made_by for one in readings})
    return "read by " + " and by ".join("a language model" if one == "language model" else "people" for one in by)


def _looks(target: Target, found: Evidence, where: Standing) -> Iterator[tuple[int, Estimate, LookVerdict]]:
    """Yield number, figure and verdict of each look of this run, up to the one that decides."""
    for number, size in where.looks():
        estimate = found.estimate(level(number), size)
        verdict = decide(estimate, target)
        yield number, estimate, verdict if verdict in ("met", "missed") else "undecided"
        if verdict in ("met", "missed"):
            return


def _why_open(estimate: Estimate) -> str:
    if estimate.n < SMALLEST:
        return f"no verdict is given on fewer than {SMALLEST} dialogues"
    return estimate.note or "the interval reaches both sides of the target"


def _question(name: str, target: Target, found: Evidence, case: Case) -> Question | None:
    """Return the question that a target asks of this system; ``None`` where no dialogues were drawn to answer it."""
    direction, threshold = threshold_of(target)
    if threshold is None or not found.sampled:
        return None
    samples = case.params.samples
    if found.recorded:
        samples = samples.model_copy(update={"source": found.recorded})
    return Question(
        target=name,
        direction=direction,
        threshold=threshold,
        system=system_of(case.params, case.manifest, timed=found.timed),
        dialogues=dialogues_of(samples),
    )


def _standing(name: str, question: Question, found: Evidence, case: Case) -> Standing:
    sizes = case.sizes.get(name) or (len(found.values),)
    # fewer dialogues get no verdict, so that a look at them cannot err
    able = [(n, found.value(n)) for n in sizes if n >= SMALLEST]
    varies = found.timed and case.params.backend != "replay"
    return standing(case.ledger, question, case.manifest.run, able, varies=varies)
