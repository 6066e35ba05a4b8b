"""Numbers are compared by value, however they are written."""

import pytest

from helpers.scorers.numbers import unspoken_numbers


@pytest.mark.parametrize(
    ("said", "summary"),
    [
        ("at 3.30", "at half past three"),
        ("at quarter to five", "at 4:45"),
        ("at 4:45", "at a quarter to five"),
        ("at 15:10", "at ten past three"),
        ("ten to five", "at 4:50"),
        ("half six then", "at 6:30pm"),
        ("three fifty", "3.50"),
        ("a hundred and five", "105"),
        ("2,500 or 3k", "2500 and 3,000"),
        ("46 thousand", "46,000"),
        ("a dozen", "twelve"),
        ("an hour and a half", "1.5 hours"),
        ("a fortnight", "two weeks"),
        ("the 90-day trial", "90 days"),
        ("back in nineteen ninety-nine", "1999"),
        ("half of them", "50%"),
        ("half an hour", "30 minutes"),
    ],
)
def test_numbers_are_compared_by_value(said: str, summary: str) -> None:
    assert unspoken_numbers(summary, f"Ana: {said}.") == []
    assert unspoken_numbers(summary, "Ana: nothing of the kind.") != []
