"""Page 06 as it is shown, with the drawings of service times and of what state every rule was in."""

from __future__ import annotations

from itertools import pairwise

from markupsafe import Markup

from helpers.core.text import Style
from helpers.monitoring.alerts import NO_STREAM
from helpers.monitoring.windows import PERCENTILES
from helpers.report.components import tiles
from helpers.report.components.figures import curves, states
from helpers.report.components.line_chart import Band, Curve, LevelLine, Look, Plot
from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.row_chart import Segment
from helpers.report.components.tables import Column, actual, sample_size, table
from helpers.report.views.common import ended_early, not_measured
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.scorers.failures import OUTPUT_LABELS, OutputFailure
from helpers.verdicts.compute import alerted

#: How a state looks: the class of its colour, a glyph, and the colour of its lane over time.
_STATES = {
    "firing": ("missed", "✗", "missed"),
    "resolved": ("not-measured", "↘", "second"),
    "pending": ("undecided", "…", "undecided"),
    "quiet": ("met", "✓", "met-soft"),
    "not enough data": ("not-measured", "–", "rule"),
    "not applicable": ("not-measured", "–", "rule"),
}
_PERCENTILES: dict[str, Look] = {"p50": "solid", "p90": "dashed", "p99": "dotted"}
#: Lines of the log that could not be used, as far as a page names them.
MOST_LINES = 10
_LATENCY = {"latency_p50": "p50 alert above", "latency_p99": "p99 alert above"}


#: What the alerts of a report's own log are about.
OWN_TRAFFIC = ", all of them the report's own traffic, its load test included: it shows how the rules work, not demand"


def answer(run: Run, result: Cited) -> Markup:
    """Return which alerts would have fired, in a sentence."""
    if result.reason:
        return not_measured(result.reason.raw)
    alerted = alerted_of(run)
    fired = [quoted(rule.label) for rule in alerted.rules if rule.fired.raw]
    silent = [quoted(rule.label) for rule in alerted.rules if rule.state.raw == "not enough data"]
    said = sentence("<strong>Fired:</strong> {names}.", names=Markup(", ").join(fired)) if fired else "No alert fired."
    unknown = sentence(" Too little data to tell: {names}.", names=Markup(", ").join(silent)) if silent else ""
    return sentence(
        "<p class='answer'>{said}{unknown} The log holds {attempts} attempts in {span}{own}.</p>{early}{left_out}",
        said=said,
        unknown=unknown,
        attempts=number(result.attempts, "count"),
        own="" if run.params.monitoring.logs else OWN_TRAFFIC,
        span=number(result.span, "s"),
        early=ended_early(result),
        left_out=_left_out(result),
    )


def key_figures(result: Cited) -> Markup:
    """Return what the dashboard would have shown of the whole log."""
    if result.reason:
        return Markup()
    middle = result.latency["p50"] if "p50" in result.latency.raw else None
    return tiles.key_figures(
        tiles.estimate_tile("Median service time", middle, "s", "waiting in the server included") if middle else None,
        tiles.estimate_tile("Error rate", result.error_rate, "rate"),
        tiles.number_tile("Requests per second", result.throughput, "plain"),
        tiles.number_tile("Load per core, mean", result.usage_mean, "rate"),
    )


def _left_out(result: Cited) -> Markup:
    """Return which lines of the log could not be used, or nothing."""
    lines = [quoted(line) for line in result.left_out.raw[:MOST_LINES]]
    rest = "; results/06.json has all" if len(result.left_out) > MOST_LINES else ""
    told = sentence("<p class='note'>Left out: {lines}{rest}.</p>", lines=Markup("; ").join(lines), rest=rest)
    return told if lines else Markup()


def alerts(run: Run, result: Cited) -> Markup:
    """Return every rule with its state, and the timeline of changes."""
    if result.reason:
        return Markup()
    columns = [
        Column("Alert"),
        Column("Threshold", numeric=True),
        Column("Fired", unit="times", numeric=True),
        Column("First fired", numeric=True),
        Column("Time firing", numeric=True),
        Column("Max. samples", numeric=True),
        Column("Min. samples", numeric=True),
        Column("State"),
    ]
    rows = [
        [
            quoted(rule.label),
            _threshold(rule),
            number(rule.fired, "count"),
            number(rule.first_fired, "s") if rule.fired.raw else "–",
            number(rule.firing_seconds, "s"),
            number(rule.most_n, "count"),
            number(rule.minimum, "count"),
            state_chip(rule.state.raw),
        ]
        for rule in _shown(alerted_of(run))
    ]
    note = (
        "Samples: the most that one window held, and the fewest that the rule needs. Where there is no GPU, its rule "
        "does not apply and the processor is watched instead."
    )
    return table("Alert rules over this log", columns, rows, id="alerts", note=note) + states_over_time(alerted_of(run))


