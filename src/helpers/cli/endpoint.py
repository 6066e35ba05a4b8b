"""``helpers endpoint``: the life of a managed endpoint, from its price to its end; nothing is spent unasked."""

from __future__ import annotations

import argparse
import sys

import yaml

from helpers.cli import endpoint_package
from helpers.cli.arguments import add_params
from helpers.core.console import say
from helpers.core.environment import environment
from helpers.core.errors import InputError
from helpers.params import Params
from helpers.params.files import load_params
from helpers.serving.lifecycle import current_prices, existing, price_of, say_state
from helpers.serving.management import Manager, management_token, specification

VERBS = {
    "hardware": "list instances with their prices",
    "create": "create the configured endpoint; without --yes only show it and its price",
    "status": "show its state, and what differs from the configuration",
    "wait": "wait until it runs",
    "pause": "stop it and its bill",
    "resume": "start it again; without --yes only show its price",
    "scale-to-zero": "stop it until the next request",
    "delete": "delete it for good; requires its name",
    "package": "write a model repository with a self-contained handler",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``helpers endpoint``."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in VERBS.items():
        sub = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == "package":
            endpoint_package.add_arguments(sub)
            continue
        add_params(sub, text="a params file with a 'deployment'")
        if name in ("create", "resume"):
            sub.add_argument("--yes", action="store_true", help="do it, and spend the money")
        if name == "wait":
            sub.add_argument("--timeout", type=float, default=1800.0, metavar="S", help="seconds (default: 1800)")
            sub.add_argument("--every", type=float, default=5.0, metavar="S", help="seconds between looks (default: 5)")
        if name == "delete":
            sub.add_argument(
                "--confirm", metavar="NAME", help="the endpoint's name, where there is no terminal to confirm at"
            )


def run(args: argparse.Namespace) -> int:
    """Carry out one action; raises `InputError` or `DeployError` with what went wrong and the fix."""
    if args.action == "package":
        return endpoint_package.run(args)
    params = load_params(args.params, args.overrides)
    if args.action == "hardware":
        return _hardware(params)
    has_token = management_token(environment(), params.endpoint.url) is not None
    if args.action in ("create", "resume") and not args.yes and params.deployment and not has_token:
        return _offer(params, args.action)  # what it would cost is known without an account
    manager = Manager(params, environment())
    actions = {"create": _create, "status": _status, "wait": _wait, "resume": _resume, "delete": _delete}
    if args.action in actions:
        return actions[args.action](manager, params, args)
    state = manager.pause() if args.action == "pause" else manager.scale_to_zero()
    say(f"endpoint {state.name}: {state.status}")
    return 0


def _hardware(params: Params) -> int:
    prices, origin = current_prices(params)
    print(f"{'vendor':8} {'type':16} {'size':6} {'USD/hour':>9} {'vCPUs':>6} {'GB':>6} {'accelerator GB':>15}")
    for p in sorted(prices, key=lambda p: (p.vendor, p.type, p.hourly)):
        extra = p.gpu_memory_gb or p.accelerator_memory_gb
        cells = [f"{value:g}" if value is not None else "–" for value in (p.vcpus, p.memory_gb, extra)]
        print(f"{p.vendor:8} {p.type:16} {p.size:6} {p.hourly:9.3f} {cells[0]:>6} {cells[1]:>6} {cells[2]:>15}")
    print(f"from {origin}")
    return 0


def _offer(params: Params, action: str) -> int:
    """Show what an action that costs money would do, and do nothing."""
    if action == "create":
        _show(params)
    else:
        _show_price(params)
    say(f"nothing was {action}d; --yes {action}s it")
    return 0


def _show(params: Params) -> None:
    assert params.deployment, "an endpoint that is created is declared"
    declared = params.deployment
    shown = {"name": declared.name, **specification(params), "secrets": list(declared.secrets)}
    print(
        yaml.safe_dump({key: value for key, value in shown.items() if value not in (None, [])}, sort_keys=False), end=""
    )
    _show_price(params)


def _show_price(params: Params) -> None:
    print(f"# price: {price_of(params, *current_prices(params))}")


def _create(manager: Manager, params: Params, args: argparse.Namespace) -> int:
    state = manager.state()
    if state is not None:
        if different := manager.differences(state):
            raise InputError(
                [
                    f"endpoint {state.name} exists and differs from the configuration; delete it or change the params:",
                    *different,
                ]
            )
        say(f"endpoint {state.name} exists as configured: {state.status}")
        return 0
    if not args.yes:
        return _offer(params, "create")
    _show(params)
    state = manager.create()
    say(f"endpoint {state.name}: {state.status}; 'helpers endpoint wait' waits until it runs")
    return 0


def _status(manager: Manager, params: Params, args: argparse.Namespace) -> int:
    state = existing(manager)
    print(f"{state.name}: {state.status}{f' ({state.message})' if state.message else ''} {state.url or ''}".rstrip())
    for line in manager.differences(state):
        print(f"  differs: {line}")
    return 1 if state.status in ("failed", "updateFailed") else 0


def _wait(manager: Manager, params: Params, args: argparse.Namespace) -> int:
    state = manager.wait(args.timeout, say_state, args.every)
    print(state.url or "scaled to zero: nothing is billed, and the next request wakes it")
    return 0


def _resume(manager: Manager, params: Params, args: argparse.Namespace) -> int:
    if not args.yes:
        return _offer(params, "resume")
    _show_price(params)
    state = manager.resume()
    say(f"endpoint {state.name}: {state.status}")
    return 0


def _delete(manager: Manager, params: Params, args: argparse.Namespace) -> int:
    name = existing(manager).name
    typed = args.confirm
    if typed is None and sys.stdin.isatty():
        typed = input(f"Type the name of the endpoint to delete it for good ({name}): ").strip()
    if typed != name:
        raise InputError(f"endpoint {name} was not deleted: its name was not given (--confirm {name})")
    manager.delete()
    say(f"endpoint {name}: deleted")
    return 0
