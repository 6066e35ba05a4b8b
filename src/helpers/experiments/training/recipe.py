"""The recipe of the demonstration model's adapter: what can be changed of it, and its current values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, ValidationError

from helpers.core.errors import ParamsError
from helpers.core.model import Frozen
from helpers.params.files import apply_overrides


class Recipe(Frozen):
    """How the adapter is trained, and its request settings when it is judged: beams, length penalty and reranking.

    It is the mean of ``members`` adapters that are trained apart, each from its own seed. They lie on the layers from
    ``first_layer`` up. A batch holds ``batch_dialogues``, each with its references, and ``batch_tokens`` at most.
    Dialogues over ``long_tokens``, a tenth of all with a third of the tokens, are learnt in the first epoch alone. The
    learning rate rises over ``warmup`` of the steps and falls linearly to zero. Training stops when ``patience`` epochs
    in a row are no better than the best.

    With ``supported`` no reference is learnt in which the checks find something. With ``own_answers`` an adapter
    trained by the rest of the recipe answers every dialogue that often, and a second one learns, beside the
    references, the answers that bear comparison with them (``selection``).
    """

    members: int = Field(1, gt=0)
    rank: int = Field(16, gt=0)
    first_layer: int = Field(10, ge=0)
    alpha: int = Field(32, gt=0)
    learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1)
    epochs: int = Field(2, gt=0)
    patience: int = Field(2, gt=0)
    batch_dialogues: int = Field(2, gt=0)
    batch_tokens: int = Field(1600, gt=0)
    long_tokens: int = Field(600, gt=0)
    rename_speakers: bool = True
    supported: bool = False
    own_answers: int = Field(0, ge=0)
    context_tokens: int = 2048
    max_new_tokens: int = 128
    num_beams: int = Field(1, gt=0)
    length_penalty: float = 1.0
    rerank: bool = False
    seed: int = 0

    def member(self, place: int) -> Recipe:
        """Return how one of the averaged adapters is trained."""
        asked = {name: type(self).model_fields[name].default for name in ("num_beams", "length_penalty", "rerank")}
        return self.model_copy(update={"members": 1, "seed": self.seed + place, **asked})


def read_recipe(overrides: Sequence[str]) -> Recipe:
    """Return the recipe with ``key=value`` changes; raises `ParamsError` naming every problem."""
    tree: dict[str, Any] = {}
    apply_overrides(tree, overrides)
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise ParamsError(
            f"--set {item['loc'][0]}: {item['msg']}; known: {', '.join(Recipe.model_fields)}" for item in error.errors()
        ) from None
