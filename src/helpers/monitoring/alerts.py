"""Alert rules over a log: not enough data, quiet, pending, firing, resolved, with the exact time of each change.

Nothing is sampled on a grid: a rule is looked at whenever its window changes (`helpers.monitoring.windows`). Times are
seconds after the start of the log.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

import numpy as np

from helpers.core.model import Frozen
from helpers.monitoring.series import BoolArray, FloatArray, IntArray, Series
from helpers.monitoring.windows import Window, window_of
from helpers.params import STREAMED, Alerts, Rule
from helpers.stats.intervals import rate

State = Literal["not applicable", "not enough data", "quiet", "pending", "firing", "resolved"]
NO_GPU = "no GPU is declared and none was seen; the processor is watched instead"
NO_STREAM = "no answer of the log came in a stream"
#: Changes of state that a page shows.
MOST_CHANGES = 100
_NO_DATA, _CLEAR, _BETWEEN, _BEYOND = range(4)


class StateChange(Frozen):
    """A rule's new state, when it came, and over how many; ``value`` is the figure when it fires or resolves."""

    rule: str
    label: str
    unit: Literal["s", "rate", "count", "plain"]
    state: State
    seconds: float
    at: datetime
    value: float | None
    n: int


class Watched(Frozen):
    """One rule over the whole log.

    ``windows`` is how many windows the log is long, ``most_n`` the most that one held, ``highest`` and ``lowest`` the
    extremes of the figure where the data was enough, ``beyond`` the share of that time beyond a threshold.
    ``livable_above`` and ``livable_below`` are the thresholds at which nothing seen would have been beyond, or too
    close to resolve; none where such a threshold could never fire (below 0, or above 100 %).
    """

    name: str
    label: str
    unit: Literal["s", "rate", "count", "plain"]
    source: str
    above: float | None
    below: float | None
    window: float
    minimum: int
    hold: float
    state: State
    reason: str = ""
    windows: float = 0.0
    fired: int = 0
    first_fired: float | None = None
    firing_seconds: float = 0.0
    most_n: int = 0
    value: float | None = None
    highest: float | None = None
    lowest: float | None = None
    beyond: float | None = None
    livable_above: float | None = None
    livable_below: float | None = None


class Alerted(Frozen):
    """What the rules would have said of ``attempts`` over ``seconds``; ``left_out`` counts changes not listed."""

    started_at: datetime
    seconds: float
    attempts: int
    aside: int
    rules: tuple[Watched, ...]
    timeline: tuple[StateChange, ...]
    left_out: int = 0

    @property
    def fired(self) -> list[Watched]:
        """The rules that fired at some time."""
        return [rule for rule in self.rules if rule.fired]

    @property
    def listed_until(self) -> float:
        """Until when the timeline holds whatever fired and resolved, seconds after the start."""
        is_cut = self.left_out and len(self.timeline) == MOST_CHANGES
        return self.timeline[-1].seconds if is_cut else self.seconds


def watch(series: Series, alerts: Alerts, *, gpu: bool = False) -> Alerted:
    """Return what every rule says of a log; ``gpu`` tells whether the deployment has one."""
    found = [_watched(name, rule, series, gpu) for name, rule in alerts.rules()]
    timeline = sorted((change for _, changes in found for change in changes), key=lambda change: change.seconds)
    return Alerted(
        started_at=series.started_at,
        seconds=series.end,
        attempts=len(series),
        aside=series.aside,
        rules=tuple(watched for watched, _ in found),
        timeline=tuple(timeline),
    )


def shortened(found: Alerted) -> Alerted:
    """Return the finding with a timeline that fits a page: of a long one only what fired and resolved."""
    kept = found.timeline
    if len(kept) > MOST_CHANGES:
        kept = tuple(change for change in kept if change.state in ("firing", "resolved"))[:MOST_CHANGES]
    return found.model_copy(update={"timeline": kept, "left_out": len(found.timeline) - len(kept)})


def _watched(name: str, rule: Rule, series: Series, gpu: bool) -> tuple[Watched, list[StateChange]]:
    fields = rule.model_dump(include={"label", "unit", "source", "above", "below", "window", "minimum", "hold"})
    if reason := _not_applicable(name, series, gpu):
        return Watched(name=name, **fields, state="not applicable", reason=reason), []
    window = window_of(name, rule, series)
    enough = window.at >= rule.window if window.per_second else window.n >= rule.minimum
    enough &= window.n >= rule.minimum
    codes = _codes(rule, window, enough)
    steps = _steps(window.at, codes, rule.hold, series.end)
    changes = [_change(name, rule, series, window, state, seconds) for state, seconds in steps]
    low, high = window.extremes(enough)
    lasts = np.diff(np.append(window.at, series.end))
    known, firing = float(lasts[enough].sum()), _firing(steps, series.end)
    last = len(window.at) - 1
    watched = Watched(
        name=name,
        **fields,
        state=_last_state(steps),
        reason=_why_nothing(name, window, bool(enough.any())),
        windows=series.end / rule.window,
        fired=sum(state == "firing" for state, _ in steps),
        first_fired=next((seconds for state, seconds in steps if state == "firing"), None),
        firing_seconds=firing,
        most_n=int(window.n.max(initial=0)),
        value=window.value(last) if last >= 0 and enough[last] else None,
        highest=high,
        lowest=low if window.percentile is None else None,
        beyond=float(lasts[codes == _BEYOND].sum()) / known if known else None,
        livable_above=_livable_above(name, rule, high, series),
        livable_below=None if low is None or rule.below is None else low / (1 + rule.hysteresis) or None,
    )
    return watched, changes


