"""Settings to compare: the run's own first, and each once."""

from __future__ import annotations

import pytest

from helpers.core.errors import ParamsError
from helpers.params import Settings
from helpers.params.files import load_params
from tests.unit.verdicts.test_recommendation import LEAST


def test_the_runs_own_setting_comes_first_and_each_stands_once() -> None:
    plan = load_params("demo").settings
    assert [setting.name for setting in plan.beside(1, 128)][:2] == ["1 beam, 128 tokens", LEAST]
    assert len(plan.beside(1, 128)) == 4
    assert plan.beside(3, 128)[0].predictions is None
    assert Settings().beside(1, 128) == ()
    with pytest.raises(ParamsError, match="'tried' names 1 beam, 64 tokens more than once"):
        load_params("demo", ["settings.tried=[{num_beams: 1, max_new_tokens: 64}, {num_beams: 1, max_new_tokens: 64}]"])
