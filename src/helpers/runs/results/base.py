"""What all results are built of: the base, what every page says, a group of dialogues, one way to answer, a stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate

#: What can be wrong with a summary, in the words of those who read it.
ErrorKind = Literal["role_swap", "number_date_binding", "contradiction", "omission", "invented", "other"]
#: What readers are told of each.
ERROR_LABELS: Mapping[str, str] = {
    "role_swap": "wrong actor",
    "number_date_binding": "number or date at the wrong thing",
    "contradiction": "the opposite is true",
    "omission": "the outcome is left out",
    "invented": "invented",
    "other": "something else",
}


class PageResult(Frozen):
    """What every page says: its number, why it measured nothing (if so), and what it asked.

    ``failure`` is the kind of failure with which the deployment stopped answering (``down_since``), or empty;
    ``stopped`` says why this page did not ask all it wanted to.
    """

    schema_version: Literal[1] = 1
    page: str
    reason: str = ""
    requests: int = 0
    seconds: float = 0.0
    failure: str = ""
    down_since: datetime | None = None
    stopped: str = ""


class Group(Frozen):
    """The part of the dialogues that shares a label, with its own estimates."""

    by: str
    label: str
    n: int
    estimates: dict[str, Estimate]


class ComparedResult(Frozen):
    """One way to answer; with a ``reason`` its speed was not measured, and the reason says how to get it.

    ``speedup`` is over the reference on the same dialogues. ``quality`` is the change of ROUGE-L, ``facts`` of key-fact
    recall and ``faithful`` of the share that passes the faithfulness checks; ``p_loss`` is the adjusted p-value of a
    loss beyond a margin in any of them. ``agreement`` is the share of recorded answers equal to the reference's; a
    ``quality_reason`` says why there are none. ``recorded_by`` are engine and precision that gave them, where known.
    """

    name: str
    reason: str = ""
    latency: Estimate | None = None
    speedup: Estimate | None = None
    quality_reason: str = ""
    recorded_by: str = ""
    rouge_l: Estimate | None = None
    quality: Paired | None = None
    facts: Paired | None = None
    faithful: Paired | None = None
    p_loss: float | None = None
    agreement: Estimate | None = None


class Streaming(Frozen):
    """Answers that came in events: ``requests`` of them, times in seconds, over dialogues or, under load, over repeats.

    ``first_token`` from send to the first content, ``inter_token`` from the first to the last generated text over the
    tokens that the server counted less one; ``longest_gap`` is the longest between two events of an answer.
    """

    requests: int
    first_token: Estimate | None = None
    inter_token: Estimate | None = None
    tokens_per_second: Estimate | None = None
    longest_gap: Estimate | None = None
    percentiles: dict[str, dict[str, Estimate]] = Field(default_factory=dict)
