"""Page 05: what was measured at each rate, and what the models say. Seconds, requests per second."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import PageResult, Streaming
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate

#: What a run of load says of a service, by all its symptoms; "sent too late" is about the machine that sends.
LoadVerdict = Literal[
    "keeps up",
    "too slow",
    "sent too late",
    "saturated",
    "failing",
    "stopped answering",
    "too few requests",
    "closed loop",
]


class ServerFigures(Frozen):
    """What a server said of itself in some ``looks``: requests that it computed and that waited, mean and most.

    ``cache_use`` is the highest share of its cache in use, ``gpu_use`` the mean share of the GPU's time, both 0 to 1;
    ``input_rate`` and ``output_rate`` are tokens per second, as it counts them.
    """

    looks: int
    running: float | None = None
    most_running: float | None = None
    queue: float | None = None
    most_queue: float | None = None
    cache_use: float | None = None
    gpu_use: float | None = None
    input_rate: float | None = None
    output_rate: float | None = None


class LoadPoint(Frozen):
    """One rate of the sweep: intervals are across its independent repeats, ``requests`` counts all of them.

    ``utilisation`` is the share of time the server is asked for. ``predicted`` is the steady state of M/G/1 (``None``
    where there is none), ``predicted_here`` the mean of this very schedule played through one server. Throughput and
    goodput are over the planned seconds. ``saturated`` is whether it did not keep up, for whatever reason;
    ``messages`` has one of each kind of error, ``server`` what the server said of itself meanwhile. ``cached`` answers
    were taken from the server's cache of prompts; ``streaming`` has none of them.
    """

    rate: float
    utilisation: float
    requests: int
    errors: dict[str, int]
    saturated: bool | None
    verdict: LoadVerdict
    messages: dict[str, str] = Field(default_factory=dict)
    throughput: Estimate
    goodput: float
    response: Estimate | None
    p95: Estimate | None
    dispatch_p99: float | None
    predicted: float | None
    predicted_here: float
    cached: int = 0
    streaming: Streaming | None = None
    server: ServerFigures | None = None


class AnswersUnderLoad(Frozen):
    """Answers of all rates beside those of page 02 to the same dialogues; with a ``reason`` nothing was compared.

    ``equal`` is the share that is the answer alone word for word (``None``: no text is kept), ``rouge_l`` and ``facts``
    are mean differences over dialogues, under load minus alone. ``marked``: prompts began with a mark of their own, as
    those of page 02 do not.
    """

    reason: str = ""
    answers: int = 0
    dialogues: int = 0
    equal: Estimate | None = None
    rouge_l: Paired | None = None
    facts: Paired | None = None
    marked: bool = False


class Predicted(Frozen):
    """Mean (Pollaczek–Khinchine) and p95 (simulated) response time of one replica at a rate."""

    rate: float
    utilisation: float
    response: float
    p95: float


class Assumption(Frozen):
    """A published rate, and the utilisation of the configured replicas at it."""

    name: str
    rate: float
    per_hour: float
    replicas: int
    utilisation: Estimate
    response: float | None


class Sizing(Frozen):
    """The fewest replicas that sustain a rate with p95 within the target, or ``None`` where no number of them does."""

    rate: float
    per_hour: float
    replicas: int | None
    utilisation: float | None
    response: float | None
    p95: float | None


class Strategy(Frozen):
    """A strategy on one traffic trace, simulated from measured service times, or why it was not measured.

    That of batching has no trace: what was measured of it is kept apart.

    ``requests`` over ``hours`` are billed as ``billed_hours`` of one replica; ``cold_starts`` counts requests that
    found no replica running.
    """

    name: Literal["always on", "quantization", "batching", "caching", "autoscaling", "scale to zero", "spot"]
    trace: str = ""
    reason: str = ""
    requests: int = 0
    hours: float = 0.0
    billed_hours: float | None = None
    mean: float | None = None
    p95: float | None = None
    cold_starts: int | None = None
    interruptions: int | None = None
    most_replicas: int | None = None


class BatchingGain(Frozen):
    """The same ``requests`` in a closed loop, one at a time and in batches of ``max_batch`` inputs at most.

    ``one_at_a_time`` and ``in_batches`` are successes per second over all ``rounds``, ``ratio`` is theirs, ``lowest``
    and ``highest`` are those of single rounds. ``failed`` counts both ways; ``max_wait`` is in seconds.
    """

    concurrency: int
    rounds: int
    requests: int
    failed: int
    max_batch: int
    max_wait: float
    one_at_a_time: float
    in_batches: float
    ratio: float
    lowest: float
    highest: float


class Assumed(Frozen):
    """What the predictions rest on, as it is shown beside them."""

    target_p95: float
    cold_start: float | None
    repeat_rate: float
    max_replicas: int
    idle_minutes: float
    spot_hours: float


class LoadFields(Frozen):
    """What page 05 adds to a page's result; ``no_sweep`` says why nothing was sent.

    ``no_server_figures`` says why a server that was sent load is not known to have said anything of itself.
    ``service`` is the mean service time over dialogues, without the round trip ``trip``; ``scv`` the squared
    coefficient of variation of single services.
    """

    no_sweep: str = ""
    service: Estimate | None = None
    services: int = 0
    scv: float | None = None
    trip: float | None = None
    points: tuple[LoadPoint, ...] = ()
    answers: AnswersUnderLoad | None = None
    no_server_figures: str = ""
    curve: tuple[Predicted, ...] = ()
    highest_rate: Estimate | None = None
    knee: float | None = None
    predicted_highest: Predicted | None = None
    predicted_knee: Predicted | None = None
    assumptions: tuple[Assumption, ...] = ()
    sizing: tuple[Sizing, ...] = ()
    strategies: tuple[Strategy, ...] = Field(default=())
    batching: BatchingGain | None = None
    assumed: Assumed | None = None


class LoadCapacity(PageResult, LoadFields):
    """Page 05: what load was held, what the queueing models predict, and what five strategies would change."""
