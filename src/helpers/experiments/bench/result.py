"""What the bench writes: ``bench.json`` and ``servers.json``. Seconds and bytes, unless a name says otherwise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.manifest import Manifest
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Verdict


class Machine(Frozen):
    """What the machine can do, measured before anything else: GB read per second, by the number of threads, and
    billions of operations per second in products of matrices, by type, with all ``threads``."""

    threads: int
    memory_gb: dict[str, float]
    matrix_gflops: dict[str, float]


class ShapeResult(Frozen):
    """One kind of request: tokens in (one number per text) and out, what it takes, and the machine's limits.

    ``gflop`` are billions of operations, once for the texts and in each step; ``step_bytes`` is what a step reads with
    weights of int8. ``limit`` is with those and the fastest type of matrices, ``limit_fp32`` with fp32 alone. What has
    weights of four bits may be faster than ``limit``.
    """

    inputs: tuple[int, ...]
    output: int
    prefill_gflop: float
    step_gflop: float
    step_bytes: float
    limit: float
    limit_fp32: float


class EngineTimes(Frozen):
    """One engine at one kind of request: ``times`` of all rounds, and their median.

    Ratios are medians over rounds of the time that transformers fp32, or the fastest fp32 engine, took in the same
    round; ``over_limit`` is the median time over the machine's limit. ``written`` are the tokens of all texts.
    ``same_text`` is whether the text is that of transformers fp32. With a ``reason`` it was not measured.
    """

    times: tuple[float, ...] = ()
    seconds: Estimate | None = None
    speedup: Estimate | None = None
    speedup_fp32: Estimate | None = None
    over_limit: float | None = None
    tokens_per_second: float | None = None
    written: int | None = None
    same_text: bool | None = None
    reason: str = ""


class EngineResult(Frozen):
    """One engine and type; with a ``reason`` it was not measured, and the reason says how to get it.

    ``load`` is from starting its process until it is ready, ``peak_bytes`` the highest resident memory of that
    process, ``peak_alone_bytes`` that before its first batch. ``same_texts`` is the share of kinds of requests whose
    text is that of transformers fp32.
    """

    name: str
    label: str
    engine: str
    dtype: str
    reason: str = ""
    load: float | None = None
    disk_bytes: int | None = None
    peak_bytes: int | None = None
    peak_alone_bytes: int | None = None
    same_texts: Estimate | None = None
    cells: dict[str, EngineTimes] = Field(default_factory=dict)


class Reached(Frozen):
    """A bar and the nearest that was reached: by which engine, and, of a speed-up, what the limit would allow.

    ``low`` and ``high`` are the interval of what was reached, where several rounds were measured. ``tried`` is what was
    tried in vain, for a bar that is not met.
    """

    label: str
    unit: Literal["ratio", "rate", "s"]
    at_least: float | None = None
    at_most: float | None = None
    source: str
    reached: float | None = None
    low: float | None = None
    high: float | None = None
    engine: str = ""
    beside: float | None = None
    possible: float | None = None
    verdict: Verdict
    tried: str = ""


class Bench(Frozen):
    """A whole bench; ``stopped`` says why fewer rounds were made than asked."""

    schema_version: Literal[1] = 1
    manifest: Manifest
    model: str
    is_seeded: bool
    architecture: dict[str, int]
    beams: int
    rounds_asked: int
    seconds: float
    stopped: str = ""
    machine: Machine
    shapes: dict[str, ShapeResult]
    engines: tuple[EngineResult, ...]
    bars: tuple[Reached, ...] = ()


class ServingStrategy(Frozen):
    """A serving strategy: ``rates`` are the requests per second of every round, and ``rate`` their median.

    ``ratio`` is the median over rounds of the rate over that of one at a time in the same round.
    """

    name: str
    rates: tuple[float, ...]
    rate: float
    ratio: Estimate | None = None


class ServerLoad(Frozen):
    """The number of ``requests`` in a round, and how many of them are concurrent."""

    concurrency: int
    requests: int
    strategies: tuple[ServingStrategy, ...]


class ServedModel(Frozen):
    """One model under every load, the highest first.

    ``possible`` are the requests per second at the machine's limit, where it is known, and ``share`` is how much of
    that the best strategy reaches.
    """

    name: str
    possible: float | None = None
    share: float | None = None
    loads: tuple[ServerLoad, ...]


class Servers(Frozen):
    """A whole bench of servers, all with one engine: ``servers.json``."""

    schema_version: Literal[1] = 1
    manifest: Manifest
    engine: str
    rounds_asked: int
    seconds: float
    machine: Machine
    models: tuple[ServedModel, ...]
    bars: tuple[Reached, ...] = ()


class BesideOthers(Frozen):
    """An engine's requests per second, by round: alone, with threads that spin, and beside other busy models.

    ``shares`` are of the fair share, by how many others are busy: the rate beside n of them, n + 1 times, over that
    alone. ``cost`` is the rate alone over that with threads that spin. Both are medians over rounds.
    """

    name: str
    alone: tuple[float, ...]
    spinning: tuple[float, ...]
    beside: dict[str, tuple[float, ...]]
    shares: dict[str, Estimate]
    cost: Estimate


class Neighbours(Frozen):
    """A whole bench of busy neighbours: ``neighbours.json``.

    A rate is over ``requests`` requests or more, one after the other for ``least_seconds`` or longer, of at most
    ``tokens`` new tokens each.
    """

    schema_version: Literal[1] = 1
    manifest: Manifest
    rounds_asked: int
    requests: int
    least_seconds: float = 0.0
    tokens: int
    seconds: float
    engines: tuple[BesideOthers, ...]
    bars: tuple[Reached, ...] = ()
