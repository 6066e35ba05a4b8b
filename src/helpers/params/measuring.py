"""How much is measured, at what traffic and within which budget, and what page 05 sends and assumes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from helpers.params.base import Count, Money, Positive, Seconds, Section, Share


class Measure(Section):
    """How often each dialogue is sent, and the seeds of order and resampling."""

    warmup: Count = 2
    repeats: Positive = 3
    order_seed: int = 1
    resampling_seed: int = 2


class Traffic(Section):
    """The configured traffic that costs are judged at."""

    requests_per_hour: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 200.0


class Budget(Section):
    """Bounds that stop a run cleanly, keeping what was measured."""

    usd: Money | None = None
    requests: Positive | None = None
    minutes: Seconds | None = None


class Load(Section):
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
