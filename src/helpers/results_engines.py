"""What pages 03 and 04 compare with the deployment as it is. Seconds, bytes, scores from 0 to 1."""

from __future__ import annotations

from pydantic import Field

from helpers.results_base import PageResult, Row
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate


class Compared(Row):
    """One way to answer; with a ``reason`` its speed was not measured, and the reason says how to get it.

    ``speedup`` is over the reference on the same dialogues. ``agreement`` is the share of recorded answers equal to the
    reference's; a ``quality_reason`` says why there are none.
    """

    name: str
    reason: str = ""
    latency: Estimate | None = None
    speedup: Estimate | None = None
    quality_reason: str = ""
    rouge_l: Estimate | None = None
    quality: Paired | None = None
    facts: Paired | None = None
    agreement: Estimate | None = None


class SettingResult(Compared):
    """One setting of page 03, with how many requests it was asked and how many of them ``failed``."""

    requests: int = 0
    failed: int = 0
    output_tokens: Estimate | None = None


class SettingsSweep(Row):
    """Other settings of the deployment, the first one its own; with a ``reason`` none was asked."""

    reason: str = ""
    dialogues: int = 0
    rounds: int = 0
    settings: tuple[SettingResult, ...] = ()


class VariantResult(Compared):
    """One engine and number type of page 04.

    ``load`` is from starting its process until it is ready, ``peak_bytes`` the highest resident memory of that process,
    ``speedup_fp32`` is over the fastest fp32 variant. ``batch_rate`` is summaries per second when all dialogues are
    sent at once.
    """

    engine: str
    dtype: str
    load: float | None = None
    disk_bytes: int | None = None
    peak_bytes: int | None = None
    by_length: dict[str, Estimate] = Field(default_factory=dict)
    speedup_fp32: Estimate | None = None
    batch_rate: Estimate | None = None


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
