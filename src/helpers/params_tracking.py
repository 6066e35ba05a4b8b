"""What a run is told of experiment tracking."""

from __future__ import annotations

from typing import Literal

from helpers.rooms import Room, Seconds


class Tracking(Room):
    """Weights & Biases: ``offline`` keeps a W&B run in the run directory, ``online`` sends it, ``disabled`` does none.

    ``online`` needs ``WANDB_API_KEY`` in the environment or ``.env``; without it the W&B run is kept offline.
    ``WANDB_MODE`` in the environment goes before ``mode``. ``limit`` bounds the sending, in seconds.
    """

    mode: Literal["offline", "online", "disabled"] = "offline"
    project: str = "dialogue-summariser"
    entity: str | None = None
    limit: Seconds = 30.0
