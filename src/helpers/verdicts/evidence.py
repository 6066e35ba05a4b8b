"""What each target is judged by: one value per dialogue, in the order asked, so that any look can be taken at it.

The interval is computed when a verdict is asked for, at the level that the look has; measured pages keep the values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from helpers.cost.costs import Costs, inverse
from helpers.params import STREAMED
from helpers.runs.results.judge import Question
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.results.sample_eval import UNTUNED, SampleEval
from helpers.runs.results.store import Results
from helpers.runs.review_summary import QUESTIONS, by_dialogue
from helpers.runs.reviews import SummaryReading
from helpers.scorers.sensitivity import ALL_CHECKS
from helpers.stats.intervals import LEVEL, Estimate, mean, mean_rate, without_interval
from helpers.stats.power import Pilot, PilotRate, pilot_mean

Kind = Literal["mean", "share"]


@dataclass(frozen=True)
class Evidence:
    """The values behind a target, the bounds between which such values lie, and where the evidence is.

    ``given`` is a figure that follows without a sample, such as a price. With a ``reason`` nothing was measured.
    ``per`` turns the mean into ``per / mean``. ``timed``: the machine has a part in it. ``at_traffic``: it is valid
    only where the configured replicas sustain that traffic. ``recorded`` is the source of the dialogues whose recorded
    answers it rests on, so that more requests add nothing. ``regression`` says why it is no evidence of quality.
    ``read``: readers judged the summaries, so that more requests decide nothing alone. ``else_not_measured``: it can
    only show a target to be missed; where it does not, nothing was measured, for this reason. ``by_judge``: it rests on
    what a judge denies, not on what the checks flag.
    """

    page: str
    address: str
    reason: str = ""
    kind: Kind = "mean"
    values: tuple[float, ...] = ()
    requests: tuple[int, ...] = ()
    floor: float = -math.inf
    ceiling: float = math.inf
    per: float | None = None
    given: Estimate | None = None
    timed: bool = False
    at_traffic: bool = False
    recorded: str = ""
    regression: str = ""
    read: bool = False
    else_not_measured: str = ""
    by_judge: bool = False

    @property
    def sampled(self) -> bool:
        """Whether dialogues were drawn for it, so that it can be looked at again with more."""
        return self.given is None and not self.reason and not self.regression and bool(self.values)

    def estimate(self, level: float = LEVEL, n: int | None = None) -> Estimate:
        """Return the figure with its interval of a level, from the first ``n`` dialogues that have a value (or all)."""
        if self.given is not None:
            return self.given
        values = self.values[:n]
        if self.reason or not values:
            return without_interval(None, n=0)
        requests = sum(self.requests[:n]) if self.requests else None
        if self.kind == "share":
            return mean_rate(values, level=level, requests=requests)
        found = mean(values, level=level, floor=self.floor, ceiling=self.ceiling, requests=requests)
        return inverse(found, self.per) if self.per is not None else found

    def value(self, n: int) -> float | None:
        """Return the figure from the first ``n`` dialogues, without its interval."""
        return self.estimate(n=n).value

    def pilot(self, level: float, n: int | None = None) -> Pilot | None:
        """Return what says how likely more dialogues would decide; ``None`` where the values do not say it."""
        values = self.values[:n]
        if self.kind == "share":
            return PilotRate(len(values), sum(values))
        return pilot_mean(values, self.floor, self.ceiling, level)

    def on_values(self, threshold: float) -> float:
        """Return a threshold of the figure as one of the mean of its values."""
        return threshold if self.per is None else self.per / threshold


def evidence(
    results: Results,
    money: Costs | None,
    recorded: str | None = None,
    readings: tuple[SummaryReading, ...] = (),
    run: str = "RUN",
    unpriced: str = "",
) -> dict[str, Evidence]:
    """Return by target what it is judged by.

    ``recorded`` is the source of the dialogues of recorded answers, ``readings`` are what readers say, ``run`` is how a
    command names the run, ``unpriced`` says why no cost follows from what was measured.
    """
    timed, scored = results.latency_cost, results.sample_eval
    of_scores = {"rouge_l": _baseline(scored), "rouge_l_gain": _gain(scored, recorded)}
    return _of_readers(scored, readings, run) | _of_page_03(timed, money, unpriced) | _of_streams(timed) | of_scores


#: Why no cost follows where nothing was timed: the price is of an instance that has to sustain the traffic.
UNTIMED = "no service times, so that nothing tells whether the instance sustains the traffic"


def _of_page_03(timed: LatencyCost | None, money: Costs | None, unpriced: str) -> dict[str, Evidence]:
    why = timed.reason if timed else "run page 03 first"
    rows = timed.outcomes if timed else ()
    answered = [row for row in rows if row.service_time is not None]
    counted = [row for row in rows if row.tokens is not None]
    unknown = "tokens are not known" if timed and not why and not counted else why
    unpriced = unpriced or ("" if answered else UNTIMED)

    at, bill = "results/03.json#/{}".format, "results/cost.json#/declared/{}".format
    return {
        "average_latency": Evidence(
            "03",
            at("mean"),
            why or ("" if answered else "no steady-state answer"),
            values=tuple(row.service_time or 0.0 for row in answered),
            requests=tuple(row.answered for row in answered),
            floor=0.0,
            timed=True,
        ),
        "success_rate": Evidence(
            "03",
            at("success_rate"),
            why,
            kind="share",
            values=tuple(row.answered / row.requests for row in rows),
            requests=tuple(row.requests for row in rows),
            timed=True,
        ),
        "error_rate": Evidence(
            "03",
            at("error_rate"),
            why,
            kind="share",
            values=tuple(row.failed / row.attempts for row in rows),
            requests=tuple(row.attempts for row in rows),
            timed=True,
        ),
        "cost_per_1000_requests": Evidence(
            "03",
            bill("per_1000_requests"),
            why or unpriced,
            given=money.per_1000_requests if money else None,
            at_traffic=True,
        ),
        "cost_per_1000_tokens": Evidence(
            "03",
            bill("per_1000_tokens"),
            unknown or unpriced,
            values=tuple(row.tokens or 0.0 for row in counted),
            requests=tuple(row.answered for row in counted),
            floor=0.0,
            per=money.per_1000_requests.value if money else None,
            at_traffic=True,
        ),
        "total_cost": Evidence("03", bill("run"), why or unpriced, given=money.run if money else None),
    }


def _of_readers(scored: SampleEval | None, readings: tuple[SummaryReading, ...], run: str) -> dict[str, Evidence]:
    """Return what readers say of the summaries; where nobody read any, what the flags of a judge or of checks bound."""
    asked: dict[str, Question] = {"usable_summaries": "usable", "faithful_summaries": "faithful"}
    return {
        name: _read(name, by_dialogue(readings, QUESTIONS[question])) if readings else _flagged(scored, run, question)
        for name, question in asked.items()
    }


def _read(name: str, shares: Mapping[str, float]) -> Evidence:
    question = name.removesuffix("_summaries")
    address = f"results/reviews.json#/shares/{question}"
    return Evidence("02", address, kind="share", values=tuple(shares.values()), read=True)


#: Seconds that reading a summary takes, and the smallest n at which a share of one shows nine tenths.
PACE, ENOUGH = 20, 36


def _flagged(scored: SampleEval | None, run: str, question: Question) -> Evidence:
    """Return the bound that flags set: true summaries are flagged at most at the false-alarm rate that is shown.

    Where a judge has qualified it is the one to flag, whatever the checks find: of two bounds the better one would err
    twice as often.
    """
    why = scored.reason if scored else "run page 02 first"
    if why or scored is None:
        return Evidence("02", "results/02.json#/flagged", why)
    minutes = max(1, round(max(len(scored.samples), ENOUGH) * PACE / 60))
    reading = (
        f"nobody has read the summaries: about {minutes} minutes of reading, of {ENOUGH} dialogues or more: "
        f"python -m helpers review {run}"
    )
    flagged, alarms, address = scored.flagged, _false_alarms(scored), "results/02.json#/flagged"
    judge = scored.judge
    by_judge = judge is not None and judge.qualified and judge.flagged[question].n > 0
    if judge is not None and judge.references is not None and by_judge:
        flagged, alarms = judge.flagged[question], judge.references.objects
        address = f"results/02.json#/judge/flagged/{question}"
    if flagged is None or flagged.low is None or alarms is None or alarms.high is None:
        return Evidence("02", address, reading)
    # of the share t of true ones alarms(t) are flagged, of the others all at most: flagged <= alarms * t + 1 - t
    high = min(1.0, (1 - flagged.low) / (1 - alarms.high))
    given = Estimate(value=None, low=None, high=high, n=flagged.n, method="clopper-pearson", bound="upper")
    return Evidence("02", address, given=given, else_not_measured=reading, by_judge=by_judge)


def _false_alarms(scored: SampleEval) -> Estimate | None:
    """Return the false alarms of the judged checks together; those of all checks bound them from above."""
    rows = scored.sensitivity.rows if scored.sensitivity and any(one.judged for one in scored.checks) else ()
    return next((row.false_alarms for row in rows if row.name == ALL_CHECKS), None)


def _baseline(scored: SampleEval | None) -> Evidence:
    """Return the comparison with the recorded baseline, which is a regression check where that is of this system."""
    found = _compared(scored, "baseline")
    if scored is None or not scored.is_regression_check:
        return found
    equal = scored.baseline_equal
    why = f"a regression check: {equal} of {equal} answers are word for word those recorded of this system"
    return replace(found, values=(), given=without_interval(0.0, n=equal), regression=why)


def _gain(scored: SampleEval | None, recorded: str | None) -> Evidence:
    """Return the gain over the untuned base: by recorded answers where this system was seen to give them again."""
    found = _compared(scored, "untuned")
    if scored is None or recorded is None or not scored.is_regression_check:
        return found
    place = next((place for place, one in enumerate(scored.recordings) if one.name == UNTUNED), None)
    if place is None:
        return found
    gains = scored.recordings[place].rouge_l_gains
    address = f"results/02.json#/recordings/{place}/gains/rougeL"
    return replace(found, reason="", address=address, values=tuple(gains.values()), recorded=recorded)


def _of_streams(timed: LatencyCost | None) -> dict[str, Evidence]:
    why, found = timed.reason if timed else "run page 03 first", {}
    for name, field in STREAMED.items():
        known = [row for row in (timed.outcomes if timed else ()) if getattr(row, field) is not None]
        found[name] = Evidence(
            "03",
            f"results/03.json#/streaming/{field}",
            why or ("" if known else "no answer came in events with counted tokens"),
            values=tuple(getattr(row, field) for row in known),
            requests=tuple(row.answered for row in known),
            floor=0.0,
            timed=True,
        )
    return found


def _compared(scored: SampleEval | None, field: str) -> Evidence:
    why = scored.reason if scored else "run page 02 first"
    note = getattr(scored, f"{field}_note", "")
    differences: Mapping[str, float] = getattr(scored, f"{field}_differences", {})
    return Evidence(
        "02",
        f"results/02.json#/{field}",
        why or ("" if differences else note or "no dialogue is in both"),
        values=tuple(differences.values()),
        floor=-1.0,
        ceiling=1.0,
    )
