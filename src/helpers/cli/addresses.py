"""Parameters from an address alone, in place of a params file: what answers there says which they are."""

from __future__ import annotations

import json

from helpers.backends.discovery import discover
from helpers.backends.endpoint import EndpointBackend, checked_url
from helpers.core.console import say
from helpers.core.environment import environment
from helpers.core.errors import DeployError, Failure, InputError, RequestError
from helpers.params import Endpoint
from helpers.runs.manifest import public_name


def found_at(url: str) -> tuple[str, list[str]]:
    """Return the params file for what answers at an address, and the overrides that make it this server's.

    What was found and what is assumed is said. Raises `InputError` naming all that was tried, or `DeployError` where
    nobody is at home.
    """
    checked_url(url)
    try:
        found = discover(url, environment())
    except InputError as error:
        if _is_gone(url):
            raise DeployError(str(error)) from None
        raise
    kind = " ".join(filter(None, [found.engine, found.precision])) or "a server"
    stream = "it streams" if found.streams else "it answers whole"
    say(f"{kind} speaks the {found.protocol} protocol and serves {public_name(found.model)}; {stream}")
    for assumption in found.assumed:
        say(f"assumed: {assumption}")
    described = "model.description=" + json.dumps(f"as found: {kind}, {found.protocol} protocol")
    if found.protocol == "chat":
        return "chat", [*found.overrides, described]
    return "endpoint", [*found.overrides, described, "deployment=null", "settings.tried=[]"]


def _is_gone(url: str) -> bool:
    """Whether no connection to an address comes about: the service has failed then, not the command."""
    with EndpointBackend(url, Endpoint()) as server:
        try:
            server.get("/")
        except RequestError as error:
            return error.kind is Failure.CONNECTION
    return False
