"""What the environment tells a run, and its secrets, which stand in nothing that a run writes or says."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from urllib.parse import quote

from dotenv import dotenv_values

from helpers.core.paths import PROJECT

#: Variables whose value is a secret; whoever knows the address of a webhook may write to its channel.
SECRET_NAME = re.compile(r"(token|secret|password|api_?key|webhook_url)s?$", re.IGNORECASE)
#: What a Hub token looks like, whoever it belongs to.
HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}")
#: A shorter value would blot out ordinary words; no real token is that short.
SHORTEST = 6
REDACTED = "[redacted]"


def environment() -> dict[str, str]:
    """Return the environment with the project's ``.env`` beneath it."""
    below = {k: v for k, v in dotenv_values(PROJECT / ".env").items() if v}
    return {**below, **os.environ}


def secrets() -> list[str]:
    """Return the values of all secrets in the environment, longest first."""
    found = {v for k, v in environment().items() if SECRET_NAME.search(k) and len(v) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def redact(text: str, known: list[str] | None = None) -> str:
    """Return a text without any secret in it, whether it stands there plain or as JSON, HTML, a URL or base64 has it.

    ``known`` are the secrets, those of the environment by default.
    """
    for secret in secrets() if known is None else known:
        for form in _forms(secret):
            text = text.replace(form, REDACTED)
    return HUB_TOKEN.sub(REDACTED, text)


def _forms(secret: str) -> list[str]:
    """Return the spellings of a secret, longest first, so that none is left half."""
    spelled = {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret)[1:-1])[1:-1], repr(secret)[1:-1]}
    spelled |= {html.escape(secret), html.escape(secret, quote=False), quote(secret), quote(secret, safe="")}
    spelled.add(base64.b64encode(secret.encode()).decode().rstrip("="))
    return sorted(spelled, key=len, reverse=True)
