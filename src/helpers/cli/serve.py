"""``helpers serve``: a model on this machine behind the endpoint's protocol, on loopback by default."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.cli.arguments import add_params
from helpers.params.files import load_params
from helpers.serving.server import serve_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``helpers serve``."""
    parser.description = "Serve the model of a params file over HTTP, in the protocol of a managed endpoint."
    parser.epilog = "With HELPERS_SERVE_TOKEN in the environment, POST needs it as bearer token."
    add_params(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind; any but loopback needs a token")
    parser.add_argument("--port", type=int, default=8080, help="0 picks a free one (default: 8080)")
    parser.add_argument("--handler", type=Path, metavar="DIR", help="run the handler.py of a model repository instead")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal, or the end of ``--parent``; returns 0."""
    params = load_params(args.params, args.overrides)
    return serve_model(params, args.host, args.port, handler=args.handler, parent=args.parent)
