"""What several verbs declare alike: amounts that bound a run."""

from __future__ import annotations

import argparse

import pytest

from helpers.cli.arguments import budget
from helpers.params.files import load_params


@pytest.mark.parametrize(
    ("amount", "override"),
    [
        ("20m", "budget.minutes=20"),
        ("90s", "budget.minutes=1.5"),
        ("2h", "budget.minutes=120"),
        ("300r", "budget.requests=300"),
        (" 1.50 USD ", "budget.usd=1.5"),
    ],
)
def test_an_amount_bounds_a_run(amount: str, override: str) -> None:
    assert budget(amount) == override
    assert load_params("endpoint", [budget(amount)]).budget.model_dump(exclude_none=True)


@pytest.mark.parametrize("amount", ["", "20", "m", "20 minutes", "-5m", "1e9r", "1.5.0usd", "$5"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"such as 20m, 300r or 1\.50usd"):
        budget(amount)
