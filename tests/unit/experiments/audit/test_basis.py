"""When a re-computed figure agrees with the published one."""

import pytest

from helpers.experiments.audit.basis import agrees


@pytest.mark.parametrize(
    ("published", "found", "expected"),
    [
        (3.6, 3.6499, True), (3.6, 3.6501, False), (194.0, 194.4, True), (194.0, 194.6, False), (10.0, 12.0, False),
        (0.0027, 0.00275, True), (0.0027, 0.002751, False), (0.00135, 0.00135, True), (200.0, 200.0, True),
    ],
)  # fmt: skip
def test_agreement_is_rounding_at_the_published_decimals(published: float, found: float, expected: bool) -> None:
    assert agrees(published, found) is expected
