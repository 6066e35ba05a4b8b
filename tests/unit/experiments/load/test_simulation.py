"""The simulated fleet: how it scales, sleeps, is interrupted and is billed."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.experiments.load.simulation import Fleet, cached, simulate


def test_a_fleet_scales_sleeps_and_is_billed_by_the_minute() -> None:
    busy = np.arange(0.0, 1200.0, 1.0)
    crowd = simulate(busy, np.full(busy.size, 2.5), Fleet(1, 3, 30.0), 1200.0, 0)
    assert (crowd.most_replicas, crowd.cold_starts) == (3, 0)
    one = simulate(busy, np.full(busy.size, 2.5), Fleet(), 1200.0, 0)
    assert crowd.responses.mean() < one.responses.mean() / 2
    sleepy = simulate([0.0, 7200.0], [1.0, 1.0], Fleet(0, 1, 30.0, 3600.0), 7261.0, 0)
    assert sleepy.responses.tolist() == [1.0, 31.0]
    assert (sleepy.cold_starts, sleepy.billed) == (1, 3600.0 + 120.0)
    spot = simulate(busy * 10, np.ones(busy.size), Fleet(1, 1, 30.0, None, 1800.0), 12_000.0, 0)
    assert spot.interruptions > 0
    assert np.isfinite(spot.responses).all()
    assert (cached(np.ones(10_000), 0.3, 1) == 0).mean() == pytest.approx(0.3, abs=0.02)
