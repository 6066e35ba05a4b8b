"""Page 06 as it is shown."""

from __future__ import annotations

from markupsafe import Markup

from helpers.core.text import Style
from helpers.report.components.numbers import interval, number, quoted, sentence
from helpers.report.components.tables import Column, actual, sample_size, table
from helpers.report.views.common import ended_early, not_measured
from helpers.report.views.monitoring_charts import alerted_of, state_chip, states_over_time
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run


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
        "<p class='answer'>{said}{unknown} The log holds {attempts} attempts of the steady state in {span}.</p>{early}",
        said=said,
        unknown=unknown,
        attempts=number(result.attempts, "count"),
        span=number(result.span, "s"),
        early=ended_early(result),
    )


def alerts(run: Run, result: Cited) -> Markup:
    """Return every rule with its state, and the timeline of changes."""
    if result.reason:
        return Markup()
    columns = [
        Column("Alert"),
        Column("Threshold", numeric=True),
        Column("Fired", unit="times", numeric=True),
        Column("First fired", numeric=True),
        Column("In all", numeric=True),
        Column("Most in a window", numeric=True),
        Column("Needed", numeric=True),
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
        for rule in alerted_of(run).rules
    ]
    note = "Where there is no GPU, its rule does not apply and the processor is watched instead."
    return table("Alert rules over this log", columns, rows, id="alerts", note=note) + states_over_time(alerted_of(run))


def thresholds(run: Run, result: Cited) -> Markup:
    """Return what each threshold would have done, and one that the measured deployment can live with."""
    if result.reason:
        return Markup()
    columns = [
        Column("Alert"),
        Column("Published", numeric=True),
        Column("Time beyond it", numeric=True),
        Column("Lowest seen", numeric=True),
        Column("Highest seen", numeric=True),
        Column("To live with", numeric=True),
        Column("Windows in the log", numeric=True),
    ]
    rows = [
        [
            quoted(rule.label),
            _threshold(rule),
            number(rule.beyond, "rate"),
            "–" if rule.name.raw.startswith("latency") else number(rule.lowest, rule.unit.raw),
            number(rule.highest, rule.unit.raw),
            _sides(rule.livable_below, rule.livable_above, rule.unit.raw),
            number(rule.windows, "plain"),
        ]
        for rule in alerted_of(run).rules
    ]
    note = (
        "A threshold to live with lies as far beyond everything seen as a firing alert takes to resolve; for the error "
        "rate it is no lower than the interval of the rate. A log of few windows shows no ordinary week: take it as a "
        "first setting."
    )
    return table("What each threshold would have done", columns, rows, id="thresholds", note=note)


def traffic(result: Cited) -> Markup:
    """Return rates, errors by kind, tokens, the load of the server and semantic failures of the whole log."""
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
        ("error rate", result.error_rate, "rate"),
        ("tokens per request", result.tokens, "count"),
        ("semantic failures of answers with a logged text", result.semantic_failure_rate, "rate"),
    ]
    rows = [
        [label, actual(found, style), interval(found, style), sample_size(found)]
        if found.raw is not None
        else [label, number(found), "–", "–"]
        for label, found, style in named
    ]
    plain: list[tuple[str, Cited, Style]] = [
        ("answers a second", result.throughput, "plain"),
        ("load of the server per core, mean", result.usage_mean, "rate"),
        ("load of the server per core, highest", result.usage_most, "rate"),
        *((f"failed attempts: {kind}", count, "count") for kind, count in result.errors.items()),
        *((f"semantic failures: {kind}", count, "count") for kind, count in result.failures.items()),
    ]
    rows += [[quoted(label), number(found, style), "–", "–"] for label, found, style in plain]
    return table("Traffic, errors, tokens and load", columns, rows, id="traffic")


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


def _threshold(rule: Cited) -> Markup:
    return _sides(rule.below, rule.above, rule.unit.raw)


def _sides(below: Cited, above: Cited, unit: Style) -> Markup:
    given = [(sign, level) for sign, level in (("<", below), (">", above)) if level.raw is not None]
    return Markup(" or ").join(Markup("{} {}").format(sign, number(level, unit)) for sign, level in given) or Markup(
        "–"
    )
