"""Parameters from an address alone, in place of a params file: what answers there says which they are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from helpers.backends.discovery import NobodyFoundError, discover
from helpers.core.console import say
from helpers.core.environment import environment
from helpers.core.errors import DeployError, InputError
from helpers.params import Params
from helpers.params.files import load_params
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


def params_of(args: argparse.Namespace, verb: str, *, default: str = "", own: Sequence[str] = ()) -> Params:
    """Return the parameters of the file, or of what answers at the address, that was given in its place.

    ``own`` are a verb's overrides of what is found, before those of ``--set``. Raises `InputError` unless one of both
    is given, or neither where there is a ``default``.
    """
    if (args.url and args.params) or not (args.url or args.params or default):
        raise InputError(f"{verb}: give a params file, such as params/demo.yaml, or --url URL in its place")
    if not args.url:
        return load_params(args.params or default, args.overrides)
    source, found = found_at(args.url)
    return load_params(source, [*found, *own, *args.overrides])
