"""Part of page 02: the answers to dialogues with a harmless change beside those to the same dialogues as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from pydantic import Field

from helpers.core.model import Frozen
from helpers.params.samples import Change
from helpers.runs.request_log import Record
from helpers.scorers.faithfulness import FaithfulnessCheck
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate

#: What the log calls requests for changed dialogues.
VARIANTS: Mapping[Change, str] = {change: f"changed: {change}" for change in get_args(Change)}


def asks_changed(record: Record) -> bool:
    """Whether a request was for a changed dialogue, which is another text than that of its id."""
    return record.variant in VARIANTS.values()


class ChangedAnswer(Frozen):
    """The answer to one changed dialogue, names mapped back, compared with the unchanged dialogue and references.

    ``equal``: it is word for word the answer to the unchanged dialogue; ``None`` where that one's text is not kept.
    ``flags`` are the faithfulness checks that find something in it.
    """

    id: str
    request: str
    equal: bool | None = None
    rouge_l: float | None = None
    key_fact_recall: float | None = None
    flags: tuple[FaithfulnessCheck, ...] = ()


class UnderChange(Frozen):
    """What one change does to the answers; differences of scores from 0 to 1, changed minus unchanged, over dialogues.

    ``not_applied`` counts dialogues by why the change does not apply to them, ``failed`` requests without an answer.
    ``new_flags`` is the share of answers in which a judged check finds something that it does not find in the unchanged
    one. The p-values of a score are adjusted over all changes.
    """

    change: Change
    not_applied: dict[str, int] = Field(default_factory=dict)
    answered: int = 0
    failed: int = 0
    answers: tuple[ChangedAnswer, ...] = ()
    rouge_l: Paired | None = None
    key_fact_recall: Paired | None = None
    equal: Estimate | None = None
    new_flags: Estimate | None = None


class RobustnessEval(Frozen):
    """Answers under harmless changes of ``dialogues`` dialogues; with a ``reason`` no request was sent."""

    reason: str = ""
    dialogues: int = 0
    changes: tuple[UnderChange, ...] = ()
