"""Targets as params files declare them."""

import pytest

from helpers.core.errors import InputError
from helpers.params.files import load_params


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_a_threshold_that_no_figure_can_miss_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"targets\.usable_summaries\.min.*finite number"):
        load_params("replay", [f"targets.usable_summaries.min={value}"])
