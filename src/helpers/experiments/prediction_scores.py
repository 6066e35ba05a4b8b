"""The scores of a file of predictions: with intervals, by group, beside a baseline, and row by row."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from pydantic import Field

from helpers.core.model import Frozen
from helpers.core.paths import DATA
from helpers.runs.results.sample_eval import Scored
from helpers.samples.intake import Intake
from helpers.samples.predictions import Prediction, PredictionFile
from helpers.scorers import NEED_DIALOGUE, OutputFailure, signature
from helpers.scorers.aggregate import MEASURES, Scores, aggregate, compare
from helpers.scorers.bulk import BoolArray, ScoredPair, ScoreTable, score_pairs
from helpers.scorers.semantic import Models, Semantics, semantic_scores
from helpers.scorers.sensitivity import ErrorSensitivity
from helpers.scorers.words import Tokenizer
from helpers.stats.comparison import Paired

#: Predictions that are named of each kind of failure.
MOST_NAMED = 5
#: A small file that comes with the package: two systems, up to two references a row, groups and key facts.
EXAMPLE = DATA / "example_predictions.csv"


class Tokenized(Frozen):
    """How texts were split into words, and the share of their letters and digits that `rouge_score` alone sees."""

    name: Tokenizer
    rouge_score_sees: float

    @classmethod
    def of(cls, name: Tokenizer, table: ScoreTable) -> Tokenized:
        """Return what a table tells of its texts."""
        seen, letters = (table.column(column) for column in ("seen", "letters"))
        assert seen is not None, "a column of every table"
        assert letters is not None, "a column of every table"
        total = float(letters.sum())
        return cls(name=name, rouge_score_sees=float(seen.sum()) / total if total else 1.0)


class ScoreReport(Scores):
    """What ``helpers score --json`` writes; failures hold the kinds that could be judged, ``input`` the rows read.

    ``failing`` names the first `MOST_NAMED` predictions of each kind of failure.
    """

    signature: str
    tokenizer: Tokenized
    input: Intake
    failing: dict[OutputFailure, tuple[str, ...]] = Field(default_factory=dict)
    groups: dict[str, Scores]
    baseline: Scores | None
    paired: dict[str, Paired]
    not_measured: dict[str, str]
    sensitivity: ErrorSensitivity | None = None


@dataclass
class ScoredFile:
    """The scores of a file: a table for each system, the predictions first, and what was counted beside them."""

    tables: tuple[ScoreTable, ...]
    groups: dict[str, int] = field(default_factory=dict)
    group: array[int] = field(default_factory=lambda: array("l"))
    references: set[int] = field(default_factory=set)


def score_file(file: PredictionFile, processes: int, scored: Callable[[int], object]) -> ScoredFile:
    """Return the scores of all rows that can be used; ``scored`` is told of each chunk how many it has.

    Raises `SamplesError` as the file does, or when no row can be used.
    """
    both = file.columns.baseline is not None
    found = ScoredFile(tuple(ScoreTable() for _ in range(2 if both else 1)))

    def pairs() -> Iterator[ScoredPair]:
        for row in file.rows():
            found.references.add(len(row.references))
            if row.group is not None:
                found.group.append(found.groups.setdefault(row.group, len(found.groups)))
            summaries = (row.summary, row.baseline) if both else (row.summary,)
            yield ScoredPair(summaries, row.references, row.dialogue, row.key_facts)

    for chunk in score_pairs(pairs(), processes, file.tokenizer):
        for table, rows in zip(found.tables, chunk, strict=True):
            table.add(rows)
        scored(chunk.shape[1])
    file.counting.done()
    return found


def add_meaning(scored: ScoredFile, file: PredictionFile, models: Models) -> Semantics:
    """Add the scores by meaning to the tables, where models are given; these hold all texts in memory."""
    meant = Semantics({}, {}, "")
    for place, table in enumerate(scored.tables):
        rows = list(file.rows()) if models.embedding or models.bertscore or models.nli else []
        summaries = [row.baseline if place else row.summary for row in rows]
        meant = semantic_scores(
            summaries, [row.references for row in rows], models, [row.dialogue for row in rows] if models.nli else None
        )
        for name, values in meant.values.items():
            table.add_column(name, values)
    return meant


def summarise(scored: ScoredFile, file: PredictionFile, meant: Semantics, *, seed: int = 0) -> ScoreReport:
    """Return the report over the scores of all rows and of the baseline (or none)."""
    columns, (table, *others) = file.columns, scored.tables
    not_measured = {}
    if columns.dialogue is None:
        unread = ("compression", "novel_unigrams", "novel_bigrams", *NEED_DIALOGUE)
        not_measured = dict.fromkeys(map(str, unread), "no --dialogue column")
    if columns.key_facts is None:
        not_measured["key_fact_recall"] = "no --key-facts column"
    not_measured |= meant.not_measured

    def means(of: ScoreTable, rows: BoolArray | None = None) -> Scores:
        found = aggregate(of, rows)
        judged = {kind: count for kind, count in found.failures.items() if kind not in not_measured}
        return found.model_copy(update={"failures": judged})

    total, group = means(table), np.array(scored.group, dtype=np.int64)
    recipe = signature(scored.references, total.metrics["rouge1"].method, file.tokenizer)
    return ScoreReport(
        **dict(total),
        failing=_failing(table, file, total),
        signature="|".join(filter(None, [recipe, meant.signature])),
        tokenizer=Tokenized.of(file.tokenizer, table),
        groups={name: means(table, group == scored.groups[name]) for name in sorted(scored.groups)},
        baseline=means(others[0]) if others else None,
        paired=compare(table, others[0], seed=seed) if others else {},
        not_measured=not_measured,
        input=file.counting.done(),
    )


def _failing(table: ScoreTable, file: PredictionFile, total: Scores) -> dict[OutputFailure, tuple[str, ...]]:
    """Return by kind the names of the first predictions that fail; the file is read again up to the last of them."""
    places = {
        kind: [int(place) for place in np.flatnonzero(table.failed(kind))[:MOST_NAMED]]
        for kind, count in total.failures.items()
        if count
    }
    last = max((found[-1] for found in places.values()), default=-1)
    names = [row.id for row in islice(file.rows(), last + 1)]
    return {kind: tuple(names[place] for place in found) for kind, found in places.items()}


class PredictionScores(ScoreReport):
    """A report with its rows, the summaries of the predictions and those of the baseline, and their columns' names.

    ``failed`` counts the predictions that fail at least one output check.
    """

    systems: tuple[str, ...]
    failed: int
    rows: tuple[Scored, ...]
    baseline_rows: tuple[Scored, ...] = ()


def with_rows(report: ScoreReport, scored: ScoredFile, file: PredictionFile) -> PredictionScores:
    """Return a report with every row that was used; this holds all texts in memory."""
    names = (file.columns.prediction, file.columns.baseline)
    rows = list(file.rows())
    mine, *others = (_rows(rows, table, report, place) for place, table in enumerate(scored.tables))
    return PredictionScores(
        **dict(report),
        systems=tuple(name for name in names if name is not None),
        failed=sum(bool(row.failures) for row in mine),
        rows=mine,
        baseline_rows=others[0] if others else (),
    )


def _rows(rows: Sequence[Prediction], table: ScoreTable, report: ScoreReport, place: int) -> tuple[Scored, ...]:
    columns = {name: table.column(name) for name in MEASURES if name in report.metrics}
    failed = {kind: table.failed(kind) for kind in report.failures}
    return tuple(
        Scored(
            id=row.id,
            domain=row.group,
            length=None,
            truncated=None,
            dialogue=row.dialogue or "",
            references=row.references,
            summary=row.baseline if place else row.summary,
            scores={
                name: float(column[at])
                for name, column in columns.items()
                if column is not None and not np.isnan(column[at])
            },
            failures=tuple(kind for kind, shown in failed.items() if shown[at]),
        )
        for at, row in enumerate(rows)
    )
