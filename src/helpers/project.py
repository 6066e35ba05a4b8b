"""Where the project keeps things on this machine."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def runs_folder() -> Path:
    """Return where runs are kept: ``runs/``, or what ``HELPERS_RUNS`` names."""
    return Path(os.environ.get("HELPERS_RUNS") or PROJECT / "runs")


def cache() -> Path:
    """Return where models and price lists are kept: ``.cache`` of the project, or what ``HELPERS_CACHE`` names."""
    return Path(os.environ.get("HELPERS_CACHE") or PROJECT / ".cache").expanduser().resolve()
