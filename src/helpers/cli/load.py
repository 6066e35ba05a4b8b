"""``helpers load``: open- or closed-loop load on a service, and what it holds."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import get_args

from helpers.backends.endpoint import EndpointBackend, checked_url, token_for
from helpers.cli.arguments import add_reading, samples_of, write_text
from helpers.core.console import say, tell
from helpers.core.environment import environment
from helpers.core.errors import InputError
from helpers.core.machine import is_loopback
from helpers.experiments.load.arrivals import Arrival, Plan
from helpers.experiments.load.report import as_text, report_on
from helpers.experiments.load.sending import sweep
from helpers.experiments.load.summary import LATENCY_TARGET, LoadReport
from helpers.params import Endpoint, Generation, Samples
from helpers.samples.dataset import load_source

#: A run may schedule this many requests; their outcomes then take about 30 MB.
MOST_ARRIVALS = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers load``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = """\
Constant and Poisson arrivals are sent on schedule whether or not earlier requests are answered, and response time
counts from the intended send: a service that stalls cannot hide it. Several rates make a sweep, in an order drawn
anew in every repeat, and give the highest rate with p95 response time within the target and under 1 % errors.
Rates are over the seconds that were planned. Exit 1: the service stopped answering, or never did.

Example:
  helpers load http://127.0.0.1:8080 --arrival poisson --rate 0.5 --duration 60 --repeats 5 --json -
"""
    parser.add_argument("url", metavar="URL")
    parser.add_argument(
        "--samples", metavar="FILE|-", help="dialogues to ask about, as summarise takes them (default: the bundled ten)"
    )
    add_reading(parser)
    parser.add_argument("--arrival", required=True, metavar="KIND", help="closed, constant or poisson")
    parser.add_argument("--rate", type=float, action="append", metavar="R", help="requests per second (repeatable)")
    parser.add_argument("--concurrency", type=int, metavar="C", help="requests at a time of a closed loop (default: 1)")
    parser.add_argument("--duration", type=float, required=True, metavar="S", help="seconds that count")
    parser.add_argument("--count", type=int, metavar="N", help="end after this many requests, if that is sooner")
    parser.add_argument("--warmup", type=float, default=0.0, metavar="S", help="seconds before them that do not")
    parser.add_argument("--repeats", type=int, default=1, metavar="K", help="independent runs (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of arrivals and samples (default: 0)")
    parser.add_argument("--latency-target", type=float, default=LATENCY_TARGET, metavar="S", help="for goodput and p95")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="of one request (default: 120)")
    parser.add_argument("--max-new-tokens", type=int, default=128, metavar="N", help="of a summary (default: 128)")
    parser.add_argument("--allow-remote", action="store_true", help="also where others share the service and its bill")
    parser.add_argument("--json", metavar="OUT", help="write the report here as JSON (- for standard output)")


def run(args: argparse.Namespace) -> int:
    """Send the load, print or write the report, and return 0, or 1 when the service stopped answering or never did.

    Raises `InputError` naming every argument that cannot be used.
    """
    _check(args)
    source = load_source(samples_of(args.samples, args)) if args.samples else load_source(Samples())
    for line in source.intake.lines():
        say(line)
    dialogues = [sample.dialogue for sample in source.samples]
    limits = Endpoint(read_timeout=args.timeout, total_timeout=args.timeout, wake_timeout=args.timeout)
    with EndpointBackend(args.url, limits, token_for(args.url, environment())) as backend:
        runs = sweep(backend, dialogues, Generation(max_new_tokens=args.max_new_tokens), plans(args), args.repeats)
    report = report_on(args, runs)
    text = json.dumps(report.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"
    if args.json == "-":
        tell(text.rstrip("\n"))
    elif args.json:
        write_text("--json", Path(args.json), text)
    if args.json != "-":
        tell(as_text(report))
    summaries = [report] if isinstance(report, LoadReport) else [one.pooled for one in report.points]
    fine = (one.verdict != "stopped answering" and one.response_time.max is not None for one in summaries)
    return 0 if all(fine) else 1


def plans(args: argparse.Namespace) -> list[Plan]:
    """Return one plan per rate, in rising order; a closed loop has one."""
    common = {"arrival": args.arrival, "seconds": args.duration, "warmup": args.warmup, "seed": args.seed}
    common |= {"concurrency": args.concurrency or 1, "count": args.count}
    return [Plan(rate=rate, **common) for rate in sorted(set(args.rate or []))] or [Plan(**common)]


def _check(args: argparse.Namespace) -> None:
    """Raise one `InputError` with every argument that cannot be used."""
    closed, rates = args.arrival == "closed", args.rate or []
    problems = []
    if args.arrival not in get_args(Arrival):
        problems.append(f"--arrival {args.arrival}: give closed, constant or poisson")
    elif closed and rates:
        problems.append("--rate goes with constant or poisson arrivals: a closed loop sends when it was answered")
    elif not closed and not rates:
        problems.append(f"--arrival {args.arrival} needs --rate R, requests per second")
    elif not closed and args.concurrency is not None:
        problems.append("--concurrency goes with closed: an open loop sends on schedule, however many are under way")
    problems += [f"--rate {rate:g}: give a positive number" for rate in rates if not 0 < rate < math.inf]
    positive = {"duration": args.duration, "timeout": args.timeout, "latency-target": args.latency_target}
    problems += [f"--{name} {v:g}: give seconds above 0" for name, v in positive.items() if not 0 < v < math.inf]
    if not 0 <= args.warmup < math.inf:
        problems.append(f"--warmup {args.warmup:g}: give 0 seconds or more")
    counts = {"concurrency": args.concurrency, "count": args.count, "repeats": args.repeats}
    counts |= {"max-new-tokens": args.max_new_tokens}
    problems += [f"--{name} {n}: give 1 or more" for name, n in counts.items() if n is not None and n < 1]
    if args.seed < 0:
        problems.append(f"--seed {args.seed}: give 0 or more")
    if not problems and max(rates, default=0) * (args.duration + args.warmup) > MOST_ARRIVALS:
        problems.append(f"--rate and --duration make over {MOST_ARRIVALS:,} requests a run; lower one of them")
    if args.json not in (None, "-") and not Path(args.json).parent.is_dir():
        problems.append(f"--json {args.json}: no such folder; create it first")
    try:
        checked_url(args.url)
        if not is_loopback(args.url) and not args.allow_remote:
            problems.append(f"{args.url} is not this machine: load costs its owner money; --allow-remote sends it")
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
