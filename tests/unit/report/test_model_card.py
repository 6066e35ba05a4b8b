"""The card of the shipped adapter."""

from __future__ import annotations

from helpers.engines import demo_model
from helpers.report import model_card


def test_the_card_shows_what_was_measured() -> None:
    card = (demo_model.ADAPTER / "README.md").read_text(encoding="utf-8")
    assert model_card.filled(card, demo_model.ADAPTER) == card
