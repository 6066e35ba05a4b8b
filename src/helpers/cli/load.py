"""``helpers load``: open- or closed-loop load on a service, and what it sustains."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from functools import partial
from pathlib import Path
from typing import get_args

from helpers.backends.addresses import checked_url
from helpers.backends.endpoint import EndpointBackend, endpoint_url, open_endpoint
from helpers.cli.addresses import found_at
from helpers.cli.arguments import add_overrides, add_reading, samples_of, write_text
from helpers.core.console import say, tell
from helpers.core.errors import InputError
from helpers.core.machine import is_loopback
from helpers.experiments.load.arrivals import Arrival, Plan
from helpers.experiments.load.report import Sweep, as_text, how, pooled, report_on
from helpers.experiments.load.search import FEWEST_REPEATS, RateSearch, search
from helpers.experiments.load.sending import sweep
from helpers.experiments.load.summary import LATENCY_TARGET, LoadReport
from helpers.params import Params, Samples
from helpers.params.files import load_params
from helpers.runs import prompt_cache
from helpers.runs.prompt_cache import NO_CACHE, PromptCache
from helpers.runs.request_log import RequestLog
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import load_source

#: A run may schedule this many requests; their outcomes then take about 30 MB.
MOST_ARRIVALS = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers load``."""
    parser.epilog = """\
The address says which protocol is spoken there, which model it serves and whether it streams; --params and --set say
what it cannot. Prompts that repeat are kept from a server's cache of prompts, as in a report, and of answers that
come in events the time to the first token and that between tokens are told.

Constant and Poisson arrivals are sent on schedule whether or not earlier requests have completed, and response time
counts from the intended send: a service that stalls cannot hide it. Several rates make a sweep, in a new random
order in every repeat, and give the highest rate with p95 response time within the target and under 1 % errors.
--find-rate bisects for that rate instead; the whole interval of p95 across repeats has to meet the target.
Rates are over the seconds that were planned. Exit 1: the service stopped responding, or never did.
"""
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        help="of a service of any supported protocol; not needed where --params names one",
    )
    parser.add_argument(
        "--params",
        metavar="FILE",
        help="how requests are made, prompt included (default: what is found at the address)",
    )
    add_overrides(parser)
    parser.add_argument(
        "--samples", metavar="FILE|-", help="dialogues to send, as summarise reads them (default: the bundled ten)"
    )
    add_reading(parser)
    parser.add_argument("--arrival", required=True, metavar="KIND", help="closed, constant or poisson")
    parser.add_argument("--rate", type=float, action="append", metavar="R", help="requests per second (repeatable)")
    parser.add_argument(
        "--find-rate", action="store_true", help="find the highest rate that meets the target, starting at --rate"
    )
    parser.add_argument("--concurrency", type=int, metavar="C", help="requests at a time of a closed loop (default: 1)")
    parser.add_argument("--duration", type=float, required=True, metavar="S", help="seconds that count")
    parser.add_argument("--count", type=int, metavar="N", help="end after this many requests, if that is sooner")
    parser.add_argument("--warmup", type=float, default=0.0, metavar="S", help="seconds before them that do not")
    parser.add_argument(
        "--repeats", type=int, metavar="K", help=f"independent runs (default: 1, with --find-rate {FEWEST_REPEATS})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of arrivals and samples (default: 0)")
    parser.add_argument(
        "--latency-target",
        type=float,
        default=LATENCY_TARGET,
        metavar="S",
        help=f"for goodput and p95 (default: {LATENCY_TARGET:g})",
    )
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="of one request (default: 120)")
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="of a summary (default: 128)")
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
    params = _params(args)
    with open_endpoint(args.url or endpoint_url(params) or "", params) as backend:
        cache = _prompt_cache(backend, params)
        asked, shared = backend.reusing(cache.reuse), cache.shared_tokens
        repeats = args.repeats or (FEWEST_REPEATS if args.find_rate else 1)
        send = partial(sweep, asked, dialogues, params.generation, repeats=repeats, shared_tokens=shared)
        report: LoadReport | Sweep | RateSearch
        if args.find_rate:
            (plan,), target, told = plans(args), args.latency_target, how(params, cache)
            report = search(lambda one: send([one])[0], plan, plan.rate, target, told)
        else:
            report = report_on(args, send(plans(args)), how(params, cache))
    text = json.dumps(report.model_dump(mode="json"), indent=1, allow_nan=False) + "\n"
    tell(text.rstrip("\n") if args.json == "-" else as_text(report))
    if args.json not in (None, "-"):
        write_text("--json", Path(args.json), text)
    summaries = pooled(report)
    if isinstance(report, RateSearch):
        return 1 if report.alone is None or any(one.verdict == "stopped answering" for one in summaries[-1:]) else 0
    fine = (one.verdict != "stopped answering" and one.response_time.max is not None for one in summaries)
    return 0 if all(fine) else 1


