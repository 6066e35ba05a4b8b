"""Whether an engine's package is installed, and how it is had."""

from __future__ import annotations

from importlib.util import find_spec

from helpers.params.models import Engine

#: How an engine's package is had, where pip alone would bring what is not wanted.
COMMANDS = {"openvino": "pip install --no-deps -r requirements-openvino.txt"}


def missing(engine: Engine) -> str:
    """Return that an engine's package is not installed and how to get it, or nothing."""
    if find_spec(engine) is not None:
        return ""
    return f"the package {engine} is not installed; get it with: {COMMANDS.get(engine, f'pip install {engine}')}"
