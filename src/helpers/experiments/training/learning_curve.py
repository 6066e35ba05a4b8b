"""How a training went, epoch by epoch, as JSON and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.core.model import Frozen


class Epoch(Frozen):
    """One epoch: the mean loss per token of the references, and the scores on validation (0 to 1).

    ``failed`` is the share of answers that fail an output check; of a training that did not count them it is ``None``.
    """

    epoch: int
    train_loss: float
    rouge_l: float
    key_fact_recall: float
    failed: float | None = None

    @property
    def score(self) -> float:
        """What epochs are chosen by: a failed check counts as much as all key facts of an answer."""
        return (self.rouge_l + self.key_fact_recall - (self.failed or 0.0)) / 2


class LearningCurve(Frozen):
    """A training: its recipe, what it took (seconds, bytes), its epochs, and the number of the best."""

    recipe: dict[str, Any]
    device: str
    threads: int
    seconds: float
    peak_memory_bytes: int
    epochs: tuple[Epoch, ...]
    best: int


def write_curve(curve: LearningCurve, folder: Path) -> None:
    """Write ``training.json`` and ``learning-curve.svg`` into a folder."""
    (folder / "training.json").write_text(curve.model_dump_json(indent=2) + "\n")
    _draw(curve, folder / "learning-curve.svg")


def _draw(curve: LearningCurve, path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    numbers = [one.epoch for one in curve.epochs]
    series = {
        "Training loss per token": [one.train_loss for one in curve.epochs],
        "Validation ROUGE-L": [one.rouge_l for one in curve.epochs],
        "Validation key-fact recall": [one.key_fact_recall for one in curve.epochs],
    }
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    for axes, (name, values) in zip(figure.subplots(1, len(series)), series.items(), strict=True):
        axes.plot(numbers, values, marker="o", color="#1f5fa8")
        axes.axvline(curve.best, color="#888888", ls=":", lw=1)
        axes.set(title=name, xlabel="epoch", xticks=numbers)
        axes.spines[["top", "right"]].set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "learning-curve"}):
        figure.savefig(path, metadata={"Date": None})
