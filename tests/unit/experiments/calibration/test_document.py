"""The document of simulations, by a few repetitions; tests/properties/test_errors.py holds its figures."""

import numpy as np
import pytest

from helpers.core.paths import PROJECT
from helpers.experiments.calibration import errors, looks
from helpers.experiments.calibration.document import _row_looked, _row_once, _row_power, _row_saving, _table
from helpers.experiments.calibration.populations import OUT_OF_REACH, POPULATIONS, Population, failures, normal, times


@pytest.mark.parametrize("shape", [*POPULATIONS, *OUT_OF_REACH], ids=lambda shape: shape.name)
def test_a_shape_has_the_mean_and_the_bounds_that_it_names(shape: Population) -> None:
    values = shape.draw(np.random.default_rng(1), 100_000)
    assert values.mean() == pytest.approx(shape.truth, abs=5 * values.std() / 100_000**0.5)
    assert shape.floor <= values.min()
    assert values.max() <= shape.ceiling


def test_rows_of_every_table() -> None:
    assert len(_row_once(3, times(0.5))) == 6
    assert len(_row_looked(2, failures(0.5))) == 5
    assert _row_power(2, "differences")[0] == "differences"
    saved = errors.saving(normal(0.1), 0.0, 5)
    assert _row_saving(saved)[-1].endswith(" %")
    assert _table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_far_from_the_target_one_look_is_enough() -> None:
    found = errors.over_looks(failures(0.2), 0.99, looks.until_decided, 20)
    assert (found.met, found.missed, found.n) == (0, 1, 10)
    assert errors.peeking(normal(0.5), 0.0, 20).met == 1


def test_a_simulation_is_the_same_each_time() -> None:
    assert errors.one_look(times(0.5), 10, 20) == errors.one_look(times(0.5), 10, 20)


def test_the_committed_document_is_made_by_the_command() -> None:
    text = (PROJECT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert "Written by `make statistics`" in text
    for shape in POPULATIONS:
        assert f"| {shape.name} |" in text
