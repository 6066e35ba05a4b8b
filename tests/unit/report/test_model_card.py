"""The card of the shipped adapter."""

from __future__ import annotations

import pytest

from helpers.engines import demo_model
from helpers.report import model_card
from helpers.stats.intervals import Estimate


def test_the_card_shows_what_was_measured() -> None:
    card = (demo_model.ADAPTER / "README.md").read_text(encoding="utf-8")
    assert model_card.filled(card, demo_model.ADAPTER) == card


def test_a_table_without_a_place_in_the_card_is_an_error() -> None:
    card = (demo_model.ADAPTER / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md: no <!-- aims -->"):
        model_card.filled(card.replace("<!-- aims -->", ""), demo_model.ADAPTER)


@pytest.mark.parametrize(
    ("low", "high", "side", "told"),
    [
        (0.5, 0.6, "least", "met"), (0.4, 0.6, "least", "not decided"), (0.3, 0.4, "least", "missed"),
        (0.3, 0.5, "most", "met"), (0.4, 0.6, "most", "not decided"), (0.6, 0.7, "most", "missed"),
        (None, None, "least", "not decided"),
    ],
)  # fmt: skip
def test_an_aim_is_held_to_the_whole_interval(low: float | None, high: float | None, side: str, told: str) -> None:
    assert model_card.held(Estimate(value=0.5, low=low, high=high, n=9, method="t"), 0.5, side) == told
