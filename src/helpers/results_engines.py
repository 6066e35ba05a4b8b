"""What page 04 measured: one row per engine and number type. Seconds, bytes, scores from 0 to 1."""

from __future__ import annotations

from pydantic import Field

from helpers.comparison import Paired
from helpers.intervals import Estimate
from helpers.results_base import PageResult, Row


class VariantResult(Row):
    """One variant; with a ``reason`` it was not measured, and the reason says how to get it.

    ``load`` is from starting its process until it is ready, ``peak_bytes`` the highest resident memory of that process,
    ``speedup`` and ``speedup_fp32`` are over the reference and the fastest fp32 variant, on the same dialogues.
    ``batch_rate`` is summaries per second when all dialogues are sent at once. ``agreement`` is the share of recorded
    answers equal to the reference's.
    """

    name: str
    engine: str
    dtype: str
    reason: str = ""
    load: float | None = None
    disk_bytes: int | None = None
    peak_bytes: int | None = None
    latency: Estimate | None = None
    by_length: dict[str, Estimate] = Field(default_factory=dict)
    speedup: Estimate | None = None
    speedup_fp32: Estimate | None = None
    batch_rate: Estimate | None = None
    quality_reason: str = ""
    rouge_l: Estimate | None = None
    quality: Paired | None = None
    facts: Paired | None = None
    agreement: Estimate | None = None


class Quantization(PageResult):
    """Page 04; ``served_busy`` is the processor time, seconds, that the run's own server took meanwhile.

    ``input_tokens`` are those of each dialogue that was asked, shortest first.
    """

    model: str = ""
    threads: int = 0
    variants: tuple[VariantResult, ...] = ()
    rounds: int = 0
    input_tokens: dict[str, int] = Field(default_factory=dict)
    served_busy: float | None = None
