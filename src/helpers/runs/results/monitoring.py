"""Page 06: what was read from the log. Seconds; rates from 0 to 1."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import PageResult
from helpers.stats.drift import Drift
from helpers.stats.intervals import Estimate


class Slice(Frozen):
    """A stretch of a log from ``seconds`` on, ``length`` long; ``usage`` is the load of the server, 0 to 1 per core.

    A percentile that so few answers cannot bound is ``None``.
    """

    seconds: float
    length: float
    attempts: int
    failed: int
    p50: float | None
    p90: float | None
    p99: float | None
    tokens: float | None
    usage: float | None


class Monitoring(PageResult):
    """Page 06: the traffic in ``logs`` (the run's ``own`` or others), steady state only; ``aside`` is what was not.

    ``latency`` are percentiles of the service time, ``first_token`` and ``inter_token`` those of streamed responses:
    all of requests, which depend on each other, so that they have no intervals.
    ``dots`` are end and service time of each answer, where they are few. ``judged`` counts the answers whose text was
    looked at, ``left_out`` names the lines that could not be read or whose clock was wrong. ``cut_off`` is the share of
    answers that the server ended at its limit, of those whose end it tells. The alerts follow from the columns of the
    log when rendering.
    """

    own: bool = True
    logs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    started_at: datetime | None = None
    span: float = 0.0
    attempts: int = 0
    answered: int = 0
    aside: int = 0
    throughput: float | None = None
    error_rate: Estimate | None = None
    errors: dict[str, int] = Field(default_factory=dict)
    latency: dict[str, Estimate] = Field(default_factory=dict)
    first_token: dict[str, Estimate] = Field(default_factory=dict)
    inter_token: dict[str, Estimate] = Field(default_factory=dict)
    tokens: Estimate | None = None
    usage_samples: int = 0
    usage_mean: float | None = None
    usage_most: float | None = None
    gpu_samples: int = 0
    gpu_mean: float | None = None
    gpu_most: float | None = None
    slices: tuple[Slice, ...] = ()
    dots: tuple[tuple[float, float], ...] = ()
    judged: int = 0
    failures: dict[str, int] = Field(default_factory=dict)
    output_failure_rate: Estimate | None = None
    cut_off: Estimate | None = None
    drift: tuple[Drift, ...] = ()
