"""How far a reference itself would come: the yardstick for ROUGE where dialogues have several references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from helpers.scorers.aggregate import bounded_mean
from helpers.scorers.rouge import rouge, too_long
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate

METRICS = ("rouge1", "rouge2", "rougeL")


class Agreement(BaseModel):
    """One measure against the other references of a dialogue: of its summary, and of the reference left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    summaries: Estimate
    references: Estimate
    difference: Paired


def agreement(texts: Iterable[tuple[str, Sequence[str]]], *, seed: int = 0) -> dict[str, Agreement]:
    """Return by measure how summaries agree with references, and references among themselves.

    ``texts`` are summaries with their references. Each reference in turn is left out: it and the summary are held
    against the others, so that both face as many. Dialogues with fewer than two references are passed over; with none
    left the result is empty. Source: Lin (2004), the jackknife over references.
    """
    several = [(summary, references) for summary, references in texts if len(references) > 1]
    scored = [_left_out(summary, references) for summary, references in several]
    found = {}
    for name in METRICS if scored else ():
        ours, theirs = ([fmean(score[name] for score in both[side]) for both in scored] for side in (0, 1))
        found[name] = Agreement(
            summaries=bounded_mean(name, ours, seed=seed),
            references=bounded_mean(name, theirs, seed=seed),
            difference=paired(ours, theirs, seed=seed),
        )
    return found


def _left_out(summary: str, references: Sequence[str]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Return the scores of the summary, and of each reference, against the other references."""
    scorable = "" if too_long(summary) else summary
    others = [[*references[:place], *references[place + 1 :]] for place in range(len(references))]
    return (
        [rouge(scorable, rest) for rest in others],
        [rouge(one, rest) for one, rest in zip(references, others, strict=True)],
    )
