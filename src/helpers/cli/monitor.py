"""``helpers monitor``: what the alert rules say of request logs, as of each moment and in the end."""

from __future__ import annotations

import argparse
from datetime import UTC
from pathlib import Path

from helpers.cli.arguments import check_other, write_text
from helpers.core.console import say, shown, tell
from helpers.core.environment import environment, redact
from helpers.core.errors import Failure
from helpers.core.paths import PROJECT
from helpers.core.text import spell
from helpers.monitoring import export, notify
from helpers.monitoring.alerts import Alerted, StateChange, Watched, watch
from helpers.monitoring.series import read_series
from helpers.params import Alerts, Params
from helpers.params.files import load_params, read_alerts
from helpers.runs.poller import read_gpu_use, read_usage
from helpers.runs.request_log import SCHEMA, with_parts

RULES = PROJECT / "params" / "alerts.yaml"
#: Changes of state that are printed; the JSON holds all.
MOST_LINES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers monitor``."""
    parser.description = """\
Replay the alert rules over request logs. Exit 3 when a rule fired at any time in the logs, whether or not it has
resolved since; 0 when none did, which includes rules without enough data (said so). The load of the server and of its
GPU is taken from the metrics.jsonl that a run leaves beside its log."""
    parser.epilog = f"""\
A log has one JSON object per line, as a run writes it (schema: {shown(SCHEMA)}):
  request, attempt      which request, and the number of the attempt
  started_at            when it was sent, with its zone: 2026-03-01T10:00:00Z
  kind                  ok, or what went wrong ({", ".join(list(Failure)[:4])}, ...)
  page, phase, sample   which page sent it; cold, warmup, probe, steady or load; the dialogue
  settings              a hash of the generation settings, equal for equal settings
  service_time, response_time, input_tokens, output_tokens, status, summary, ...   where they are known; in seconds
  first_token, inter_token   of answers that came in a stream: to the first token, and between tokens; in seconds
The parts that the writer closed (requests.0001.jsonl before requests.jsonl) are read with the newest; .gz is unpacked.
A line that a crash has damaged is left out and named; one that is JSON but no such record refuses the log.
"""
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="request logs (JSON lines), taken together")
    parser.add_argument(
        "--alerts",
        type=Path,
        metavar="FILE",
        help="the rules (default: those of the run that the first log lies in, else params/alerts.yaml)",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write states and timeline as JSON")
    parser.add_argument(
        "--webhook",
        action="store_true",
        help=f"tell the webhook in {notify.VARIABLE} (environment or .env) when a rule fired",
    )
    parser.add_argument("--export-prometheus", type=Path, metavar="FILE", help="write the rules for Prometheus")
    parser.add_argument("--export-grafana", type=Path, metavar="FILE", help="write a dashboard for Grafana")


def run(args: argparse.Namespace) -> int:
    """Print what the rules say; return 3 when one fired. Raises `InputError` for logs or rules that cannot be read."""
    rules, gpu = _rules(args.alerts, args.logs[0])
    logs = with_parts(args.logs)
    for name in ("json", "export_prometheus", "export_grafana"):
        check_other(f"--{name.replace('_', '-')}", getattr(args, name), logs)
    found = watch(read_series(logs, read_usage(logs), read_gpu_use(logs), say), rules, gpu=gpu)
    if args.json:
        write_text("--json", args.json, found.model_dump_json(indent=1) + "\n")
    if args.export_prometheus:
        write_text("--export-prometheus", args.export_prometheus, export.prometheus(rules))
    if args.export_grafana:
        write_text("--export-grafana", args.export_grafana, export.grafana(rules))
    tell(as_text(found))
    if args.webhook and found.fired:
        names = ", ".join(log.name for log in args.logs)
        say(redact(notify.send(redact(notify.message(found, names)), environment())))
    return 3 if found.fired else 0


def as_text(found: Alerted) -> str:
    """Return states and timeline as lines for a terminal."""
    when = f"{found.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    aside = f"; {found.aside} of cold start, warm-up and probes left out" if found.aside else ""
    lines = [f"{found.attempts} attempts in {found.seconds:,.0f} s from {when}{aside}", ""]
    width = max((len(rule.label) for rule in found.rules), default=0)
    lines += [f"  {rule.label:<{width}}  {rule.state:<15}  {_told(rule)}" for rule in found.rules]
    lines += ["", "Timeline (seconds from the start):"]
    lines += [_line(change, width) for change in found.timeline[:MOST_LINES]] or ["  nothing changed"]
    if len(found.timeline) > MOST_LINES:
        lines.append(f"  and {len(found.timeline) - MOST_LINES} more; --json has all")
    return "\n".join(lines)


def _told(rule: Watched) -> str:
    if rule.state == "not applicable":
        return rule.reason
    if rule.highest is None and rule.lowest is None:
        return f"{rule.reason}: at most {rule.most_n} of {rule.minimum} in {rule.window:g} s"
    fired = f"fired {rule.fired} times, {rule.firing_seconds:,.0f} s in total" if rule.fired else "never fired"
    now = "" if rule.value is None else f"; {spell(rule.value, rule.unit)} at the end"
    return f"{notify.threshold(rule)}: {fired}, {notify.extreme(rule)}{now}"


def _line(change: StateChange, width: int) -> str:
    figure = "" if change.value is None else f" at {spell(change.value, change.unit)}"
    return f"  {change.seconds:>10,.1f}  {change.label:<{width}}  {change.state}{figure} (n = {change.n})"


def _rules(file: Path | None, log: Path) -> tuple[Alerts, bool]:
    """Return the rules, and whether the run that the log lies in has a GPU."""
    params: Params | None = None
    own = log.with_name("params.yaml")
    if own.is_file():
        params = load_params(own)
    price = params.prices.find(params.instance) if params else None
    gpu = bool(price and price.gpus)
    if file is None and params is not None and params.alerts.rules():
        return params.alerts, gpu
    return read_alerts(file or RULES), gpu
