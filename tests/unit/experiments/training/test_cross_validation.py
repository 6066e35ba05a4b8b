"""Recipes by cross-validation: every dialogue is judged once, by a model that did not learn it, and no part twice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.core.errors import ParamsError
from helpers.experiments.training import adapters, cross_validation, selection, train
from helpers.experiments.training.cross_validation import CrossValidation, HeldOutScore, RecipeScores
from helpers.params import Samples
from helpers.report.model_card import compared
from helpers.samples.dataset import Sample, load_samples

FOLDS = 3
DIALOGUES = sum(len(load_samples(Samples(source=f"bundled:{split}"))) for split in ("train", "validation"))


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The dialogues of each training; a stand-in for an adapter is a file with them."""
    trainings: list[set[str]] = []

    def learn(recipe: object, samples: Sequence[Sample]) -> list[tuple[set[str], float]]:
        trainings.append({one.id for one in samples})
        return [(set(), 2.0), (trainings[-1], 1.0)]

    def merge(base: object, adapter: Path, folder: Path) -> None:
        folder.mkdir()

    def save(network: set[str], folder: Path) -> None:
        folder.mkdir()
        (folder / "learnt").write_text("\n".join(network))

    def average(members: Sequence[Path], folder: Path) -> None:
        save({name for member in members for name in (member / "learnt").read_text().split()}, folder)

    def judge(adapter: Path, samples: Sequence[Sample], recipe: object) -> list[SimpleNamespace]:
        assert not set((adapter / "learnt").read_text().split()) & {one.id for one in samples}
        return [SimpleNamespace(id=one.id, rougeL=0.5, key_fact_recall=None, failures=()) for one in samples]

    monkeypatch.setattr(train, "learn", learn)
    monkeypatch.setattr(train, "judge", judge)
    monkeypatch.setattr(train.demo_model, "merge", merge)
    monkeypatch.setattr(selection, "answered", lambda model, samples, recipe: [[] for _ in samples])
    monkeypatch.setattr(adapters, "save", save)
    monkeypatch.setattr(adapters, "average", average)
    return trainings


def test_every_dialogue_is_judged_once_and_none_of_test(learnt: list[set[str]], tmp_path: Path) -> None:
    parts = [cross_validation._part(("members=1",), fold, FOLDS, tmp_path) for fold in range(FOLDS)]
    judged = [name for part in parts for name in part.scores]
    assert len(judged) == len(set(judged)) == DIALOGUES
    assert all(ids | set(part.scores) == set(judged) for ids, part in zip(learnt, parts, strict=True))
    sizes = {len(part.scores) for part in parts}
    assert max(sizes) - min(sizes) <= 1


def test_a_part_that_is_there_is_not_trained_again_and_another_recipe_is(
    learnt: list[set[str]], tmp_path: Path
) -> None:
    alone = ("epochs=3", "members=1")
    first = cross_validation._part(alone, 0, FOLDS, tmp_path)
    assert cross_validation._part(alone, 0, FOLDS, tmp_path) == first
    assert len(learnt) == 1
    cross_validation._part(("epochs=4", "members=1"), 0, FOLDS, tmp_path)
    cross_validation._part(alone, 0, FOLDS + 1, tmp_path)
    assert len(learnt) == 3


def test_a_mean_is_made_of_adapters_that_other_recipes_trained(learnt: list[set[str]], tmp_path: Path) -> None:
    for beams, members in ((4, 1), (1, 1), (4, 3), (1, 3)):
        cross_validation._part((f"num_beams={beams}", f"members={members}"), 0, FOLDS, tmp_path)
    assert len(learnt) == 3


def test_who_answers_before_an_adapter_is_the_one_that_another_recipe_trained(
    learnt: list[set[str]], tmp_path: Path
) -> None:
    for changes in (("epochs=1",), ("epochs=1", "own_answers=4"), ("epochs=1", "own_answers=8")):
        cross_validation._part(changes, 0, FOLDS, tmp_path)
    assert len(learnt) == 3
    assert not list(tmp_path.glob("*/merged"))


def test_the_first_folds_alone_are_judged_where_that_is_asked(
    learnt: list[set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation, "pool", ThreadPoolExecutor)
    result = cross_validation.choose([["members=1"], ["members=2"]], FOLDS, 1, tmp_path, take=2)
    assert (result.folds, result.taken, len(learnt)) == (FOLDS, 2, 4)
    assert {len(one.scores) for one in result.candidates} == {2 * DIALOGUES // FOLDS}


def test_a_recipe_given_twice_is_refused_in_whatever_words(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="two of the recipes are the same"):
        cross_validation.choose([["epochs=4"], ["epochs=4", "rank=16"]], FOLDS, 1, tmp_path)


def test_gains_are_paired_and_a_gain_by_chance_is_no_gain() -> None:
    standing = {
        f"d{number}": HeldOutScore(rouge_l=0.3 + number / 100, key_fact_recall=0.5, failed=float(number < 2))
        for number in range(20)
    }
    gains = [0.019, 0.02, 0.021, 0.02] * 5
    better = {
        key: HeldOutScore(rouge_l=one.rouge_l + gain, key_fact_recall=0.5, failed=one.failed)
        for (key, one), gain in zip(standing.items(), gains, strict=True)
    }
    result = CrossValidation(
        folds=2,
        taken=2,
        device="cpu",
        candidates=(
            RecipeScores(changes=(), scores=standing),
            RecipeScores(changes=("epochs=4",), scores=better),
        ),
    )
    gain = result.gain(result.candidates[1], "rouge_l")
    assert gain.difference == pytest.approx(0.02)
    assert 0.019 < gain.low < 0.02
    assert compared(result).splitlines()[2:] == [
        "| the standing one | 0.395 | the reference | 50 % | the reference | 10 % | the reference |",
        "| epochs=4 | 0.415 | +0.020 (+0.020 to +0.020) | 50 % | +0.000 (−0.168 to +0.168) "
        "| 10 % | +0.000 (−0.168 to +0.168) |",
    ]
