"""The base of everything written as a result, and what every page's result says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """Base of everything written as a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PageResult(Row):
    """What every page says: its number, why it measured nothing (if so), and what it asked.

    ``failure`` is the kind of failure with which the deployment stopped answering (``down_since``), or empty;
    ``stopped`` says why this page did not ask all it wanted to.
    """

    schema_version: Literal[1] = 1
    page: str
    reason: str = ""
    requests: int = 0
    seconds: float = 0.0
    failure: str = ""
    down_since: datetime | None = None
    stopped: str = ""
