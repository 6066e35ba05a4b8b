"""``helpers demo-model choose``: recipes compared by cross-validation, dialogue by dialogue, over train + validation.

Every recipe is trained once per fold on the dialogues outside it and judged, after its last epoch, on those inside.
Each such part is a file of its own, and each adapter that goes into a mean a folder: a comparison that was stopped goes
on where it was, and recipes that differ only in the averaging or the requests share trainings. `test` is never read.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from helpers.core.console import say
from helpers.core.errors import ParamsError
from helpers.core.model import Frozen
from helpers.core.processes import pool
from helpers.engines.model_cache import build_once
from helpers.experiments.training.recipe import Recipe, read_recipe
from helpers.params import Samples as SamplesParams
from helpers.samples.dataset import Sample, load_samples
from helpers.stats.comparison import Paired, paired

FILE = "cross-validation.json"


class HeldOutScore(Frozen):
    """What a recipe scored on one dialogue it did not learn (0 to 1); ``failed`` is 1 if an output check failed."""

    rouge_l: float
    key_fact_recall: float
    failed: float | None = None


class FoldScores(Frozen):
    """One recipe on one fold: the scores by dialogue."""

    scores: dict[str, HeldOutScore]
    device: str


class RecipeScores(Frozen):
    """One recipe, as the changes it makes to the current one, over the folds taken."""

    changes: tuple[str, ...]
    scores: dict[str, HeldOutScore]


class CrossValidation(Frozen):
    """A finished comparison on ``taken`` of the folds; the first candidate is what the others are compared with."""

    folds: int
    taken: int
    device: str
    candidates: tuple[RecipeScores, ...]

    def gain(self, candidate: RecipeScores, measure: str) -> Paired:
        """Return the paired difference of a score, by its name, to the first candidate."""
        first = self.candidates[0]
        ids = sorted(first.scores)
        return paired(*([getattr(one.scores[key], measure) for key in ids] for one in (candidate, first)), limit=1.0)


def choose(
    candidates: Sequence[Sequence[str]], folds: int, jobs: int, output: Path, *, take: int | None = None
) -> CrossValidation:
    """Compare recipes given as ``key=value`` changes into ``output/cross-validation.json``; ``jobs`` at a time.

    With ``take`` only that many of the first folds are judged, which costs as much less. Raises `ParamsError` for an
    invalid change, and for a recipe given twice, whose parts would be the same files.
    """
    if len({read_recipe(changes) for changes in candidates}) < len(candidates):
        raise ParamsError(["choose: two of the recipes are the same; give each once"])
    parts = output / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    taken = range(folds if take is None else take)
    # Fold by fold: a comparison that is stopped has every recipe on the folds that it finished.
    wanted = [(tuple(changes), fold) for fold in taken for changes in candidates]
    with pool(jobs) as others:
        running = {one: others.submit(_part, *one, folds, parts) for one in wanted}
        found = {one: future.result() for one, future in running.items()}
    result = CrossValidation(
        folds=folds,
        taken=len(taken),
        device=next(iter(found.values())).device,
        candidates=tuple(
            _candidate(tuple(changes), [found[tuple(changes), fold] for fold in taken]) for changes in candidates
        ),
    )
    (output / FILE).write_text(result.model_dump_json(indent=1) + "\n")
    return result


def _candidate(changes: tuple[str, ...], own: Sequence[FoldScores]) -> RecipeScores:
    return RecipeScores(changes=changes, scores={key: score for part in own for key, score in part.scores.items()})


def _part(changes: tuple[str, ...], fold: int, folds: int, parts: Path) -> FoldScores:
    """Return a recipe's scores on a fold, read if they were measured before."""
    from helpers.experiments.training import adapters  # with torch, which reading a comparison does without
    from helpers.experiments.training.train import device, judge

    recipe = read_recipe(changes)
    name = _name(recipe, f"{fold}/{folds}")
    kept = parts / f"{name}.json"
    if kept.is_file():
        return FoldScores.model_validate_json(kept.read_bytes())
    began = time.monotonic()
    # In order of their names the dialogues are in order of their domains: every fold has its share of each.
    samples = sorted(
        (one for split in ("train", "validation") for one in load_samples(SamplesParams(source=f"bundled:{split}"))),
        key=lambda one: one.id,
    )
    learnt = [one for place, one in enumerate(samples) if place % folds != fold]
    members = [recipe.member(place) for place in range(recipe.members)]
    mean = parts / f"{name}.mean"
    adapters.average([_trained(one, learnt, parts, f"{fold}/{folds}") for one in members], mean)
    scores = judge(mean, samples[fold::folds], recipe)
    shutil.rmtree(mean)
    part = FoldScores(
        scores={
            one.id: HeldOutScore(
                rouge_l=one.rougeL, key_fact_recall=one.key_fact_recall or 0.0, failed=float(bool(one.failures))
            )
            for one in scores
        },
        device=device(),
    )
    kept.write_text(part.model_dump_json())
    took = time.monotonic() - began
    say(f"choose: {' '.join(changes) or 'the standing recipe'}: fold {fold + 1} of {folds} in {took:.0f} s")
    return part


def _name(recipe: Recipe, fold: str) -> str:
    return hashlib.sha256(f"{recipe.model_dump_json()} {fold}".encode()).hexdigest()[:16]


def _trained(member: Recipe, learnt: Sequence[Sample], parts: Path, fold: str) -> Path:
    """Return the folder of one adapter, trained unless it is there; so is one that answers before it."""
    from helpers.experiments.training.train import train_adapter  # with torch, as above

    folder = parts / _name(member, fold)

    def make(partial: Path) -> None:
        train_adapter(member, learnt, partial, lambda teacher: _trained(teacher, learnt, parts, fold))

    build_once(folder, folder.is_dir, make)
    return folder
