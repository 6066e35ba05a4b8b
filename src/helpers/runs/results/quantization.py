"""Page 04: variants of engine and number type beside the reference. Seconds, bytes, scores from 0 to 1."""

from __future__ import annotations

from pydantic import Field

from helpers.runs.results.base import ComparedResult, PageResult
from helpers.stats.intervals import Estimate


class VariantResult(ComparedResult):
    """One engine and number type of page 04.

    ``load`` is from starting its process until it is ready, ``peak_bytes`` the highest resident memory of that process
    while it answers one at a time. ``speedup_fp32`` is over the fastest fp32 variant. ``batch_rate`` is summaries per
    second when all dialogues are sent at once. ``over_limit`` is the latency over the machine's limit.
    """

    engine: str
    dtype: str
    load: float | None = None
    disk_bytes: int | None = None
    peak_bytes: int | None = None
    by_length: dict[str, Estimate] = Field(default_factory=dict)
    speedup_fp32: Estimate | None = None
    batch_rate: Estimate | None = None
    over_limit: float | None = None


class Quantization(PageResult):
    """Page 04; ``processor`` computed the variants, which were sent ``dialogues`` in each of ``rounds``.

    Where answers were ``cut`` after so many tokens, times say how fast variants are beside one another alone.
    ``input_tokens`` are those of each dialogue that was sent, shortest first; ``served_busy`` is the processor time,
    seconds, that the run's own server took meanwhile. ``limit`` is the fewest seconds that this machine takes for a
    summary of mean length, with weights of int8 and the fastest type of matrices, ``limit_fp32`` with fp32 alone;
    ``memory_gb`` and ``matrix_gflops`` per second are what it was measured to do.
    """

    model: str = ""
    threads: int = 0
    dialogues: int = 0
    cut: int | None = None
    processor: str = ""
    variants: tuple[VariantResult, ...] = ()
    rounds: int = 0
    input_tokens: dict[str, int] = Field(default_factory=dict)
    served_busy: float | None = None
    limit: float | None = None
    limit_fp32: float | None = None
    memory_gb: float | None = None
    matrix_gflops: float | None = None
