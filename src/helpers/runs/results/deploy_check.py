"""Page 01: what was probed, and what differs from what is declared."""

from __future__ import annotations

from typing import Literal

from helpers.core.model import Frozen
from helpers.runs.results.base import PageResult


class Probe(Frozen):
    """One functional probe of the deployment and its outcome.

    ``passed``: it was answered, or refused where that will do. ``content`` judges what the answer says, for the reason
    in ``content_note``; ``answer`` is its text, ``None`` where there is none or privacy forbids it.
    """

    name: str
    expectation: str
    passed: bool | None
    kind: str
    detail: str
    answer: str | None = None
    content: Literal["met", "missed", "not judged"] = "not judged"
    content_note: str = ""
    lost_tokens: int | None = None
    service_time: float | None = None
    request: str | None = None


class Check(Frozen):
    """One thing a deployment must do for anybody, and whether it does; ``None`` where that cannot be known."""

    name: str
    expectation: str
    passed: bool | None
    detail: str


class Declared(Frozen):
    """One declared property of the deployment beside what was observed; ``None`` where it cannot be observed."""

    name: str
    declared: str
    observed: str | None
    agrees: bool | None


class DeployCheck(PageResult):
    """Page 01; ``message`` is the deployment's own when it did not answer.

    ``server`` is the engine and its numbers as a foreign server tells them, ``ignored`` the settings that it refused or
    was seen to ignore, by the names that requests have for them.
    """

    message: str = ""
    checks: tuple[Check, ...] = ()
    cold_start: float | None = None
    cold_note: str = ""
    warm: tuple[float, ...] = ()
    probes: tuple[Probe, ...] = ()
    declared: tuple[Declared, ...] = ()
    server: str = ""
    ignored: tuple[str, ...] = ()
