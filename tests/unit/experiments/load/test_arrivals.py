"""Schedules of requests: seeded, in order, and at the rate that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.experiments.load import arrivals


def test_schedules_are_seeded_and_have_their_rate() -> None:
    assert arrivals.constant(4, 2.5).tolist() == [place / 4 for place in range(10)]
    assert (
        arrivals.poisson(5, 10, 1).tolist()
        == arrivals.poisson(5, 10, 1).tolist()
        != arrivals.poisson(5, 10, 2).tolist()
    )
    for shape in (arrivals.poisson, arrivals.diurnal, arrivals.bursty):
        times = shape(0.1, 10 * arrivals.DAY, 1)
        assert times.size == pytest.approx(86_400, rel=0.05)
        assert (np.diff(times) >= 0).all()
    with pytest.raises(ValueError, match="it has no schedule"):
        arrivals.schedule("closed", 1, 1, 0)
