"""``helpers app``: the web app on loopback, around the server it starts or the endpoint of a params file."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from helpers.app.export import export
from helpers.app.launch import free_port, launched, own_server
from helpers.cli.addresses import params_of
from helpers.cli.arguments import add_params
from helpers.core.console import say, shown
from helpers.core.errors import InputError
from helpers.core.machine import end_on_signal
from helpers.core.paths import runs_folder
from helpers.experiments.sensitivity import read_shipped
from helpers.params.files import write_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``helpers app``."""
    add_params(parser, text="a params file (default: demo)", url="no params file: use the service at this address")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind; visitors name servers on loopback only")
    parser.add_argument("--port", type=int, default=7860, help="0 picks a free one (default: 7860)")
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write the app as a Hugging Face Space into a new folder, and end"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the app until a signal, or export it; raises `InputError` when it cannot start."""
    if find_spec("gradio") is None:
        raise InputError("the web app needs gradio, which is not installed: 'make app' installs it and opens the app")
    params = params_of(args, "app", default="demo")
    if args.export:
        export(params, args.export)
        say(f"{shown(args.export)} is a Space; its README.md says which secrets it needs")
        return 0
    if params.replay is not None:
        raise InputError(
            "recorded predictions take no requests; give a params file with 'backend: local' or 'endpoint'"
        )
    port = free_port(args.host, args.port)
    folder = runs_folder() / f"app-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    folder.mkdir(parents=True)
    write_params(folder, params)
    signalled = end_on_signal()
    with ExitStack() as opened:
        own = own_server(params, folder, opened, lambda: signalled)
        shipped = read_shipped()
        noticed = shipped.found if shipped else None
        url = opened.enter_context(launched(params, folder, own, args.host, port, noticed))
        print(url, flush=True)
        say(f"the app is open; its log is {shown(folder / 'requests.jsonl')}; Ctrl-C ends it")
        while not signalled:
            time.sleep(0.1)
    return 0
