"""The part of page 03 that compares other settings: the decision in one sentence, then speed, cost and quality."""

from __future__ import annotations

from markupsafe import Markup

from helpers.cost.costs import BY_USE
from helpers.report.components.figures import Chart, small_multiples
from helpers.report.components.numbers import between, interval, number, quoted, sentence
from helpers.report.components.tables import Column, chip, table
from helpers.report.views.common import AS_GOOD, not_measured, recorded_quality, unmeasured, with_interval
from helpers.report.views.cost import projected
from helpers.runs.results.cited import Cited
from helpers.runs.run import Run
from helpers.verdicts.compute import setting_choice

#: How the sentence begins, by what the cheapest setting is shown to do.
BEGINNINGS = {
    "met": "The cheapest setting that meets the latency target of {threshold} is",
    "undecided": "No setting is shown to meet the latency target of {threshold} at n = {n}; the fastest of all is",
    "missed": "No setting meets the latency target of {threshold}; the fastest of all is",
    "no target": "No latency target is configured; the fastest setting is",
}


def choice(run: Run) -> Cited:
    """Return the decision that follows from the comparison, the price list and the latency target."""
    return Cited(setting_choice(run), "results/settings_choice.json")


def answer(run: Run, result: Cited) -> Markup:
    """Return the cheapest setting that meets the target, and what it costs in quality."""
    sweep, made = result.sweep, choice(run)
    if sweep.reason or made.chosen.raw is None:
        return not_measured(result.reason.raw or sweep.reason.raw or "no setting answered every request")
    setting, fit = sweep.settings[made.chosen.raw], made.fits[made.chosen.raw]
    beginning = sentence(
        BEGINNINGS[made.outcome.raw],
        threshold=number(made.threshold, "s"),
        n=number(setting.latency.n, "count"),
    )
    floor, parts = fit.floor_per_1000_requests, []
    parts.append(
        sentence(
            "{beginning} <strong>{name}</strong>, with {seconds} a summary ({between}).",
            beginning=beginning,
            name=quoted(setting.name),
            seconds=number(setting.latency.value, "s"),
            between=between(setting.latency, "s"),
        )
    )
    if floor.raw:
        parts.append(sentence("Its busy time costs {usd} per 1,000 requests.", usd=number(floor.value, "usd")))
    parts.append(_cost_in_quality(sweep, setting, fit))
    return Markup("<p class='answer'>{}</p>").format(Markup(" ").join(parts))


def speed(run: Run, result: Cited) -> Markup:
    """Return how fast each setting answers, how much it writes, and what its busy time costs."""
    if not result.sweep.settings:
        return Markup()
    columns = [
        Column("Setting"),
        Column("Latency", numeric=True, better="down"),
        Column("Speed", numeric=True, better="up"),
        Column("Tokens written" + (", counted from the text" if result.tokens_by.raw == "text" else ""), numeric=True),
        Column("Busy time", unit="USD", numeric=True, better="down"),
        Column("Latency target"),
    ]
    fits = choice(run).fits
    pairs = zip(result.sweep.settings, fits, strict=True)
    rows = [_speed_row(setting, fit) for setting, fit in pairs if setting.latency.raw]
    note = Markup("<br>").join(filter(None, [_conditions(run, result.sweep), unmeasured(list(result.sweep.settings))]))
    return table("Other settings on the same dialogues, asked in turn", columns, rows, id="settings", note=note)


def quality(run: Run, result: Cited) -> Markup:
    """Return what each setting's recorded answers are worth beside those of the deployment's own."""
    if not result.sweep.settings:
        return Markup()
    return recorded_quality("settings-quality", "Setting", list(result.sweep.settings), choice(run))


