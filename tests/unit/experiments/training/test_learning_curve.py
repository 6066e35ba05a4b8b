"""The curve of a training is kept, and the shipped adapter is the best of its own."""

from __future__ import annotations

from pathlib import Path

from helpers.engines import demo_model
from helpers.experiments.training.learning_curve import Epoch, LearningCurve, write_curve
from helpers.experiments.training.recipe import Recipe


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
    assert Recipe.model_validate(shipped.recipe) == Recipe()
    assert shipped.best == max(shipped.epochs, key=lambda one: one.score).epoch
