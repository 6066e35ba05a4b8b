"""The drawings of page 06: service times over time with their thresholds, and what state every rule was in."""

from __future__ import annotations

from itertools import pairwise

from markupsafe import Markup

from helpers.report.components.figures import curves, states
from helpers.report.components.glyphs import FILLED, HOLLOW, THIN, Segment
from helpers.report.components.line_chart import Band, Curve, Level, Look, Plot
from helpers.report.components.numbers import number, quoted, sentence
from helpers.report.components.tables import Column, table
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.compute import alerted

#: How a state looks: the class of its colour, a glyph, and the colour and weight of its mark over time.
_STATES = {
    "firing": ("missed", "✗", "missed", FILLED),
    "resolved": ("undecided", "?", "undecided", THIN),
    "pending": ("undecided", "?", "undecided", HOLLOW),
    "quiet": ("met", "✓", "met", THIN),
    "not enough data": ("not-measured", "–", "rule", THIN),
    "not applicable": ("not-measured", "–", "rule", THIN),
}
_PERCENTILES: dict[str, Look] = {"p50": "solid", "p90": "dashed", "p99": "dotted"}
_LATENCY = {"latency_p50": "p50 alert above", "latency_p99": "p99 alert above"}


def alerted_of(run: Run) -> Cited:
    """Return what the alert rules say of the run's log."""
    return Cited(alerted(run), "results/alerts.json")


def state_chip(state: str) -> Markup:
    """Return a state as glyph, word and colour."""
    style, glyph, *_ = _STATES[state]
    return Markup('<span class="chip {}"><span aria-hidden="true">{}</span>{}</span>').format(style, glyph, state)


def latency(run: Run, result: Cited) -> Markup:
    """Return service times over time with their thresholds: percentiles of every stretch, and each answer if few."""
    if result.reason:
        return Markup()
    rules = [rule for rule in alerted_of(run).rules if rule.name.raw in _LATENCY]
    levels = [Level(_LATENCY[rule.name.raw], rule.above.raw) for rule in rules]
    parts = result.slices.raw
    edges = [edge for part in parts for edge in (part.seconds, part.seconds + part.length)]
    steps = [
        Curve(name, edges, [value for part in parts for value in [getattr(part, name)] * 2], look)
        for name, look in _PERCENTILES.items()
    ]
    bands = [Band(edges, low.ys, high.ys) for low, high in pairwise(steps)]
    at, seconds = zip(*result.dots.raw, strict=True) if result.dots else ((), ())
    each = Curve("each answer", at, seconds, "cloud")
    plot = Plot([each, *steps], levels, "s", "s", "since the start of the log", bands)
    fired = [quoted(rule.label) for rule in rules if rule.fired.raw]
    names = Markup(" and ").join(fired)
    finding = sentence("{names} fired", names=names) if fired else "No alert on latency fired"
    subtitle = "service time, seconds: percentiles of every stretch of the log; a gap has too few answers for one"
    return curves("latency-over-time", finding, subtitle, plot, data=_stretches(result))


def states_over_time(alerted: Cited) -> Markup:
    """Return the state of every rule over time, with its changes as a table."""
    rows = [
        (rule.label.raw, f"{_STATES[rule.state.raw][1]} {rule.state.raw}", _segments(alerted, rule))
        for rule in alerted.rules
    ]
    fired = [quoted(rule.label) for rule in alerted.rules if rule.fired.raw]
    finding = sentence("Fired: {names}", names=Markup(", ").join(fired)) if fired else "No rule fired"
    subtitle = "state of every alert rule, seconds since the start of the log; on the right the last one"
    if alerted.left_out:
        subtitle += "; drawn as far as the table of changes goes"
    return states("alerts-over-time", finding, subtitle, rows, unit="s", data=_timeline(alerted))


def _segments(alerted: Cited, rule: Cited) -> list[Segment]:
    """Return the states that a rule was in, one after the other; none of one that does not apply.

    A timeline without what was quiet does not tell what was before the first firing: that stays empty.
    """
    if rule.state.raw == "not applicable":
        return []
    until = alerted.raw.listed_until
    changes = [(one.seconds, one.state) for one in alerted.timeline.raw if one.rule == rule.name.raw]
    before = [] if alerted.left_out else [(0.0, "not enough data")]
    steps = [*before, *changes, (until, rule.state.raw)]
    return [_segment(start, end, state) for (start, state), (end, _) in pairwise(steps) if end > start]


def _segment(start: float, end: float, state: str) -> Segment:
    _, glyph, colour, weight = _STATES[state]
    return Segment(start, end, (f"{glyph} {state}", glyph), colour, weight)


def _timeline(alerted: Cited) -> Markup:
    columns = [
        Column("After"),
        Column("Alert"),
        Column("Becomes"),
        Column("At", numeric=True),
        Column("n", numeric=True),
    ]
    rows = [
        [
            number(change.seconds, "s"),
            quoted(change.label),
            state_chip(change.state.raw),
            number(change.value, change.unit.raw) if change.value.raw is not None else "–",
            number(change.n, "count"),
        ]
        for change in alerted.timeline
    ]
    more = sentence("Changes not listed here: {n}.", n=number(alerted.left_out, "count")) if alerted.left_out else ""
    return table("Timeline, from the start of the log", columns, rows, id="timeline", note=more)


def _stretches(result: Cited) -> Markup:
    columns = [
        Column("From"),
        Column("Attempts", numeric=True),
        Column("Failed", numeric=True),
        *(Column(name, unit="s", numeric=True) for name in ("p50", "p90", "p99")),
        Column("Tokens", numeric=True),
        Column("Load", numeric=True),
    ]
    rows = [
        [
            number(part.seconds, "s"),
            number(part.attempts, "count"),
            number(part.failed, "count"),
            *(number(getattr(part, name), "s", bare=True) for name in ("p50", "p90", "p99")),
            number(part.tokens, "count"),
            number(part.usage, "rate"),
        ]
        for part in result.slices
    ]
    note = "Requests follow each other and are not independent: these are descriptions, without intervals."
    return table("Traffic over time", columns, rows, id="stretches", note=note)
