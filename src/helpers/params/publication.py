"""What the published report says beside what was measured, and where a run is tracked."""

from __future__ import annotations

from typing import Literal

from helpers.params.base import Seconds, Section


class Reason(Section):
    """One choice that was made, why, and where that can be read."""

    question: str
    choice: str
    because: str
    source: str = ""


class Publication(Section):
    """The words of the front page that no measurement gives; changing them needs no new run."""

    reasons: tuple[Reason, ...] = ()
    limits: tuple[str, ...] = ()
    citation: str = ""
    licence: str = ""


class Tracking(Section):
    """Which service is told of a run: ``wandb`` (Weights & Biases), ``trackio`` (on this machine, no account) or none.

    W&B: ``offline`` keeps a W&B run in the run directory, ``online`` sends it, ``disabled`` does none. ``online`` needs
    ``WANDB_API_KEY`` in the environment or ``.env``; without it the W&B run is kept offline. ``WANDB_MODE`` in the
    environment goes before ``mode``. ``limit`` bounds the sending, in seconds.
    """

    backend: Literal["wandb", "trackio", "none"] = "wandb"
    mode: Literal["offline", "online", "disabled"] = "offline"
    project: str = "dialogue-summariser"
    entity: str | None = None
    limit: Seconds = 30.0
