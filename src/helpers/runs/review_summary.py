"""What readers say of a system: shares with intervals, which of two they prefer, and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.reviews import Preference, Reading
from helpers.stats.agreement import RaterAgreement, rater_agreement
from helpers.stats.intervals import Estimate, mean, mean_rate

QUESTIONS: dict[str, Callable[[Reading], bool | None]] = {
    "usable": lambda one: one.usable,
    "faithful": lambda one: one.faithful,
    "complete": lambda one: one.complete,
}
_WINS = {"first": 1.0, "neither": 0.5, "second": 0.0}


class ReaderSummary(Frozen):
    """What one reader says, who is known by a number."""

    reader: str
    made_by: str
    n: int
    shares: dict[str, Estimate]


class ReviewSummary(Frozen):
    """What all readers say; shares are over dialogues, the readers of one averaged first.

    ``kinds`` counts the dialogues in which a reader found an error of the kind. ``wins`` is the share of dialogues in
    which the first system is preferred, a draw counted half: its paired interval tells from one half or does not.
    """

    dialogues: int
    readers: tuple[ReaderSummary, ...]
    made_by: tuple[str, ...]
    shares: dict[str, Estimate] = Field(default_factory=dict)
    kinds: dict[str, int] = Field(default_factory=dict)
    agreement: dict[str, RaterAgreement] = Field(default_factory=dict)
    against: str = ""
    wins: Estimate | None = None


def summarise_review(readings: Sequence[Reading], preferences: Sequence[Preference] = ()) -> ReviewSummary:
    """Return what readings and preferences say together."""
    readers = list(dict.fromkeys(one.reader for one in readings))
    found = {
        name: rater_agreement(_labels(readings, question)) for name, question in QUESTIONS.items() if len(readers) > 1
    }
    kinds = Counter(kind for kind, _ in {(kind, one.id) for one in readings for kind in one.kinds})
    return ReviewSummary(
        dialogues=len({one.id for one in readings}),
        readers=tuple(_reader(name, [one for one in readings if one.reader == name]) for name in readers),
        made_by=tuple(dict.fromkeys(one.made_by for one in readings)),
        shares=_shares(readings),
        kinds=dict(kinds.most_common()),
        agreement={name: one for name, one in found.items() if one is not None},
        against=preferences[0].against if preferences else "",
        wins=_wins(preferences),
    )


def by_dialogue(readings: Iterable[Reading], question: Callable[[Reading], bool | None]) -> dict[str, float]:
    """Return by dialogue which share of its readers answers a question with yes."""
    answers: dict[str, list[float]] = {}
    for one in readings:
        said = question(one)
        if said is not None:
            answers.setdefault(one.id, []).append(float(said))
    return {id: fmean(values) for id, values in answers.items()}


def _shares(readings: Sequence[Reading]) -> dict[str, Estimate]:
    found = {name: list(by_dialogue(readings, question).values()) for name, question in QUESTIONS.items()}
    return {name: mean_rate(values, requests=len(readings)) for name, values in found.items() if values}


def _reader(name: str, readings: Sequence[Reading]) -> ReaderSummary:
    return ReaderSummary(reader=name, made_by=readings[0].made_by, n=len(readings), shares=_shares(readings))


def _labels(readings: Sequence[Reading], question: Callable[[Reading], bool | None]) -> dict[str, dict[str, str]]:
    labels: dict[str, dict[str, str]] = {}
    for one in readings:
        said = question(one)
        if said is not None:
            labels.setdefault(one.id, {})[one.reader] = "yes" if said else "no"
    return labels


def _wins(preferences: Sequence[Preference]) -> Estimate | None:
    by_id: dict[str, list[float]] = {}
    for one in preferences:
        by_id.setdefault(one.id, []).append(_WINS[one.better])
    return mean([fmean(values) for values in by_id.values()], floor=0.0, ceiling=1.0) if by_id else None
