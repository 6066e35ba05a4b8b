"""``helpers app``: the web app on loopback, around the server it starts or the endpoint of a params file.

``--export`` writes it as a folder for a Hugging Face Space instead.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from helpers.backends.endpoint import EndpointBackend, is_loopback, open_endpoint
from helpers.core.console import say, shown
from helpers.core.errors import InputError, ModelError, ToolError
from helpers.core.machine import told_to_end
from helpers.core.paths import runs_folder
from helpers.engines.served import start_server, wait_until_ready
from helpers.params import Params
from helpers.params.files import load_params, write_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe ``helpers app``."""
    parser.add_argument("params", nargs="?", default="demo", metavar="PARAMS", help="a params file (default: demo)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a parameter")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind; visitors name servers on loopback only")
    parser.add_argument("--port", type=int, default=7860, help="0 picks a free one (default: 7860)")
    parser.add_argument(
        "--export", type=Path, metavar="DIR", help="write the app as a Hugging Face Space into a new folder, and end"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the app until a signal, or export it; raises `InputError` when it cannot start as asked."""
    if find_spec("gradio") is None:
        raise InputError("the web app needs gradio, which is not installed: 'make app' installs it and opens the app")
    params = load_params(args.params, args.set)
    if args.export:
        from helpers.app_export import export

        export(params, args.export)
        say(f"{shown(args.export)} is a Space; its README.md says which secrets it needs")
        return 0
    if params.replay is not None:
        raise InputError("recorded predictions cannot be asked; give a params file with 'backend: local' or 'endpoint'")
    port = free_port(args.host, args.port)
    folder = runs_folder() / f"app-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    folder.mkdir(parents=True)
    write_params(folder, params)
    signalled = told_to_end()
    with ExitStack() as opened:
        own = _own_server(params, folder, opened, lambda: signalled)
        url = opened.enter_context(launched(params, folder, own, args.host, port))
        print(url, flush=True)
        say(f"the app is open; its log is {shown(folder / 'requests.jsonl')}; Ctrl-C ends it")
        while not signalled:
            time.sleep(0.1)
    return 0


@contextmanager
def launched(params: Params, folder: Path, own: EndpointBackend, host: str, port: int) -> Iterator[str]:
    """Give the address of the running app; ``own`` is asked unless a visitor names another server."""
    with tempfile.TemporaryDirectory(prefix="helpers-app-") as files:
        # Gradio reads these when it is imported: nothing is reported, and what is uploaded goes with the app.
        quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "GRADIO_TEMP_DIR": files}
        os.environ.update(quiet | {"HF_HUB_DISABLE_TELEMETRY": "1"})
        from helpers.app_desk import Desk
        from helpers.app_doors import Doors
        from helpers.app_page import build, launch_settings

        bracketed = f"[{host}]" if ":" in host else host
        doors = Doors(is_loopback(f"http://{bracketed}"), params.app.allow_hosts)
        desk = Desk(params, folder, own, doors, _token_counter(params))
        page = build(desk, Path(files))
        page.queue(max_size=params.app.waiting, default_concurrency_limit=params.app.at_once, api_open=False)
        page.launch(server_name=host, server_port=port, prevent_thread_lock=True, **launch_settings(desk))
        try:
            yield f"http://{bracketed}:{port}"
        finally:
            desk.closing.set()
            page.close(verbose=False)


def free_port(host: str, port: int) -> int:
    """Return a port that can be listened on, any free one for 0; raises `InputError` for a taken one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            return int(listener.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}:{port}: {error}; choose another --port (0 picks one)") from None


def _own_server(params: Params, folder: Path, opened: ExitStack, ended: Callable[[], object]) -> EndpointBackend:
    """Return the app's own server: one on this machine with its model loaded, or the endpoint of the params file."""
    if params.backend == "endpoint":
        from helpers.backends.endpoint import endpoint_url

        return opened.enter_context(open_endpoint(endpoint_url(params) or "", params))
    child = start_server(folder / "params.yaml", folder / "server.log")
    opened.callback(child.stop)
    backend = opened.enter_context(open_endpoint(child.url, params, may_be_cached=True))
    say(f"loading {params.model.id} …")
    if (reason := wait_until_ready(backend, ended)) and not ended():
        raise ToolError(f"the local server cannot answer: {reason}; its log says why")
    return backend


def _token_counter(params: Params) -> Callable[[str], int] | None:
    """Return what counts tokens for an endpoint that does not say; our own server does."""
    if params.backend == "local":
        return None
    from helpers.engines.model_files import TokenCounter, tokenizer_file

    try:
        return TokenCounter(tokenizer_file(params.model.id, params.model.revision)).count
    except ModelError as error:
        say(f"tokens will not be counted: {error}")
        return None
