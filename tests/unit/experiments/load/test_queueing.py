"""The queueing models against known values, each other and the simulation."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.experiments.load import arrivals
from helpers.experiments.load.queueing import erlang_c, fifo_responses, ggc_response, knee, mg1_response, replicas_for
from helpers.experiments.load.simulation import Fleet, simulate


def test_models_agree_with_each_other_and_the_simulation() -> None:
    services = np.random.default_rng(1).exponential(1, 50_000)
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert mg1_response(0.5, [1.0]) == 1.5
    assert ggc_response(0.5, services, 1) == pytest.approx(mg1_response(0.5, services))
    assert mg1_response(1.0, [1.0]) == ggc_response(2.0, [1.0], 2) == np.inf
    due = arrivals.poisson(0.7, services.size / 0.8, 2)
    used = services[: due.size]
    for replicas in (1, 3):
        found = simulate(due, used, Fleet(replicas, replicas), float(due[-1]), 0)
        assert found.responses == pytest.approx(fifo_responses(due, used, replicas))
        assert found.responses.mean() == pytest.approx(ggc_response(0.7, used, replicas), rel=0.1)
    assert knee([0.25, 0.5, 0.75], [4 / 3, 2.0, 4.0]) == 0.5
    assert (replicas_for(1.2, [1.0], 3.0, 1), replicas_for(1.5, [4.0], 3.0, 1)) == (2, None)
