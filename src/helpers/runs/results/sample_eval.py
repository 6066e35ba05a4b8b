"""Page 02: scores by dialogue and group, and recorded predictions beside each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import Group, PageResult
from helpers.runs.results.judge import JudgeResult
from helpers.runs.results.robustness import RobustnessEval
from helpers.scorers import Agreement
from helpers.scorers.faithfulness import FaithfulnessCheck, Objection
from helpers.scorers.sensitivity import ErrorSensitivity
from helpers.stats.comparison import Paired
from helpers.stats.intervals import Estimate

#: The recording that targets call the untuned base.
UNTUNED = "base, with examples"


class Scored(Frozen):
    """One dialogue with its summary and scores; texts follow the privacy setting."""

    id: str
    domain: str | None
    length: str | None
    truncated: bool | None
    dialogue: str
    references: tuple[str, ...]
    summary: str | None
    scores: dict[str, float]
    facts_missed: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    lost_tokens: int | None = None
    tokens_by: Literal["server", "text"] = "server"
    request: str | None = None


class Recording(Frozen):
    """Recorded predictions of one system, and by how much the first system in the list is better (``gains``).

    ``decoding`` is in words, ``''`` where the recording has no manifest. ``agreement`` is that of the first system.
    ``rouge_l_gains`` are by dialogue.
    """

    name: str
    n: int
    decoding: str = ""
    estimates: dict[str, Estimate]
    groups: tuple[Group, ...]
    gains: dict[str, Paired]
    rouge_l_gains: dict[str, float] = Field(default_factory=dict)
    agreement: dict[str, Agreement] = Field(default_factory=dict)


class Checked(Frozen):
    """What a faithfulness check finds in the answers; only where it is ``judged`` may it speak against them."""

    check: FaithfulnessCheck
    judged: bool
    found: int
    rate: Estimate


class SampleEval(PageResult):
    """Page 02: scores by metric, by group and by dialogue, and the comparisons with recorded predictions.

    ``rouge_score_sees`` is the share of letters and digits that the tokeniser of `rouge_score` sees, ``replaced``
    counts characters of answers that were replaced because nothing may show them. ``not_measured`` names the scores
    that could not be had, each with the reason. The ``differences`` behind a comparison are by dialogue, in the order
    asked. ``baseline_is_own``: the baseline was recorded of this very system, of whose answers ``baseline_equal`` are
    the recorded ones word for word.
    ``flagged`` is the share in which a judged check finds something, ``sensitivity`` what the measures notice of
    planted errors, ``robustness`` what harmless changes of the dialogues do to the answers, where that was asked for.
    ``judge`` is what a judge says, where one is named.
    """

    signature: str = ""
    rouge_score_sees: float | None = None
    replaced: int = 0
    asked: int = 0
    answered: int = 0
    scores: dict[str, Estimate] = Field(default_factory=dict)
    agreement: dict[str, Agreement] = Field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    samples: tuple[Scored, ...] = ()
    not_measured: dict[str, str] = Field(default_factory=dict)
    failures: dict[str, int] = Field(default_factory=dict)
    output_failure_rate: Estimate | None = None
    checks: tuple[Checked, ...] = ()
    flagged: Estimate | None = None
    sensitivity: ErrorSensitivity | None = None
    baseline: Paired | None = None
    baseline_note: str = ""
    baseline_is_own: bool = False
    baseline_equal: int = 0
    baseline_differences: dict[str, float] = Field(default_factory=dict)
    untuned: Paired | None = None
    untuned_note: str = ""
    untuned_differences: dict[str, float] = Field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()
    robustness: RobustnessEval | None = None
    judge: JudgeResult | None = None

    @property
    def is_regression_check(self) -> bool:
        """Whether all answers are those recorded of the same system: that they are equal says nothing of quality."""
        return self.baseline_is_own and self.baseline is not None and self.baseline_equal == self.baseline.n

    @property
    def is_told_by_recordings(self) -> bool:
        """Whether recorded answers of this very system say what its summaries are worth, on more dialogues."""
        return self.is_regression_check and bool(self.recordings)
