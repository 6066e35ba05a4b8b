"""The recipe of the demonstration model: checked, and changed by key."""

from __future__ import annotations

import pytest

from helpers.core.errors import ParamsError
from helpers.experiments.training.recipe import Recipe, read_recipe


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
