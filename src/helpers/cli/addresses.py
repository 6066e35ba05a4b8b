"""Parameters from an address alone, in place of a params file: what answers there says which they are."""

from __future__ import annotations

import json

from helpers.backends.discovery import NobodyFoundError, discover
from helpers.core.console import say
from helpers.core.environment import environment
from helpers.core.errors import DeployError
from helpers.runs.manifest import public_name


def found_at(url: str, *, wait: float | None = None) -> tuple[str, list[str]]:
    """Return the params file for what answers at an address, and the overrides that make it this server's.

    What was found and what is assumed is said; ``wait`` is that of `discover`. Raises `InputError` naming all that was
    tried, or `DeployError` where what is there does not answer at all.
    """
    try:
        found = discover(url, environment(), wait=wait)
    except NobodyFoundError as nobody:
        if nobody.is_silent:
            raise DeployError(str(nobody)) from None
        raise
    kind = " ".join(filter(None, [found.engine, found.precision])) or "a server that does not tell its engine"
    stream = "it streams" if found.streams else "it answers whole"
    say(f"{kind} speaks the {found.protocol} protocol and serves {public_name(found.model)}; {stream}")
    for assumption in found.assumed:
        say(f"assumed: {assumption}")
    described = "model.description=" + json.dumps(f"as found: {kind}, {found.protocol} protocol")
    if found.protocol == "chat":
        return "chat", [*found.overrides, described]
    return "endpoint", [*found.overrides, described, "deployment=null", "settings.tried=[]"]