def trade(result: Cited) -> Markup:
    """Return speed and quality of every setting side by side."""
    rows = [one for one in result.sweep.settings if one.speedup.raw and one.speedup.value.raw is not None]
    if not rows:
        return Markup()
    charts = [
        Chart("Speed", [(setting.name.raw, setting.speedup) for setting in rows], "ratio"),
        Chart("ROUGE-L", [(setting.name.raw, setting.rouge_l) for setting in rows], "score"),
    ]
    ranked = sorted(rows, key=lambda setting: setting.speedup.value.raw)
    finding = sentence(
        "From {slow} to {fast} the speed of the deployment's own setting",
        slow=number(ranked[0].speedup.value, "ratio"),
        fast=number(ranked[-1].speedup.value, "ratio"),
    )
    subtitle = "speed over the deployment's own on the same dialogues, with 95 % interval; right is better for both"
    return small_multiples("settings-trade", finding, subtitle, charts, by="Setting")


def _cost_in_quality(sweep: Cited, setting: Cited, fit: Cited) -> Markup:
    """Return what a setting costs in quality: the verdict first, then every measure that it rests on."""
    reference = sweep.settings[0]
    if setting.name.raw == reference.name.raw:
        return Markup("It is the deployment's own.")
    if not setting.quality.raw:
        return Markup("What it costs in quality is not measured.")
    measures = (
        (setting.quality, "ROUGE-L"),
        (setting.facts, "key-fact recall"),
        (setting.faithful, "the share that passes the faithfulness checks"),
    )
    changes = [
        sentence(
            "{name} {change} ({between})",
            name=name,
            change=number(found.difference, "difference"),
            between=interval(found, "difference"),
        )
        for found, name in measures
        if found.raw and found.n.raw
    ]
    return sentence(
        "Beside the deployment's own, {own}, {verdict}; the differences over {n} {answers}: {changes}.",
        own=quoted(reference.name),
        verdict=AS_GOOD[fit.quality.raw],
        n=number(setting.quality.n, "count"),
        answers=_answers(setting, reference),
        changes=Markup(", ").join(changes),
    )


def _answers(setting: Cited, reference: Cited) -> Markup:
    """Return what answers a difference is of, with who gave them where that is known of both sides."""
    by = list(dict.fromkeys(one.recorded_by.raw for one in (setting, reference)))
    if not all(by):
        return Markup("recorded answers")
    return sentence("answers recorded by {by}", by=quoted(" and by ".join(by)))


def _speed_row(setting: Cited, fit: Cited) -> list[Markup | str]:
    return [
        quoted(setting.name),
        with_interval(setting.latency, "s"),
        with_interval(setting.speedup, "ratio"),
        number(setting.output_tokens.value, "count") if setting.output_tokens.raw else "–",
        number(floor.value, "usd", bare=True) if (floor := fit.floor_per_1000_requests).raw else "–",
        chip(fit.latency.raw),
    ]


def _conditions(run: Run, sweep: Cited) -> Markup:
    """Return under what conditions the settings were compared, and why the bill does not follow from their speed."""
    by_use = run.params.provider is not None
    asked = sum(setting.requests.raw for setting in sweep.settings)
    failed = [setting for setting in sweep.settings if setting.failed.raw]
    parts = [
        sentence(
            "{dialogues} dialogues, spread over the lengths (<code>settings.dialogues</code> asks more). The first "
            "setting is the deployment's own, and speed is over it. {priced}.",
            priced=f"No time is priced: {BY_USE}" if by_use else "Busy time is priced per 1,000 requests",
            dialogues=number(sweep.dialogues, "count"),
        )
    ]
    if asked and not by_use:
        costs = projected(run).declared
        parts.append(
            sentence(
                "At the configured traffic 1,000 requests cost {cost} with each of them{as_if}: an always-on "
                "replica bills its hours.",
                cost=number(costs.per_1000_requests.value, "usd"),
                as_if=Markup(" ({})").format(quoted(costs.as_if)) if costs.as_if else "",
            )
        )
    parts += [
        sentence(
            "{name}: {failed} of {requests} requests failed.",
            name=quoted(setting.name),
            failed=number(setting.failed, "count"),
            requests=number(setting.requests, "count"),
        )
        for setting in failed
    ]
    parts += [
        sentence(
            "{name}: {n} answers came from the server's cache of prompts, so their dialogues count for no setting.",
            name=quoted(setting.name),
            n=number(setting.cached, "count"),
        )
        for setting in sweep.settings
        if setting.cached.raw
    ]
    return Markup(" ").join(parts)
