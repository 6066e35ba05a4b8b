"""What the environment tells a run, and its secrets, which appear in nothing that a run writes or prints."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from dotenv import dotenv_values

from helpers.core.errors import InputError
from helpers.core.paths import PROJECT
from helpers.core.text import encoding_of

#: Variables whose value is a secret; anyone who knows the address of a webhook may write to its channel.
SECRET_NAME = re.compile(r"(token|secret|password|api_?key|webhook_url)s?$", re.IGNORECASE)
#: What a Hub token looks like, regardless of its owner.
HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}")
#: A shorter value would blot out ordinary words; no real token is that short.
SHORTEST = 6
REDACTED = "[redacted]"
#: The variable that a server takes its bearer token from; servers that a run starts for itself have none.
SERVE_TOKEN = "HELPERS_SERVE_TOKEN"  # noqa: S105  (a name)


@contextmanager
def variables(changed: Mapping[str, str]) -> Iterator[None]:
    """Have what is started or imported meanwhile see other variables."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def environment() -> dict[str, str]:
    """Return the environment with the project's ``.env`` beneath it; raises `InputError` when that is no text."""
    below = {k: v for k, v in dotenv_values(stream=io.StringIO(_dotenv(PROJECT / ".env"))).items() if v}
    return {**below, **os.environ}


def _dotenv(path: Path) -> str:
    """Return the text of a ``.env`` file in whatever Unicode it is, nothing where there is none."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    try:
        return content.decode(encoding_of(content) or "utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is not UTF-8 text; save it as UTF-8") from None


def secrets() -> list[str]:
    """Return the values of all secrets in the environment, longest first."""
    found = {v for k, v in environment().items() if SECRET_NAME.search(k) and len(v) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def redact(text: str, known: list[str] | None = None) -> str:
    """Return a text without any secret in it, whether it is plain or escaped as in JSON, HTML, a URL or base64.

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