def thresholds(run: Run, result: Cited) -> Markup:
    """Return what each threshold would have done, and one that the measured deployment can live with."""
    if result.reason:
        return Markup()
    columns = [
        Column("Alert"),
        Column("Published", numeric=True),
        Column("Time beyond threshold", numeric=True),
        Column("Lowest seen", numeric=True),
        Column("Highest seen", numeric=True),
        Column("Suggested threshold", numeric=True),
        Column("Log length", "windows", numeric=True),
    ]
    rows = [
        [
            quoted(rule.label),
            _threshold(rule),
            number(rule.beyond, "rate"),
            "–" if rule.name.raw in PERCENTILES else number(rule.lowest, rule.unit.raw),
            number(rule.highest, rule.unit.raw),
            _sides(rule.livable_below, rule.livable_above, rule.unit.raw),
            number(rule.windows, "plain"),
        ]
        for rule in _shown(alerted_of(run))
    ]
    note = (
        "A suggested threshold lies outside the observed range by the margin at which a firing alert resolves. For "
        "the error rate it is no lower than the upper end of its interval per request. A dash: such a threshold could "
        "never fire. A log of few windows shows no ordinary week: take it as a first setting."
    )
    return table("What each threshold would have done", columns, rows, id="thresholds", note=note)


def traffic(result: Cited) -> Markup:
    """Return rates, errors by kind, tokens, the load of the server and failed output checks of the whole log."""
    if result.reason:
        return Markup()
    columns = [
        Column("Whole log"),
        Column("Value", numeric=True),
        Column("95 % interval", numeric=True),
        Column("n", numeric=True),
    ]
    named: list[tuple[str, Cited, Style]] = [
        *((f"service time, {name}", found, "s") for name, found in result.latency.items()),
        *((f"time to first token, {name}", found, "s") for name, found in result.first_token.items()),
        *((f"time between tokens, {name}", found, "s") for name, found in result.inter_token.items()),
        ("error rate", result.error_rate, "rate"),
        ("tokens per request", result.tokens, "count"),
        ("failed output checks of answers with a logged text", result.output_failure_rate, "rate"),
    ]
    if result.cut_off.raw is not None:
        named.append(("answers that the server cut off at its limit", result.cut_off, "rate"))
    rows = [
        [label, actual(found, style), interval(found, style), sample_size(found)]
        if found.raw is not None
        else [label, number(found), "–", "–"]
        for label, found, style in named
    ]
    plain: list[tuple[str, Cited, Style]] = [
        ("requests per second", result.throughput, "plain"),
        ("load of the server per core, mean", result.usage_mean, "rate"),
        ("load of the server per core, highest", result.usage_most, "rate"),
        *_gpu(result),
        *((f"failed attempts: {kind}", count, "count") for kind, count in result.errors.items()),
        *(
            (f"failed output checks: {OUTPUT_LABELS[OutputFailure(kind)].lower()}", count, "count")
            for kind, count in result.failures.items()
        ),
    ]
    rows += [[quoted(label), number(found, style), "–", "–"] for label, found, style in plain]
    return table("Traffic, errors, tokens and load", columns, rows, id="traffic")


def _gpu(result: Cited) -> list[tuple[str, Cited, Style]]:
    """Return the rows on the GPU, of a server that says how it is used."""
    if not result.gpu_samples:
        return []
    return [("use of the GPU, mean", result.gpu_mean, "rate"), ("use of the GPU, highest", result.gpu_most, "rate")]


