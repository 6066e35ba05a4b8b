"""What a run is told of a deployed service: how to ask it, and how to create it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from helpers.rooms import Count, Positive, Room, Seconds


class Endpoint(Room):
    """A deployed service; the address may also come from ``HF_ENDPOINT_URL``, the token only from ``HF_TOKEN``.

    Of one attempt, ``read_timeout`` bounds each silence and ``total_timeout`` the whole; ``retry_timeout`` bounds all
    attempts of a request together, ``wake_timeout`` the wait for a service that is down. ``served_model`` is what a
    server of the chat protocol calls its model, ``model.id`` by default.
    ``expected_seconds`` is about what one request takes, for the estimate that is printed before the first.
    """

    url: str | None = None
    protocol: Literal["summarization", "text2text", "chat"] = "summarization"
    served_model: str | None = None
    connect_timeout: Seconds = 10.0
    read_timeout: Seconds = 120.0
    total_timeout: Seconds = 120.0
    attempts: Positive = 3
    retry_timeout: Seconds = 900.0
    wake_timeout: Seconds = 600.0
    expected_seconds: Seconds = 4.0
    max_answer_bytes: Positive = 1_000_000


class Deployment(Room):
    """The managed endpoint as it is declared; its instance, model and revision stand in their own rooms.

    ``secrets`` are names, whose values come from the environment. ``pause_after: true`` pauses the endpoint when the
    report ends, fails or is interrupted, if this run resumed it; naming the endpoint pauses it in any case.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$")]
    namespace: str | None = None
    region: str = "us-east-1"
    accelerator: Literal["cpu", "gpu", "neuron"] = "cpu"
    framework: Literal["pytorch", "custom"] = "pytorch"
    type: Literal["authenticated", "public", "private"] = "authenticated"
    min_replica: Count = 1
    max_replica: Positive = 1
    scaling_metric: Literal["pendingRequests", "hardwareUsage"] | None = None
    scaling_threshold: Seconds | None = None
    scale_to_zero_minutes: Positive | None = None
    secrets: tuple[str, ...] = ()
    pause_after: bool | str = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.min_replica > self.max_replica:
            problems.append(f"'min_replica' {self.min_replica} is over 'max_replica' {self.max_replica}")
        if self.min_replica == 0 and self.scale_to_zero_minutes is None:
            problems.append("'min_replica: 0' scales to zero and needs 'scale_to_zero_minutes'")
        if self.scaling_threshold is not None and self.scaling_metric is None:
            problems.append("'scaling_threshold' needs 'scaling_metric'")
        if isinstance(self.pause_after, str) and self.pause_after != self.name:
            problems.append(f"'pause_after: {self.pause_after}' is not the 'name' {self.name}")
        if problems:
            raise ValueError("; ".join(problems))
        return self
