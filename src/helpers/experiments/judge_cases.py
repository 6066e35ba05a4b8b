"""Summaries of known truth that a judge has to qualify by: planted errors, untouched references, and what was read.

The planted errors are those of ``data/planted_readings.jsonl``, each read and found false; where more are asked for,
further ones are planted in the bundled ``test`` references.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from helpers.core.paths import DATA
from helpers.core.text import json_lines
from helpers.experiments.sensitivity import HELD_OUT
from helpers.params import Samples
from helpers.params.files import load_params
from helpers.runs.results.judge import BOTH, Question
from helpers.runs.review_summary import QUESTIONS, by_dialogue, recorded_samples, recorded_summaries
from helpers.runs.reviews import SummaryReading, of_summaries, reading_lines, sha256
from helpers.runs.run import Run
from helpers.samples.dataset import Sample, load_samples
from helpers.scorers.planted import PlantedKind, plant

READINGS = DATA / "planted_readings.jsonl"
#: The references that the planted errors of `READINGS` were made of.
OF_READINGS = "bundled:train"
#: The demonstration model's recorded answers come with readings of some of them, which any judge is held to.
DEMONSTRATION = "demo"
SEED = 4


@dataclass(frozen=True)
class ToJudge:
    """One summary beside its dialogue, by the dialogue's id."""

    id: str
    dialogue: str
    summary: str


@dataclass(frozen=True)
class PlantedCase:
    """A summary that is false in one known way, or (``kind`` is ``None``) an untouched reference."""

    kind: PlantedKind | None
    text: ToJudge

    @property
    def name(self) -> str:
        """What a log calls it; the judge is not told."""
        return f"{self.kind or 'reference'}:{self.text.id}"


@dataclass(frozen=True)
class ReadCase:
    """A summary that readers judged: what most of them say to each question; where they are even, nothing."""

    text: ToJudge
    says: Mapping[Question, bool]
    made_by: tuple[str, ...]

    @property
    def name(self) -> str:
        """What a log calls it; the judge is not told."""
        return f"read:{self.text.id}:{sha256(self.text.summary)[:8]}"


def planted_cases(planted: int, references: int) -> list[PlantedCase]:
    """Return errors of each kind, at most one of a kind a dialogue, and references, at most one a dialogue.

    The references are those that the errors were made of, then others.
    """
    train = {one.id: one for one in load_samples(Samples(source=OF_READINGS))}
    test = _shuffled(load_samples(Samples(source=HELD_OUT)))
    errors = {kind: list(islice(_errors(kind, train, test), planted)) for kind in PlantedKind}
    true: dict[str, ToJudge] = {}
    for _, reference in (case for cases in errors.values() for case in cases):
        true.setdefault(reference.id, reference)
    for sample in test:
        true.setdefault(sample.id, ToJudge(sample.id, sample.dialogue, sample.references[0]))
    false = [PlantedCase(kind, text) for kind, cases in errors.items() for text, _ in cases]
    return [*false, *(PlantedCase(None, text) for text in list(true.values())[:references])]


def read_cases(run: Run, own: Sequence[ToJudge]) -> list[ReadCase]:
    """Return the summaries that readings speak of: the run's ``own``, recorded ones, and the demonstration's."""
    demo = load_params(DEMONSTRATION)
    sources = [(run.params.reviews, {one.id: one for one in own})]
    for params in (one for one in (run.params, demo) if one.reviews):
        dialogues = {sample.id: sample.dialogue for sample in recorded_samples(params) or run.samples}
        told = recorded_summaries(params)
        texts = {id: ToJudge(id, dialogues[id], summary) for id, summary in told.items() if id in dialogues}
        sources.append((params.reviews, texts))
    cases: dict[tuple[str, str], ReadCase] = {}
    for files, texts in sources:
        readings = [one for file in files for one in reading_lines(Path(file))]
        about = of_summaries(readings, {id: text.summary for id, text in texts.items()})
        for case in _read(about, texts):
            cases.setdefault((case.text.id, case.text.summary), case)
    return list(cases.values())


def _read(readings: Sequence[SummaryReading], texts: Mapping[str, ToJudge]) -> Iterator[ReadCase]:
    """Yield what readings say of texts, which they are about."""
    shares = {question: by_dialogue(readings, QUESTIONS[question]) for question in BOTH}
    for id in dict.fromkeys(one.id for one in readings):
        says = {question: share[id] > 0.5 for question, share in shares.items() if share[id] != 0.5}
        yield ReadCase(texts[id], says, tuple(sorted({one.made_by for one in readings if one.id == id})))


def _errors(
    kind: PlantedKind, train: Mapping[str, Sample], test: Sequence[Sample]
) -> Iterator[tuple[ToJudge, ToJudge]]:
    """Yield errors of a kind, each with the reference that it was made of: those that were read first."""
    for line in json_lines(READINGS.read_text(encoding="utf-8")):
        read = json.loads(line)
        if read["kind"] == kind and read["false"] and read["grammatical"]:
            sample = train[read["id"]]
            true = sample.references[read["reference"]]
            yield ToJudge(sample.id, sample.dialogue, read["text"]), ToJudge(sample.id, sample.dialogue, true)
    for sample in test:
        for place, true in enumerate(sample.references):
            error = plant(kind, f"{sample.id}/{place}", true, sample.dialogue)
            if error is not None:
                found = ToJudge(sample.id, sample.dialogue, error.false)
                yield found, ToJudge(sample.id, sample.dialogue, true)
                break


def _shuffled(samples: Sequence[Sample]) -> list[Sample]:
    found = list(samples)
    random.Random(SEED).shuffle(found)  # noqa: S311
    return found
