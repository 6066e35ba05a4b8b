"""Where the project keeps things on this machine."""

from __future__ import annotations

import os
from pathlib import Path

#: This package, the project around it, and the files that are shipped with the package.
PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parents[1]
DATA = PACKAGE / "data"
#: Where the published report goes.
REPORTS = PROJECT / "reports"


def runs_folder() -> Path:
    """Return where runs are kept: ``runs/``, or what ``HELPERS_RUNS`` names."""
    return Path(os.environ.get("HELPERS_RUNS") or PROJECT / "runs")


def cache() -> Path:
    """Return where models and price lists are kept: ``.cache`` of the project, or what ``HELPERS_CACHE`` names."""
    return Path(os.environ.get("HELPERS_CACHE") or PROJECT / ".cache").expanduser().resolve()
