"""The environment of processes that tests start: this one's, without what its user has set for the tools under test."""

from __future__ import annotations

import os

_SET_BY_USERS = ("HF_", "HELPERS_", "WANDB_", "TRACKIO_", "GRADIO_")


def clean_environment(**own: str) -> dict[str, str]:
    """Return this process's environment without the user's settings and secrets, and with those given."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SET_BY_USERS)} | own
