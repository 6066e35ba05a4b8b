"""What readers say of a system: shares with intervals, which of two they prefer, and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pydantic import Field

from helpers.core.model import Frozen
from helpers.params import Params
from helpers.runs.reviews import Preference, SummaryReading, of_summaries, read_ratings, reading_lines
from helpers.runs.run import Run
from helpers.samples.dataset import Sample, load_samples
from helpers.samples.recorded import read_recorded
from helpers.stats.agreement import RaterAgreement, rater_agreement
from helpers.stats.intervals import Estimate, mean, mean_rate

QUESTIONS: dict[str, Callable[[SummaryReading], bool | None]] = {
    "usable": lambda one: one.usable,
    "faithful": lambda one: one.faithful,
    "complete": lambda one: one.complete,
}
#: Lengths in their natural order; other labels are sorted by name.
LENGTHS = ("short", "medium", "long", "very-long")
_WINS = {"first": 1.0, "neither": 0.5, "second": 0.0}


class ReaderSummary(Frozen):
    """What one reader says, who is known by a number."""

    reader: str
    made_by: str
    n: int
    shares: dict[str, Estimate]


class ReadGroup(Frozen):
    """The dialogues that share a label, and which share of their summaries readers find usable and faithful."""

    by: str
    label: str
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
    groups: tuple[ReadGroup, ...] = ()
    against: str = ""
    wins: Estimate | None = None


@dataclass(frozen=True)
class ReadSummaries:
    """The readings that speak for a run: of its own summaries, or of ``recorded`` ones of the model it runs."""

    readings: tuple[SummaryReading, ...]
    preferences: tuple[Preference, ...]
    labels: Mapping[str, tuple[str | None, str | None]]
    recorded: bool

    @property
    def summary(self) -> ReviewSummary:
        """What the readers say together, by length and domain too."""
        return summarise_review(self.readings, self.preferences, self.labels)


def read_summaries(run: Run) -> ReadSummaries | None:
    """Return the readings of a run's summaries or else of recorded ones; ``None`` where nobody read any."""
    ratings = read_ratings(run.directory)
    given = [*ratings.readings, *(one for file in run.params.reviews for one in reading_lines(Path(file)))]
    if not given:
        return None
    scored = run.results("02").sample_eval
    own = {row.id: row.summary for row in scored.samples if row.summary is not None} if scored else {}
    found = of_summaries(given, own)
    if found:
        labels = {row.id: (row.length, row.domain) for row in scored.samples} if scored else {}
        return ReadSummaries(found, ratings.preferences, labels, recorded=False)
    found = of_summaries(given, recorded_summaries(run.params))
    return ReadSummaries(found, (), _labels_of_recorded(run), recorded=True) if found else None


def recorded_summaries(params: Params) -> dict[str, str]:
    """Return the recorded answers of the model that parameters name."""
    replay, baseline = params.replay, params.baseline.predictions
    file, id, column = (
        (replay.predictions, replay.id, replay.prediction) if replay else (baseline or "", "id", "prediction")
    )
    answers = read_recorded(file, id=id, prediction=column) if file and Path(file).is_file() else ()
    return {one.id: one.summary for one in answers if one.summary is not None}


def _labels_of_recorded(run: Run) -> dict[str, tuple[str | None, str | None]]:
    return {one.id: (one.length, one.domain) for one in recorded_samples(run.params) or run.samples}


def recorded_samples(params: Params) -> tuple[Sample, ...]:
    """Return the dialogues of the recorded answers, where they are others than those of the run."""
    source = params.baseline.samples
    return load_samples(params.samples.model_copy(update={"source": source, "n": None})) if source else ()


def summarise_review(
    readings: Sequence[SummaryReading],
    preferences: Sequence[Preference] = (),
    labels: Mapping[str, tuple[str | None, str | None]] | None = None,
) -> ReviewSummary:
    """Return what readings and preferences say together; ``labels`` are length and domain by dialogue."""
    readers = list(dict.fromkeys(one.reader for one in readings))
    found = {
        name: rater_agreement(_labels(readings, question)) for name, question in QUESTIONS.items() if len(readers) > 1
    }
    kinds = Counter(kind for kind, _ in dict.fromkeys((kind, one.id) for one in readings for kind in one.kinds))
    return ReviewSummary(
        dialogues=len({one.id for one in readings}),
        readers=tuple(_reader(name, [one for one in readings if one.reader == name]) for name in readers),
        made_by=tuple(dict.fromkeys(one.made_by for one in readings)),
        shares=_shares(readings),
        kinds=dict(kinds.most_common()),
        agreement={name: one for name, one in found.items() if one is not None},
        groups=tuple(_groups(readings, labels or {})),
        against=preferences[0].against if preferences else "",
        wins=_wins(preferences),
    )


def by_dialogue(
    readings: Iterable[SummaryReading], question: Callable[[SummaryReading], bool | None]
) -> dict[str, float]:
    """Return by dialogue which share of its readers answers a question with yes."""
    answers: dict[str, list[float]] = {}
    for one in readings:
        said = question(one)
        if said is not None:
            answers.setdefault(one.id, []).append(float(said))
    return {id: fmean(values) for id, values in answers.items()}


def _groups(
    readings: Sequence[SummaryReading], labels: Mapping[str, tuple[str | None, str | None]]
) -> Iterator[ReadGroup]:
    for place, by in enumerate(("length", "domain")):
        parts: dict[str, list[SummaryReading]] = {}
        for one in readings:
            label = labels.get(one.id, (None, None))[place]
            if label is not None:
                parts.setdefault(label, []).append(one)
        for label in sorted(parts, key=lambda name: (LENGTHS.index(name) if name in LENGTHS else -1, name)):
            part = parts[label]
            yield ReadGroup(by=by, label=label, n=len({one.id for one in part}), shares=_shares(part))


def _shares(readings: Sequence[SummaryReading]) -> dict[str, Estimate]:
    found = {name: list(by_dialogue(readings, question).values()) for name, question in QUESTIONS.items()}
    return {name: mean_rate(values, requests=len(readings)) for name, values in found.items() if values}


def _reader(name: str, readings: Sequence[SummaryReading]) -> ReaderSummary:
    return ReaderSummary(reader=name, made_by=readings[0].made_by, n=len(readings), shares=_shares(readings))


def _labels(
    readings: Sequence[SummaryReading], question: Callable[[SummaryReading], bool | None]
) -> dict[str, dict[str, str]]:
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
