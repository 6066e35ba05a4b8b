"""What a run is told about load: the short sweep of page 05, and what its simulations assume."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from helpers.rooms import Count, Positive, Room, Seconds

Share = Annotated[float, Field(ge=0, lt=1)]


class Load(Room):
    """The sweep: ``repeats`` runs of ``seconds`` at each of ``rates``, or of ``fractions`` of the predicted capacity.

    No run has more than ``count`` requests, however fast the service is.
    ``target_p95`` is what a response may take; its default is the published alert on p99. The simulations take
    ``cold_start`` seconds (what page 01 measured, by default), at most ``max_replicas``, sleep after ``idle_minutes``
    without a request, lose a spot replica every ``spot_hours`` on average, and find ``repeat_rate`` of the requests in
    a cache. ``trace`` is a recorded trace: a request log, or one arrival time in seconds a line.
    """

    allow_remote: bool = False
    rates: tuple[Seconds, ...] = ()
    fractions: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (0.4, 0.8, 1.6)
    seconds: Seconds = 8.0
    count: Positive = 300
    repeats: Positive = 3
    seed: Count = 3
    target_p95: Seconds = 4.0
    cold_start: Seconds | None = None
    max_replicas: Positive = 3
    idle_minutes: Seconds = 60.0
    spot_hours: Seconds = 6.0
    repeat_rate: Share = 0.1
    trace: str | None = None
