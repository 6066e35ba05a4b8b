"""``helpers app``: the web app on loopback, around the server it starts or the endpoint of a params file.

``--export`` writes it as a folder for a Hugging Face Space instead.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from helpers.app.checks import checking_process
from helpers.backends.endpoint import EndpointBackend, endpoint_url, open_endpoint
from helpers.core.console import say
from helpers.core.errors import InputError, ModelError, ToolError
from helpers.core.machine import is_loopback
from helpers.engines.model_files import TokenCounter, tokenizer_file
from helpers.engines.served import start_server, wait_until_ready
from helpers.params import Params, Samples
from helpers.samples.dataset import load_samples
from helpers.scorers.sensitivity import ErrorSensitivity


@contextmanager
def launched(
    params: Params, folder: Path, own: EndpointBackend, host: str, port: int, noticed: ErrorSensitivity | None = None
) -> Iterator[str]:
    """Give the address of the running app; requests go to ``own`` unless a visitor names another server.

    ``noticed`` is how many planted errors the checks notice, where that is known.
    """
    with tempfile.TemporaryDirectory(prefix="helpers-app-") as files, checking_process() as objecting:
        # Gradio reads these when it is imported: nothing is reported, and what is uploaded goes with the app.
        quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "GRADIO_TEMP_DIR": files}
        os.environ.update(quiet | {"HF_HUB_DISABLE_TELEMETRY": "1"})
        from helpers.app.about import example_name, header_html
        from helpers.app.addresses import AddressPolicy
        from helpers.app.client import AppClient
        from helpers.app.layout import Said, build, launch_settings
        from helpers.app.quality import checks_worth_html, quality_html

        bracketed = f"[{host}]" if ":" in host else host
        addresses = AddressPolicy(is_loopback(f"http://{bracketed}"), params.app.allow_hosts)
        count = _token_counter(params)
        client = AppClient(params, folder, own, addresses, count if params.backend == "endpoint" else None, objecting)
        said = Said(
            header_html(params, own.url if addresses.on_loopback else "", quality_html(params, folder)),
            checks_worth_html(params, folder, noticed),
            {example_name(one, count): one.dialogue for one in load_samples(Samples(source="bundled:demo"))},
        )
        page = build(client, Path(files), said)
        page.queue(max_size=params.app.waiting, default_concurrency_limit=params.app.at_once, api_open=False)
        page.launch(server_name=host, server_port=port, prevent_thread_lock=True, **launch_settings(client))
        try:
            yield f"http://{bracketed}:{port}"
        finally:
            client.closing.set()
            page.close(verbose=False)


def free_port(host: str, port: int) -> int:
    """Return a port that can be listened on, any free one for 0; raises `InputError` for a taken one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            return int(listener.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}:{port}: {error}; choose another --port (0 picks one)") from None


def own_server(params: Params, folder: Path, opened: ExitStack, ended: Callable[[], object]) -> EndpointBackend:
    """Return the app's own server: one on this machine with its model loaded, or the endpoint of the params file."""
    if params.backend == "endpoint":
        return opened.enter_context(open_endpoint(endpoint_url(params) or "", params))
    child = start_server(folder / "params.yaml", folder / "server.log")
    opened.callback(child.stop)
    backend = opened.enter_context(open_endpoint(child.url, params, may_be_cached=True))
    say(f"loading {params.model.id} …")
    if (reason := wait_until_ready(backend, ended)) and not ended():
        raise ToolError(f"the local server cannot answer: {reason}; its log says why")
    return backend


def _token_counter(params: Params) -> Callable[[str], int] | None:
    """Return what counts tokens: those of examples, and of an endpoint that does not say; our own server does."""
    try:
        return TokenCounter(tokenizer_file(params.model.id, params.model.revision)).count
    except ModelError as error:
        say(f"tokens will not be counted: {error}")
        return None