def _params(args: argparse.Namespace) -> Params:
    """Return the request settings: from a params file, or from what is found at the address; then from ``--set``."""
    most = args.max_new_tokens
    if args.params:
        source = args.params
        found = ["backend=endpoint", f"endpoint.url={json.dumps(args.url)}"] if args.url else []
        found += [f"generation.max_new_tokens={most}"] if most else []
    else:
        source, found = found_at(args.url)
        found = [*found, f"generation={json.dumps({'max_new_tokens': most or 128})}"]
    params = load_params(source, [*found, *args.overrides])
    if not args.url and (reason := _not_to_be_loaded(params, args)):
        raise InputError(reason)
    bounds = dict.fromkeys(("read_timeout", "total_timeout", "wake_timeout"), args.timeout)
    return params.model_copy(update={"endpoint": params.endpoint.model_copy(update=bounds)})


def _not_to_be_loaded(params: Params, args: argparse.Namespace) -> str:
    """Return why no load can be sent to the service of a params file, or nothing."""
    if params.backend != "endpoint":
        return f"--params {args.params}: it names no service; give its URL as well"
    url = params.endpoint.url
    if not args.allow_remote and not (url and is_loopback(url)):
        who = f"the provider {params.provider}" if params.provider else url or "the endpoint"
        return f"{who} is not this machine: load costs its owner money; --allow-remote sends it"
    return ""


def _prompt_cache(backend: EndpointBackend, params: Params) -> PromptCache:
    """Return what a chat server does with a prompt that it has seen, and say what is done about it."""
    if params.endpoint.protocol != "chat":
        return NO_CACHE
    settings = params.generation.model_copy(update={"max_new_tokens": prompt_cache.BRIEF})
    with tempfile.TemporaryDirectory() as folder:
        log = RequestLog(Path(folder) / "requests.jsonl")
        found = prompt_cache.find(backend, RequestSender(backend, settings, log, page="load"), Path(folder) / "cache")
    for words in (prompt_cache.SEEN[found.found], prompt_cache.HANDLED[found.reuse]):
        if words:
            say(words)
    return found


def plans(args: argparse.Namespace) -> list[Plan]:
    """Return one plan per rate, in rising order; a closed loop has one."""
    common = {"arrival": args.arrival, "seconds": args.duration, "warmup": args.warmup, "seed": args.seed}
    common |= {"concurrency": args.concurrency or 1, "count": args.count}
    return [Plan(rate=rate, **common) for rate in sorted(set(args.rate or []))] or [Plan(**common)]


def _check(args: argparse.Namespace) -> None:
    """Raise one `InputError` with every argument that cannot be used."""
    rates, problems = args.rate or [], _arrival_problems(args)
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
    if not (args.url or args.params):
        problems.append("give the URL of a service, or --params with a file that names one")
    try:
        if args.url:
            checked_url(args.url)
        if args.url and not is_loopback(args.url) and not args.allow_remote:
            problems.append(f"{args.url} is not this machine: load costs its owner money; --allow-remote sends it")
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)


def _arrival_problems(args: argparse.Namespace) -> list[str]:
    """Return what does not go together: how requests arrive, at what rate, and what is looked for."""
    closed, rates = args.arrival == "closed", args.rate or []
    problems = []
    if args.arrival not in get_args(Arrival):
        problems.append(f"--arrival {args.arrival}: give closed, constant or poisson")
    elif closed and rates:
        problems.append("--rate goes with constant or poisson arrivals: a closed loop sends when a response arrives")
    elif closed and args.find_rate:
        problems.append("--find-rate goes with constant or poisson arrivals: a closed loop has no rate of its own")
    elif not closed and not rates and not args.find_rate:
        problems.append(f"--arrival {args.arrival} needs --rate R, requests per second")
    elif not closed and args.concurrency is not None:
        problems.append("--concurrency goes with closed: an open loop sends on schedule, however many are in flight")
    if args.find_rate and (len(rates) > 1 or args.count is not None):
        problems.append("--find-rate takes one --rate to begin at, and no --count: each rate has what p95 needs")
    if args.find_rate and args.repeats is not None and args.repeats < FEWEST_REPEATS:
        problems.append(f"--repeats {args.repeats}: --find-rate needs {FEWEST_REPEATS} or more, for intervals")
    return problems