def _not_applicable(name: str, series: Series, gpu: bool) -> str:
    """Return why there can be no figure for a rule, or nothing."""
    if name == "gpu_utilisation" and not gpu and not len(series.gpu):
        return NO_GPU
    if name in STREAMED and np.isnan(getattr(series, STREAMED[name])).all():
        return NO_STREAM
    return ""


def _livable_above(name: str, rule: Rule, high: float | None, series: Series) -> float | None:
    """Return the threshold above everything seen; none where that is all there can be, as 100 % of a share."""
    if high is None or rule.above is None:
        return None
    threshold = _at_least(name, high, series) / (1 - rule.hysteresis)
    return None if rule.unit == "rate" and threshold >= 1 else threshold


def _codes(rule: Rule, window: Window, enough: BoolArray) -> IntArray:
    beyond, back = np.zeros(len(enough), dtype=bool), np.ones(len(enough), dtype=bool)
    if rule.above is not None and rule.clear_above is not None:
        beyond |= window.is_over(rule.above)
        back &= ~window.is_over(rule.clear_above)
    if rule.below is not None and rule.clear_below is not None:
        beyond |= window.is_under(rule.below)
        back &= ~window.is_under(rule.clear_below)
    codes: IntArray = np.where(beyond, _BEYOND, np.where(back, _CLEAR, _BETWEEN))
    return np.where(enough, codes, _NO_DATA)


def _steps(at: FloatArray, codes: IntArray, hold: float, end: float) -> list[tuple[State, float]]:
    """Return every change of state with its time.

    Too little data ends what is pending but resolves nothing: a deployment that nobody can reach has no requests.
    """
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    untils = np.append(at[starts], math.inf)[1:]
    steps: list[tuple[State, float]] = []
    state: State = "not enough data"
    for place, until in zip(starts.tolist(), untils.tolist(), strict=True):
        time, code = float(at[place]), codes[place]
        before = state
        if state == "firing":
            state = "resolved" if code == _CLEAR else "firing"
        elif code == _BEYOND:
            state = "pending"
        elif code == _NO_DATA:
            state = "not enough data"
        else:
            state = "resolved" if state == "resolved" else "quiet"
        if state != before:
            steps.append((state, time))
        due = round(time + hold, 6)
        if state == "pending" and due < until and due <= end:
            state = "firing"
            steps.append((state, due))
    return steps


def _change(name: str, rule: Rule, series: Series, window: Window, state: State, seconds: float) -> StateChange:
    place = int(np.searchsorted(window.at, seconds, side="right")) - 1
    return StateChange(
        rule=name,
        label=rule.label,
        unit=rule.unit,
        state=state,
        seconds=seconds,
        at=datetime.fromtimestamp(series.start + seconds, series.started_at.tzinfo),
        value=window.value(place) if state in ("firing", "resolved") else None,
        n=int(window.last[place] - window.first[place]),
    )


def _at_least(name: str, high: float, series: Series) -> float:
    """Return the highest figure, or how high an error rate may be that the log cannot tell from the one it shows."""
    if name != "error_rate":
        return high
    return max(high, rate(int((~series.ok).sum()), len(series), unit="attempt").high or 0.0)


def _firing(steps: list[tuple[State, float]], end: float) -> float:
    untils = [*(seconds for _, seconds in steps), end][1:]
    return sum(until - seconds for (state, seconds), until in zip(steps, untils, strict=True) if state == "firing")


def _last_state(steps: list[tuple[State, float]]) -> State:
    state: State = steps[-1][0] if steps else "not enough data"
    has_fired = any(state == "firing" for state, _ in steps)
    return "resolved" if has_fired and state in ("quiet", "not enough data") else state


def _why_nothing(name: str, window: Window, was_enough: bool) -> str:
    if was_enough:
        return ""
    if not len(window.values):
        return "no sample of the load was taken" if "utilisation" in name else "nothing was logged that it is about"
    return "the log is shorter than the window" if window.per_second else "no window held enough"
