"""People whom a dialogue does not know are named, and so are its unsupported numbers."""

from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people
from tests.unit.scorers.scored_texts import DIALOGUE


def test_people_and_numbers_are_named() -> None:
    assert unknown_people("Giulia met Milo and Omar.", DIALOGUE) == ["Giulia", "Omar"]
    assert unspoken_numbers("Milo paid 7 at 9:15.", DIALOGUE) == ["9:15", "7"]
