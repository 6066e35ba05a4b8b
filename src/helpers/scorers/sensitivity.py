"""What each metric and check would have noticed: its detection of planted errors, and its false alarms without any.

A true summary is a reference; a metric scores it, and what was made of it, against the other references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np

from helpers.core.model import Frozen
from helpers.scorers.faithfulness import FaithfulnessCheck, faithfulness
from helpers.scorers.nli import NLI
from helpers.scorers.planted import PlantedKind, plant
from helpers.scorers.rouge import METRICS
from helpers.scorers.scoring import score_sample
from helpers.scorers.semantic import BERTSCORE, SIMILARITY, Models, semantic_scores
from helpers.stats.intervals import Estimate, mean_rate

#: A kind of error is measured from this many cases on.
FEWEST = 100
#: The share of true summaries that may lie below the threshold that a metric is given.
ALARMS = 0.05
OUTPUT_CHECKS, ALL_CHECKS = "output_checks", "faithfulness_checks"


class Noticed(Frozen):
    """What one metric or check notices.

    A check alarms or not. A metric alarms below ``threshold``, which at most one in twenty true summaries lies below;
    ``ranked`` is how often it puts the false summary below the true one it was made of, ties half.
    """

    name: str
    sort: Literal["metric", "check"]
    threshold: float | None = None
    false_alarms: Estimate
    detection: dict[PlantedKind, Estimate]
    ranked: dict[PlantedKind, Estimate]


class ErrorSensitivity(Frozen):
    """The table of metrics and checks by kind of planted error; ``not_measured`` says what is not in it, and why."""

    source: str
    dialogues: int
    cases: dict[PlantedKind, int]
    rows: tuple[Noticed, ...]
    not_measured: dict[str, str]


@dataclass(frozen=True)
class TrueSummary:
    """A summary known to be true, its dialogue, the other references, and what it must say."""

    id: str
    text: str
    dialogue: str
    others: tuple[str, ...]
    key_facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Case:
    """A text with what measures it: ``kind`` is None where nothing was planted."""

    of: TrueSummary
    place: int
    kind: PlantedKind | None
    text: str
    scores: dict[str, float]


def true_summaries(
    samples: Iterable[tuple[str, str, Sequence[str], Sequence[str]]],
) -> list[TrueSummary]:
    """Return every reference as a true summary; ``samples`` are id, dialogue, references and key facts."""
    return [
        TrueSummary(id, text, dialogue, tuple(o for at, o in enumerate(references) if at != place), tuple(facts))
        for id, dialogue, references, facts in samples
        for place, text in enumerate(references)
    ]


def sensitivity(
    summaries: Sequence[TrueSummary], source: str, models: Models | None = None, fewest: int = FEWEST
) -> ErrorSensitivity:
    """Return what each metric and check notices of errors planted in true summaries.

    ``source`` says in words where these come from. Rates are averaged by dialogue first. The result is the same
    whenever it is computed.
    """
    cases = [case for place, one in enumerate(summaries) for case in _cases(place, one)]
    cases, missing = _with_models(cases, models or Models())
    counts = {kind: sum(case.kind is kind for case in cases) for kind in PlantedKind}
    measured = [kind for kind in PlantedKind if counts[kind] >= fewest]
    missing |= {
        kind: f"{counts[kind]} cases, and a rate takes {fewest}" for kind in PlantedKind if kind not in measured
    }
    rows = []
    for name in (*METRICS, "key_fact_recall", SIMILARITY, BERTSCORE, NLI):
        scored = [case for case in cases if name in case.scores]
        if scored:
            rows.append(_metric(name, scored, measured))
        elif name not in missing:
            missing[name] = "a summary is scored against another reference, and no dialogue has two"
    checks = (OUTPUT_CHECKS, ALL_CHECKS, *FaithfulnessCheck)
    rows += [_check(name, cases, measured) for name in checks] if cases else []
    return ErrorSensitivity(
        source=source,
        dialogues=len({one.id for one in summaries}),
        cases=counts,
        rows=tuple(rows),
        not_measured=missing,
    )


def _cases(place: int, one: TrueSummary) -> Iterable[_Case]:
    yield _Case(one, place, None, one.text, _scores(one, one.text))
    for kind in PlantedKind:
        planted = plant(kind, f"{one.id}/{place}", one.text, one.dialogue)
        if planted:
            yield _Case(one, place, kind, planted.false, _scores(one, planted.false))


def _scores(one: TrueSummary, text: str) -> dict[str, float]:
    """Return the metrics of a text and, for each check, 1.0 where it alarms."""
    score = score_sample(one.id, text, one.others or (one.text,), one.dialogue, one.key_facts)
    found = {name: float(getattr(score, name)) for name in METRICS} if one.others else {}
    if score.key_fact_recall is not None:
        found["key_fact_recall"] = score.key_fact_recall
    objections = {objection.check for objection in faithfulness(text, one.dialogue)}
    return {
        **found,
        OUTPUT_CHECKS: float(bool(score.failures)),
        ALL_CHECKS: float(bool(objections)),
        **{check: float(check in objections) for check in FaithfulnessCheck},
    }


def _with_models(cases: Sequence[_Case], models: Models) -> tuple[list[_Case], dict[str, str]]:
    """Return the cases with the scores that models give, and why others are missing."""
    scorable = [case for case in cases if case.of.others]
    meant = semantic_scores(
        [case.text for case in scorable],
        [case.of.others for case in scorable],
        models,
        [case.of.dialogue for case in scorable],
    )
    for name, values in meant.values.items():
        for case, value in zip(scorable, values, strict=True):
            case.scores[name] = value
    return list(cases), dict(meant.not_measured)


def _metric(name: str, cases: Sequence[_Case], kinds: Sequence[PlantedKind]) -> Noticed:
    true = {case.place: case.scores[name] for case in cases if case.kind is None}
    # the largest threshold below which no more than ALARMS of the true ones lie
    threshold = float(np.quantile(list(true.values()), ALARMS, method="lower"))
    ranks = {1: 1.0, 0: 0.5, -1: 0.0}
    return Noticed(
        name=name,
        sort="metric",
        threshold=threshold,
        false_alarms=_rate(cases, None, lambda case: float(case.scores[name] < threshold)),
        detection={kind: _rate(cases, kind, lambda case: float(case.scores[name] < threshold)) for kind in kinds},
        ranked={
            kind: _rate(cases, kind, lambda case: ranks[int(np.sign(true[case.place] - case.scores[name]))])
            for kind in kinds
        },
    )


def _check(name: str, cases: Sequence[_Case], kinds: Sequence[PlantedKind]) -> Noticed:
    return Noticed(
        name=name,
        sort="check",
        false_alarms=_rate(cases, None, lambda case: case.scores[name]),
        detection={kind: _rate(cases, kind, lambda case: case.scores[name]) for kind in kinds},
        ranked={},
    )


def _rate(cases: Sequence[_Case], kind: PlantedKind | None, of: Callable[[_Case], float]) -> Estimate:
    """Return the rate over the cases of a kind, those of one dialogue averaged first."""
    by_dialogue: dict[str, list[float]] = {}
    for case in cases:
        if case.kind is kind:
            by_dialogue.setdefault(case.of.id, []).append(of(case))
    found = [fmean(values) for values in by_dialogue.values()]
    return mean_rate(found, requests=sum(map(len, by_dialogue.values())))
