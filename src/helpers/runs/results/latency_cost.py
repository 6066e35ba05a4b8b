"""Page 03: service times, tokens and reliability, and the other settings. Seconds; rates from 0 to 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import ComparedResult, Group, PageResult, Streaming
from helpers.stats.intervals import Estimate


class SettingResult(ComparedResult):
    """One setting of page 03, with how many requests it was sent and how many of them ``failed``.

    ``cached`` were answered from the server's prompt cache, and count for no setting.
    """

    requests: int = 0
    failed: int = 0
    cached: int = 0
    output_tokens: Estimate | None = None


class SettingsSweep(Frozen):
    """Other settings of the deployment, the first one its own; with a ``reason`` none was tried."""

    reason: str = ""
    dialogues: int = 0
    rounds: int = 0
    settings: tuple[SettingResult, ...] = ()


class Repeatability(Frozen):
    """Whether requests that were sent again as they were got the same answer; with a ``reason`` none was compared.

    ``requests`` with the same text and settings, over ``texts``; the ``different`` ones, by name in ``differing``, got
    several answers.
    """

    reason: str = ""
    texts: int = 0
    requests: int = 0
    different: int = 0
    differing: tuple[str, ...] = ()


class CachedAnswers(Frozen):
    """What the server does with a prompt that it has seen, and the answers that left the steady state for it.

    ``found`` is as in `helpers.runs.prompt_cache.PromptCache`, empty for a protocol without prompts; ``handled`` is how
    prompts were sent again. ``tokens`` is the mean of what was taken from the cache.
    """

    found: Literal["", "reused", "not reused", "not told"] = ""
    handled: Literal["allowed", "cache_prompt", "cache_salt", "distinct"] = "allowed"
    requests: int = 0
    tokens: float | None = None
    mean: Estimate | None = None


class DialogueOutcome(Frozen):
    """The outcome of one dialogue's requests of the steady state: one value of each kind per dialogue.

    ``answered`` of ``requests`` after ``attempts``, of which ``failed`` ones. ``service_time`` (seconds) and
    ``tokens``, read and written, are means over its answers, and so are the times of those that came in events.
    """

    id: str
    requests: int
    answered: int
    attempts: int
    failed: int
    service_time: float | None = None
    tokens: float | None = None
    first_token: float | None = None
    inter_token: float | None = None


class Timed(Frozen):
    """The service times of one dialogue, seconds, one per repeat."""

    id: str
    domain: str | None
    length: str | None
    truncated: bool | None
    mean: float
    times: tuple[float, ...]
    requests: tuple[str, ...]


class LatencyCost(PageResult):
    """Page 03: service times, rates and tokens of the steady state; costs follow from them when rendering.

    ``outcomes`` are in the order in which dialogues were first sent. ``peak_memory_bytes`` is that of a server on this
    machine, so far. ``sweep`` holds other settings, tried afterwards; their requests count nowhere else. ``tokens_by``
    says who counted the tokens: ``text`` if any count was made from a text.
    """

    mean: Estimate | None = None
    percentiles: dict[str, Estimate] = Field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    dialogues: tuple[Timed, ...] = ()
    outcomes: tuple[DialogueOutcome, ...] = ()
    success_rate: Estimate | None = None
    error_rate: Estimate | None = None
    errors: dict[str, int] = Field(default_factory=dict)
    tokens_per_request: Estimate | None = None
    input_tokens: Estimate | None = None
    output_tokens: Estimate | None = None
    tokens_by: Literal["server", "text"] = "server"
    lost_tokens: int | None = None
    truncated: int | None = None
    repeatability: Repeatability = Repeatability(reason="not compared")
    cached: CachedAnswers = CachedAnswers()
    streaming: Streaming | None = None
    busy_seconds: float = 0.0
    run_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    sweep: SettingsSweep = SettingsSweep(reason="other settings were not part of this run")
