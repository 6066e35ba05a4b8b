"""The report of ``helpers load``: one rate, or a sweep over several, as JSON and for a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from helpers.core.errors import InputError
from helpers.core.text import spell
from helpers.experiments.load.arrivals import Arrival
from helpers.experiments.load.sending import Outcomes
from helpers.experiments.load.summary import (
    Capacity,
    LoadReport,
    Point,
    RunSummary,
    Times,
    capacity,
    intervals,
    point,
    summarise,
)
from helpers.params.base import Section


class Sweep(Section):
    """What ``helpers load`` writes for several rates: each rate, and the capacity between them."""

    arrival: Arrival
    points: tuple[Point, ...]
    capacity: Capacity
    interrupted: bool


def report_on(args: argparse.Namespace, runs: Sequence[Sequence[Outcomes]]) -> LoadReport | Sweep:
    """Return the report on one rate, or on a sweep over several; raises `InputError` for a sweep cut too short."""
    rates: list[float | None] = [*sorted(set(args.rate or []))] or [None]
    interrupted = any(one.interrupted for each in runs for one in each)
    if len(rates) == 1:
        rate, (each,) = rates[0], runs
        return LoadReport(
            **dict(summarise(each, rate, args.latency_target)),
            arrival=args.arrival,
            latency_target=args.latency_target,
            duration=args.duration,
            warmup=args.warmup,
            seed=args.seed,
            interrupted=interrupted,
            repeats=tuple(summarise([one], rate, args.latency_target) for one in each),
            intervals=intervals(each),
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
    return Sweep(arrival=args.arrival, points=tuple(points), capacity=found, interrupted=interrupted)


def as_text(report: LoadReport | Sweep) -> str:
    """Return the report for a terminal."""
    if isinstance(report, LoadReport):
        return "\n".join([*_lines(report), *_between(report)])
    lines = [f"{'rate':>9} {'achieved':>9} {'mean':>9} {'p95':>9} {'errors':>7}  state"]
    for one in report.points:
        pooled, answered = one.pooled, one.pooled.response_time
        cells = [f"{one.rate:9.3g}", f"{pooled.achieved_rate:9.3g}", f"{_time(answered.mean):>9}"]
        cells += [f"{_time(answered.p95):>9}", f"{sum(pooled.errors.values()):7}", f" {_state(pooled)}"]
        lines.append(" ".join(cells))
    found = report.capacity.highest_rate
    highest = "not measured" if found.value is None else f"{found.value:.3g} requests a second"
    edges = "" if found.low is None or found.high is None else f" ({found.low:.3g} to {found.high:.3g})"
    note = f"; {found.note}" if found.note else ""
    kinds = {kind: message for one in reversed(report.points) for kind, message in one.pooled.messages.items()}
    lines += [f"{kind}: {message}" for kind, message in sorted(kinds.items())]
    return "\n".join([*lines, f"holds p95 ≤ {_time(report.capacity.target_p95)} up to {highest}{edges}{note}"])


def _lines(report: LoadReport) -> list[str]:
    rate = "as answered" if report.intended_rate is None else f"{report.intended_rate:g}/s intended"
    failed = [f"{kind} {count}{_said(report, kind)}" for kind, count in report.errors.items()]
    lines = [
        f"{report.n} requests, {rate}, {report.achieved_rate:.4g}/s answered, {report.goodput:.4g}/s within "
        f"{_time(report.latency_target)}: {_state(report)}",
        f"failures: {', '.join(failed) or 'none'}",
        f"{'':14} {'mean':>9} {'p50':>9} {'p90':>9} {'p95':>9} {'p99':>9} {'max':>9}",
    ]
    for name in ("service_time", "response_time", "dispatch_delay"):
        found: Times = getattr(report, name)
        lines.append(f"{name.replace('_', ' '):14} " + " ".join(f"{_time(v):>9}" for _, v in found))
    return [*lines, *(["interrupted: what was measured until then"] if report.interrupted else [])]


def _between(report: LoadReport) -> list[str]:
    found = report.intervals.get("mean")
    if found is None or found.low is None or found.high is None:
        return []
    return [f"mean response time, 95 % interval over {found.n} runs: {_time(found.low)} to {_time(found.high)}"]


def _state(summary: RunSummary) -> str:
    return f"{summary.verdict}: {summary.symptom}" if summary.symptom else summary.verdict


def _said(summary: RunSummary, kind: str) -> str:
    return f" ({summary.messages[kind]})" if kind in summary.messages else ""


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else spell(seconds, "s") if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"
