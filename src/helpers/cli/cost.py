"""``helpers cost``: what serving costs at the configured traffic, a month by scenario, and what would be cheaper."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from pathlib import Path

from helpers.cli.arguments import add_params, write_text
from helpers.core.console import say, shown, tell
from helpers.core.errors import InputError
from helpers.core.text import Style, spell
from helpers.cost.costs import BY_USE, basis
from helpers.cost.projection import Projection, project
from helpers.cost.workbook import write_workbook
from helpers.params.files import load_params
from helpers.runs.directory import attach

_BLANK = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers cost``."""
    add_params(parser)
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="take times, tokens and memory from this run; default: as expected"
    )
    parser.add_argument("--xlsx", type=Path, metavar="OUT", help="also write the workbook")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the projection as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the estimate; raises `InputError` for a run that has no page 03, or a file that cannot be written."""
    params = load_params(args.params, args.overrides)
    for path, suffix in ((args.xlsx, ".xlsx"), (args.json, ".json")):
        if path is not None and path.suffix != suffix:
            raise InputError(f"--{suffix[1:]} {path}: give a file that ends in {suffix}")
    if params.provider:
        raise InputError(f"cost: {BY_USE}; give a params file of a service on an instance")
    timed, name, made = None, "", datetime.combine(params.prices.as_of, time(), UTC)
    if args.run:
        measured = attach(args.run.resolve())
        timed, name, made = measured.results("03").latency_cost, shown(args.run), measured.manifest.started_at
        if timed is None or timed.reason:
            why = timed.reason if timed else "page 03 was not part of it"
            raise InputError(f"--run {shown(args.run)}: no times in it: {why}; give a run that measured page 03")
        if measured.params.provider:
            raise InputError(f"--run {shown(args.run)}: its times are those of a provider, which shows no instance")
        # Times of another machine are only an estimate for the configured instance, whatever PARAMS would deploy.
        params = params.model_copy(update={"backend": measured.params.backend})
    found = project(params, basis(params, timed, name))
    tell("\n".join(report(found)))
    try:
        if args.json:
            write_text("--json", args.json, found.model_dump_json(indent=1) + "\n")
        if args.xlsx:
            write_workbook(args.xlsx, params, found, made)
            say(f"workbook: {shown(args.xlsx)}")
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; choose a folder that can be written to") from None
    return 0


def report(found: Projection) -> list[str]:
    """Return the estimate as lines for a terminal."""
    return [*_declared(found), "", *_month(found), "", *_break_even(found), "", *_elsewhere(found)]


def _declared(found: Projection) -> list[str]:
    costs, rests = found.declared, found.basis
    tokens = spell(rests.tokens, "count") if rests.tokens is not None else _BLANK
    rows = [
        ("1,000 requests", _usd(costs.per_1000_requests.value)),
        ("1,000 tokens", _usd(costs.per_1000_tokens.value)),
        ("1,000 requests, busy seconds only", _usd(costs.floor_per_1000_requests.value)),
        ("busy", _spelled(costs.utilisation.value, "rate")),
    ]
    replicas = f"{costs.replicas} replica{'s' if costs.replicas > 1 else ''} of {found.bills[0].instance}"
    return [
        f"{spell(costs.requests_per_hour, 'count')} requests an hour on {replicas}, ${costs.hourly:.4g} an hour"
        f"{f' ({costs.as_if})' if costs.as_if else ''}, prices of {found.prices_as_of}",
        f"service time {spell(rests.seconds, 's')} ({rests.time_origin})",
        f"tokens of a request {tokens} ({rests.tokens_origin})",
        *_aligned(rows),
    ]


def _month(found: Projection) -> list[str]:
    heads = ("scenario", "hours", "compute", "bill", "1,000 requests", "all in", "busy", "source")
    rows = [
        (
            b.label, f"{b.billed_hours:,.1f}", _usd(b.compute), _usd(b.total), _usd(b.per_1000_requests),
            _usd(b.all_in_per_1000_requests), _spelled(b.busy, "rate"), b.source,
        )
        for b in found.bills
    ]  # fmt: skip
    return [f"A month of {found.hours_per_month:g} hours", *_aligned([heads, *rows])]


def _break_even(found: Projection) -> list[str]:
    able = found.throughput
    rows = [
        (
            f"{row.label} below {_usd(row.threshold)}",
            f"from {spell(row.requests_per_hour, 'plain')} an hour, all in from "
            f"{spell(row.all_in_requests_per_hour, 'plain')}",
            "sustained" if row.sustained else "more than the replicas sustain",
        )
        for row in found.break_even
    ]
    held, limit = spell(able.sustained_per_hour, "count"), spell(able.utilisation_limit, "rate")
    return [f"The replicas sustain {held} an hour at {limit} busy", *_aligned(rows)]


def _elsewhere(found: Projection) -> list[str]:
    chosen = found.choices
    names = [
        chosen.candidates[place].instance if place is not None else "none known"
        for place in (chosen.chosen, chosen.chosen_in_time)
    ]
    need = f"{chosen.needed_gb:.3g} GB" if chosen.needed_gb is not None else "not known: give cost.memory_gb"
    rows = [
        (o.name, f"{_usd(o.monthly)} a month" if o.monthly is not None else "price not given", o.source)
        for o in found.offers
    ]
    return [
        f"Cheapest instance that fits (memory {need}) and sustains the traffic: {names[0]}; also in time: {names[1]}",
        *_aligned(rows),
    ]


def _usd(value: float | None) -> str:
    return _spelled(value, "usd")


def _spelled(value: float | None, style: Style) -> str:
    return _BLANK if value is None else spell(value, style)


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as columns: the first and the last to the left, figures between them to the right."""
    lines = [list(row) for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))] if lines else []
    last = len(widths) - 1
    return [
        "  "
        + "  ".join(
            cell.ljust(widths[place]) if place in (0, last) else cell.rjust(widths[place])
            for place, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]
