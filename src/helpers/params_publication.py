"""What the publication says beside what was measured: why this deployment, its limits, and how to cite it."""

from __future__ import annotations

from helpers.rooms import Room


class Reason(Room):
    """One choice that was made, why, and where that can be read."""

    question: str
    choice: str
    because: str
    source: str = ""


class Publication(Room):
    """The words of the front page that no measurement gives; changing them needs no new run."""

    reasons: tuple[Reason, ...] = ()
    limits: tuple[str, ...] = ()
    citation: str = ""
    licence: str = ""
