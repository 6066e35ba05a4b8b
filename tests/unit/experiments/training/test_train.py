"""The recipe of the demonstration model: checked, a rate that rises and falls, a curve that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.core.errors import ParamsError
from helpers.engines import demo_model
from helpers.experiments.training.learning_curve import Epoch, LearningCurve, write_curve
from helpers.experiments.training.recipe import Recipe, read_recipe
from helpers.experiments.training.train import _rate
from helpers.report import model_card


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["rang=8"], "--set rang: Extra inputs are not permitted; known: members, rank, first_layer"),
        (["rank=0"], "--set rank: Input should be greater than 0"),
        (["epochs"], "--set epochs: expected key=value"),
    ],
)
def test_a_recipe_that_is_none(overrides: list[str], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        read_recipe(overrides)


def test_a_recipe_with_changes() -> None:
    assert read_recipe(["rank=8", "rename_speakers=false"]) == Recipe(rank=8, rename_speakers=False)


def test_the_rate_rises_and_falls_to_nearly_nothing() -> None:
    rate = _rate(Recipe(warmup=0.1), 100)
    rates = [rate(step) for step in range(100)]
    assert rates.index(max(rates)) == 9
    assert rates[9] == 1
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.02


def curve() -> LearningCurve:
    epochs = (
        Epoch(epoch=1, train_loss=2.5, rouge_l=0.3, key_fact_recall=0.5),
        Epoch(epoch=2, train_loss=2.0, rouge_l=0.31, key_fact_recall=0.52),
    )
    return LearningCurve(recipe={}, device="cpu", threads=2, seconds=60, peak_memory_bytes=1, epochs=epochs, best=2)


def test_a_curve_is_written_and_drawn_the_same_each_time(tmp_path: Path) -> None:
    write_curve(curve(), tmp_path)
    assert LearningCurve.model_validate_json((tmp_path / "training.json").read_bytes()) == curve()
    first = (tmp_path / "learning-curve.svg").read_bytes()
    write_curve(curve(), tmp_path)
    assert (tmp_path / "learning-curve.svg").read_bytes() == first


def test_the_shipped_adapter_is_the_best_of_its_recipe() -> None:
    shipped = LearningCurve.model_validate_json((demo_model.ADAPTER / "training.json").read_bytes())
    assert shipped.recipe == Recipe().model_dump()
    assert shipped.best == max(shipped.epochs, key=lambda one: one.score).epoch


def test_the_card_shows_what_was_measured() -> None:
    card = (demo_model.ADAPTER / "README.md").read_text(encoding="utf-8")
    assert model_card.filled(card, demo_model.ADAPTER) == card


def test_a_base_whose_end_of_text_is_in_doubt_is_refused() -> None:
    demo_model._check_end(2, 2)
    with pytest.raises(ValueError, match=r"end with token 0 and served until token 2; install the versions pinned"):
        demo_model._check_end(0, 2)
