"""The mean of values that vary by dialogue and by round at once: neither alone says how far another run would lie."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from helpers.stats.intervals import LEVEL, FloatArray


def crossed(table: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the mean of a table (dialogues, rounds), at least two of each, both taken as drawn.

    The variance of the mean is ``(MS_dialogues + MS_rounds − MS_rest) / (dialogues × rounds)`` by the two-way analysis
    of variance, never less than that of either alone; degrees of freedom by Satterthwaite (1946).
    Raises ValueError for a smaller table. Source: Searle, Casella and McCulloch (1992), chapter 4.
    """
    values: FloatArray = np.asarray(table, dtype=float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"crossed: a table of shape {values.shape}; give at least two dialogues and two rounds")
    dialogues, rounds = values.shape
    centre = values.mean()
    by_dialogue, by_round = values.mean(axis=1) - centre, values.mean(axis=0) - centre
    rest = values - centre - by_dialogue[:, None] - by_round[None, :]
    squares = (
        rounds * float((by_dialogue**2).sum()) / (dialogues - 1),
        dialogues * float((by_round**2).sum()) / (rounds - 1),
        float((rest**2).sum()) / ((dialogues - 1) * (rounds - 1)),
    )
    summed = squares[0] + squares[1] - squares[2]
    variance, freedom = max(
        (summed, _satterthwaite(summed, squares, dialogues, rounds)),
        (squares[0], dialogues - 1.0),
        (squares[1], rounds - 1.0),
    )
    reach = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance / values.size)
    return float(centre) - reach, float(centre) + reach


def _satterthwaite(summed: float, squares: tuple[float, float, float], dialogues: int, rounds: int) -> float:
    freedoms = (dialogues - 1, rounds - 1, (dialogues - 1) * (rounds - 1))
    spread = sum(square**2 / freedom for square, freedom in zip(squares, freedoms, strict=True))
    return max(1.0, summed**2 / spread) if spread else 1.0