def drift(result: Cited) -> Markup:
    """Return the second half of the log beside the first."""
    if result.reason:
        return Markup()
    columns = [
        Column("Property"),
        Column("First half", numeric=True),
        Column("Second half", numeric=True),
        Column("Difference", numeric=True),
        Column("95 % interval", numeric=True),
        Column("p", numeric=True),
        Column("Finding"),
    ]
    rows = [
        [
            quoted(row.label),
            number(row.before.value, row.unit.raw),
            number(row.after.value, row.unit.raw),
            number(row.difference.value, row.unit.raw),
            interval(row.difference, row.unit.raw),
            number(row.p_value, "p"),
            row.verdict.raw,
        ]
        for row in result.drift
    ]
    note = "The unit is the dialogue; p-values are adjusted for the number of rows (Holm)."
    return table("Drift between the halves of the log", columns, rows, id="drift", note=note)


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
    levels = [LevelLine(_LATENCY[rule.name.raw], rule.above.raw) for rule in rules]
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
    subtitle = (
        "service time, seconds, waiting in the server included: percentiles of every stretch of the log; a gap has "
        "too few answers for one"
    )
    return curves("latency-over-time", finding, subtitle, plot, data=_stretches(result))


def errors(result: Cited) -> Markup:
    """Return attempts and those that failed over time, as the published dashboard plots them."""
    if result.reason or not result.slices:
        return Markup()
    parts = result.slices.raw
    edges = [edge for part in parts for edge in (part.seconds, part.seconds + part.length)]
    counts: tuple[tuple[str, Look], ...] = (("attempts", "quiet"), ("failed", "solid"))
    steps = [
        Curve(name, edges, [n for part in parts for n in [float(getattr(part, name))] * 2], look)
        for name, look in counts
    ]
    finding = sentence(
        "{rate} of attempts failed ({between})",
        rate=number(result.error_rate.value, "rate"),
        between=between(result.error_rate, "rate"),
    )
    plot = Plot(steps, [], "count", "s", "since the start of the log")
    return curves("errors-over-time", finding, "attempts in every stretch of the log", plot, data=_attempts(result))


def states_over_time(alerted: Cited) -> Markup:
    """Return the state of every rule over time, with its changes as a table."""
    rows = [(rule.label.raw, state_chip(rule.state.raw), _segments(alerted, rule)) for rule in _shown(alerted)]
    fired = [quoted(rule.label) for rule in alerted.rules if rule.fired.raw]
    finding = sentence("Fired: {names}", names=Markup(", ").join(fired)) if fired else "No rule fired"
    subtitle = "state of every alert rule, seconds since the start of the log; on the right the last one"
    if alerted.left_out:
        subtitle += "; drawn as far as the table of changes goes"
    return states("alerts-over-time", finding, subtitle, rows, unit="s", data=_timeline(alerted))


def _shown(alerted: Cited) -> list[Cited]:
    """Return the rules without those on streams, where no answer came in one."""
    return [rule for rule in alerted.rules if rule.reason.raw != NO_STREAM]


def _threshold(rule: Cited) -> Markup:
    return _sides(rule.below, rule.above, rule.unit.raw)


def _sides(below: Cited, above: Cited, unit: Style) -> Markup:
    given = [(sign, level) for sign, level in (("<", below), (">", above)) if level.raw is not None]
    return Markup(" or ").join(Markup("{} {}").format(sign, number(level, unit)) for sign, level in given) or Markup(
        "–"
    )


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
    return [Segment(start, end, _STATES[state][2]) for (start, state), (end, _) in pairwise(steps) if end > start]


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
        *(Column(name, unit="s", numeric=True) for name in ("p50", "p90", "p99")),
        Column("Tokens", numeric=True),
        Column("Load", numeric=True),
    ]
    rows = [
        [
            number(part.seconds, "s"),
            *(number(getattr(part, name), "s", bare=True) for name in ("p50", "p90", "p99")),
            number(part.tokens, "count"),
            number(part.usage, "rate"),
        ]
        for part in result.slices
    ]
    note = "Requests follow each other and are not independent: these are descriptions, without intervals."
    return table("Traffic over time", columns, rows, id="stretches", note=note)


def _attempts(result: Cited) -> Markup:
    columns = [Column("From"), Column("Attempts", numeric=True), Column("Failed", numeric=True)]
    rows = [
        [number(part.seconds, "s"), number(part.attempts, "count"), number(part.failed, "count")]
        for part in result.slices
    ]
    return table("Attempts over time", columns, rows, id="attempts")
