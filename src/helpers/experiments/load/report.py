"""The report of ``helpers load``: one rate, or a sweep over several, as JSON and for a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from helpers.core.errors import InputError
from helpers.core.text import spell
from helpers.experiments.load.arrivals import Arrival
from helpers.experiments.load.search import RateSearch, Tried
from helpers.experiments.load.sending import Outcomes
from helpers.experiments.load.summary import (
    Capacity,
    LoadReport,
    Point,
    RequestSettings,
    RunSummary,
    Times,
    capacity,
    intervals,
    point,
    streamed,
    summarise,
)
from helpers.params import Params
from helpers.params.base import Section
from helpers.runs.prompt_cache import PromptCache

#: The clocks of answers that came in events, as a terminal tells them.
LABELS = {"first_token": "time to first token", "inter_token": "time between tokens"}


class Sweep(Section):
    """What ``helpers load`` writes for several rates: each rate, and the capacity between them."""

    asked: RequestSettings
    arrival: Arrival
    points: tuple[Point, ...]
    capacity: Capacity
    interrupted: bool


def how(params: Params, cache: PromptCache) -> RequestSettings:
    """Return the request settings of a service: those that its protocol carries."""
    endpoint = params.endpoint
    name = (endpoint.served_model or params.model.id) if endpoint.protocol == "chat" else None
    settings = params.generation.sent(endpoint.protocol)
    return RequestSettings(
        provider=params.provider,
        protocol=endpoint.protocol,
        model=name,
        settings=settings,
        prompts=cache.reuse,
    )


def report_on(
    args: argparse.Namespace, runs: Sequence[Sequence[Outcomes]], asked: RequestSettings
) -> LoadReport | Sweep:
    """Return the report on one rate, or on a sweep over several; raises `InputError` for a sweep cut too short."""
    rates: list[float | None] = [*sorted(set(args.rate or []))] or [None]
    interrupted = any(one.interrupted for each in runs for one in each)
    if len(rates) == 1:
        rate, (each,) = rates[0], runs
        return LoadReport(
            **dict(summarise(each, rate, args.latency_target)),
            asked=asked,
            arrival=args.arrival,
            latency_target=args.latency_target,
            duration=args.duration,
            warmup=args.warmup,
            seed=args.seed,
            interrupted=interrupted,
            repeats=tuple(summarise([one], rate, args.latency_target) for one in each),
            intervals=intervals(each),
            streaming=streamed(each),
        )
    # A sweep cut short compares only what every rate has.
    complete = min(len(each) for each in runs)
    if not complete:
        raise InputError("interrupted before every rate was sent once; give fewer rates or a shorter --duration")
    points = [
        point(rate, each[:complete], args.latency_target)
        for rate, each in zip(rates, runs, strict=True)
        if rate is not None
    ]
    found = capacity(points, args.latency_target)
    return Sweep(asked=asked, arrival=args.arrival, points=tuple(points), capacity=found, interrupted=interrupted)


def pooled(report: LoadReport | Sweep | RateSearch) -> list[RunSummary]:
    """Return what was said of each rate, all of its repeats pooled."""
    if isinstance(report, LoadReport):
        return [report]
    return [one.pooled for one in (report.tried if isinstance(report, RateSearch) else report.points)]


def as_text(report: LoadReport | Sweep | RateSearch) -> str:
    """Return the report for a terminal."""
    if isinstance(report, LoadReport):
        return "\n".join([*_lines(report), *_between(report)])
    if isinstance(report, RateSearch):
        return "\n".join([*_table(report), *_found(report)])
    found = report.capacity.highest_rate
    highest = "not measured" if found.value is None else f"{found.value:.3g} requests a second"
    edges = "" if found.low is None or found.high is None else f" ({found.low:.3g} to {found.high:.3g})"
    note = f"; {found.note}" if found.note else ""
    holds = f"holds p95 ≤ {_time(report.capacity.target_p95)} up to {highest}{edges}{note}"
    return "\n".join([*_table(report), holds])


def _found(report: RateSearch) -> list[str]:
    """Return what a search found, and how far it looked."""
    best, worst, target = report.highest_rate, report.lowest_missed, f"p95 ≤ {_time(report.target_p95)}"
    if best is not None:
        beyond = "every rate that was tried holds" if worst is None else f"{worst:.3g} does not"
        told = f"holds {target}, its whole interval, up to {best:.3g} requests a second; {beyond}"
    elif worst is not None:
        told = f"no rate that was tried holds {target}, its whole interval: not even {worst:.3g} a second"
    elif report.alone is not None and report.alone > report.target_p95:
        told = f"no rate holds {target}: a request alone takes {_time(report.alone)}"
    else:
        told = "no rate was tried: it answered no request"
    return [told, *(["interrupted: what was found until then"] if report.interrupted else [])]


def _table(report: Sweep | RateSearch) -> list[str]:
    """Return one line for each rate, then the first message of each kind of failure."""
    rows: Sequence[Tried | Point] = report.tried if isinstance(report, RateSearch) else report.points
    clocks = [name for name in LABELS if any(getattr(one.pooled, name) for one in rows)]
    heads = "".join(f" {LABELS[name]:>19}" for name in clocks)
    lines = [f"{'rate':>9} {'achieved':>9} {'mean':>9} {'p95':>9}{heads} {'errors':>7}  state"]
    for one in rows:
        total, answered = one.pooled, one.pooled.response_time
        cells = [f"{one.rate:9.3g}", f"{total.achieved_rate:9.3g}", f"{_time(answered.mean):>9}"]
        cells += [f"{_time(answered.p95):>9}", *(f"{_mean(getattr(total, name)):>19}" for name in clocks)]
        lines.append(" ".join([*cells, f"{sum(total.errors.values()):7}", f" {_state(total)}"]))
    lines += ["times of tokens are means"] if clocks else []
    lines += _from_cache(sum(one.pooled.cached for one in rows))
    kinds = {kind: message for one in reversed(rows) for kind, message in one.pooled.messages.items()}
    return [*lines, *(f"{kind}: {message}" for kind, message in sorted(kinds.items()))]


def _lines(report: LoadReport) -> list[str]:
    rate = "as answered" if report.intended_rate is None else f"{report.intended_rate:g}/s intended"
    failed = [f"{kind} {count}{_said(report, kind)}" for kind, count in report.errors.items()]
    lines = [
        f"{report.n} requests, {rate}, {report.achieved_rate:.4g}/s answered, {report.goodput:.4g}/s within "
        f"{_time(report.latency_target)}: {_state(report)}",
        f"failures: {', '.join(failed) or 'none'}",
        f"{'':19} {'mean':>9} {'p50':>9} {'p90':>9} {'p95':>9} {'p99':>9} {'max':>9}",
    ]
    for name in ("service_time", "response_time", "dispatch_delay", *LABELS):
        found: Times | None = getattr(report, name)
        if found:
            label = LABELS.get(name, name.replace("_", " "))
            lines.append(f"{label:19} " + " ".join(f"{_time(v):>9}" for _, v in found))
    lines += _from_cache(report.cached)
    return [*lines, *(["interrupted: what was measured until then"] if report.interrupted else [])]


def _from_cache(answers: int) -> list[str]:
    return [f"{answers} answers came from the server's cache of prompts: new ones take longer"] if answers else []


def _between(report: LoadReport) -> list[str]:
    means = {"response time": report.intervals.get("mean")}
    if report.streaming:
        means |= {label: getattr(report.streaming, name) for name, label in LABELS.items()}
    return [
        f"mean {label}, 95 % interval over {found.n} runs: {_time(found.low)} to {_time(found.high)}"
        for label, found in means.items()
        if found and found.low is not None and found.high is not None
    ]


def _mean(times: Times | None) -> str:
    return _time(times.mean if times else None)


def _state(summary: RunSummary) -> str:
    return f"{summary.verdict}: {summary.symptom}" if summary.symptom else summary.verdict


def _said(summary: RunSummary, kind: str) -> str:
    return f" ({summary.messages[kind]})" if kind in summary.messages else ""


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else spell(seconds, "s") if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"
