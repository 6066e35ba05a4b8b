"""Addresses of services: which may be used, and where the environment's token may go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from helpers.core.errors import InputError
from helpers.core.machine import is_loopback

#: The variables that hold the token of a deployed endpoint and the address that it belongs to.
ENDPOINT = ("HF_TOKEN", "HF_ENDPOINT_URL")
#: A part of an address's query that looks like a secret, which would be written to logs.
_SECRET = re.compile(r"(^|&)[^=&]*(token|key|secret|password|sig)[^=&]*=", re.IGNORECASE)


def checked_url(url: str) -> str:
    """Return the address, without a slash after the host, or raise `InputError` when it is not an http(s) origin."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # which is read on asking
    except ValueError as error:
        raise InputError(f"endpoint address {url!r}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"endpoint address {url!r}: expected https://HOST, such as the one the endpoint's page shows")
    if parts.username or parts.password or _SECRET.search(parts.query):
        raise InputError(
            f"endpoint address at {parts.hostname}: no user name, password or key in it; the token is HF_TOKEN"
        )
    return url if parts.path.strip("/") or parts.query else url.rstrip("/")


def token_for(url: str, environment: Mapping[str, str], of: tuple[str, str] = ENDPOINT) -> str | None:
    """Return the environment's token if it may go to this address, else ``None``.

    ``of`` names the variables of a token and of the address whose origin it belongs to (``HF_TOKEN`` and
    ``HF_ENDPOINT_URL``); it travels over https or to loopback only.
    """
    token, home = (environment.get(name) for name in of)
    if not token or not home or _origin(url) != _origin(home):
        return None
    return token if urlsplit(url).scheme == "https" or is_loopback(url) else None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
