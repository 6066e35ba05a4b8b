"""What a judge says on page 02, and whether it may: it is shown errors of known kinds and what readers judged.

The figures are kept; whether it has qualified follows from them when a page is rendered.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import ErrorKind
from helpers.scorers.planted import PlantedKind
from helpers.scorers.sensitivity import ALARMS
from helpers.stats.intervals import Estimate

Question = Literal["faithful", "usable"]
#: The recording that a judge compares the run's summaries with.
Against = Literal["baseline", "untuned"]
BOTH: tuple[Question, ...] = ("faithful", "usable")
#: What a judge must be shown to see, and how much of each (lower end of the interval). These are the errors that
#: readers find in summaries of models: roles, numbers and dates, the opposite, the outcome left out. Where nine of ten
#: summaries are true, as the targets ask, a judge that sees seven of ten errors shows at most three points too much.
FLOOR = 0.7
MUST_SEE = dict.fromkeys(
    (
        PlantedKind.SPEAKERS_EXCHANGED,
        PlantedKind.NUMBER_MOVED,
        PlantedKind.DATE_MOVED,
        PlantedKind.NEGATED,
        PlantedKind.OUTCOME_OMITTED,
    ),
    FLOOR,
)


class JudgeSaid(Frozen):
    """One answer of a judge: about a summary, or which of two is better; one that is not as asked is no verdict."""

    malformed: bool = False
    faithful: bool | None = None
    usable: bool | None = None
    kind: ErrorKind | None = None
    words: str = ""
    better: Literal["first", "second", "neither"] | None = None

    def denies(self, question: Question) -> bool:
        """Whether it answers a question about a summary with no."""
        return getattr(self, question) is False


class JudgedSummary(Frozen):
    """What a judge says of one summary of the run; ``said`` is ``None`` where it gave no answer."""

    id: str
    said: JudgeSaid | None
    request: str | None = None


class JudgeTrial(Frozen):
    """What a judge says of texts whose truth is known: in which share of those it objects, malformed answers apart."""

    malformed: int
    objects: Estimate


class AgainstReaders(Frozen):
    """A judge beside readers, for one question: where it says no, of what they deny, and of what they affirm."""

    detection: Estimate
    alarms: Estimate


class JudgePreference(Frozen):
    """Which summaries a judge prefers, those of the run or recorded ones, each pair sent in both orders.

    ``equal`` dialogues have the same summary twice and are not sent. Only where both orders agree does a preference
    count: ``inconsistent`` pairs are of no use, and neither are ``malformed`` ones. ``wins`` counts a draw as half.
    """

    against: Against
    pairs: int
    equal: int
    inconsistent: int
    malformed: int
    consistent: Estimate
    wins: Estimate | None


class JudgeResult(Frozen):
    """All requests to a judge and its verdicts; with a ``reason`` none were sent.

    ``rubric`` is the hash of its prompt, ``stopped`` says why not every request was sent. ``shares`` are those of its
    verdicts, ``flagged`` counts what it denies among all answers, with malformed ones counted as affirming.
    """

    reason: str = ""
    model: str = ""
    rubric: str = ""
    requests: int = 0
    malformed: int = 0
    failed: int = 0
    stopped: str = ""
    planted: dict[PlantedKind, JudgeTrial] = Field(default_factory=dict)
    references: JudgeTrial | None = None
    read: dict[Question, AgainstReaders] = Field(default_factory=dict)
    read_by: tuple[str, ...] = ()
    summaries: tuple[JudgedSummary, ...] = ()
    shares: dict[Question, Estimate] = Field(default_factory=dict)
    flagged: dict[Question, Estimate] = Field(default_factory=dict)
    preference: JudgePreference | None = None

    @property
    def alarms_too_often(self) -> bool:
        """Whether its false alarms on untouched references are not shown to be at most one in twenty."""
        high = self.references.objects.high if self.references else None
        return high is None or high > ALARMS

    @property
    def unseen(self) -> tuple[PlantedKind, ...]:
        """The kinds of error that it must see and is not shown to see."""
        return tuple(kind for kind, floor in MUST_SEE.items() if not _above(self._detection(kind), floor))

    @property
    def unlike_readers(self) -> tuple[Question, ...]:
        """The questions in which it is not shown to see what readers see, or is shown to deny what they affirm."""
        return tuple(question for question in BOTH if not self._like_readers(question))

    @property
    def qualified(self) -> bool:
        """Whether its figures may speak against the summaries."""
        return not (self.reason or self.alarms_too_often or self.unseen or self.unlike_readers)

    def _detection(self, kind: PlantedKind) -> Estimate | None:
        return self.planted[kind].objects if kind in self.planted else None

    def _like_readers(self, question: Question) -> bool:
        found = self.read.get(question)
        if found is None or not _above(found.detection, FLOOR):
            return False
        # summaries that readers affirm are few: they do not show that alarms are rare, but may show that they are not
        return found.alarms.low is None or found.alarms.low <= ALARMS


def _above(estimate: Estimate | None, floor: float) -> bool:
    return estimate is not None and estimate.low is not None and estimate.low >= floor
