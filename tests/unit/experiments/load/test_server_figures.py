"""What a server said of itself during runs of load: only the looks in them count, and no counter that falls back."""

from __future__ import annotations

import time
from typing import Any

import pytest

from helpers.experiments.load.sending import Outcomes
from helpers.experiments.load.server_figures import figures_during, why_no_figures


def run_of(began: float, seconds: float) -> Outcomes:
    """Return a run that began so many seconds ago and whose only answer came after some seconds."""
    outcomes = Outcomes(0.0, seconds, zero=time.perf_counter() - began)
    outcomes.finish(outcomes.due(0.0, 0), seconds, None)
    return outcomes


def looks_at(*seen: tuple[float, dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """Return looks, each so many seconds ago."""
    now = time.time()
    return [(now - ago, found) for ago, found in seen]


def test_only_the_looks_within_the_runs_count() -> None:
    looks = looks_at(
        (101, {"running": 50, "queue": 50, "output_tokens": 0}),
        (98, {"running": 1, "queue": 0, "cache_use": 0.2, "input_tokens": 100, "output_tokens": 10}),
        (96, {"running": 2, "queue": 6, "cache_use": 0.6, "input_tokens": 300, "output_tokens": 50}),
        (85, {"running": 50, "queue": 50, "output_tokens": 90}),
        (78, {"running": 3, "queue": 0, "output_tokens": 100}),
        (76, {"running": 2, "queue": 2, "output_tokens": 40}),  # restarted
        (75, {"running": 2, "queue": 2, "output_tokens": 60}),
        (74, {"failure": "timeout"}),
    )
    found = figures_during([run_of(100, 10), run_of(80, 10)], looks)
    assert found
    assert (found.looks, found.running, found.most_running) == (5, 2.0, 3)
    assert (found.queue, found.most_queue, found.cache_use, found.gpu_use) == (2.0, 6, 0.6, None)
    assert found.input_rate == pytest.approx(100.0)
    # From the last look before each run to the first after it: 90 in 16 s, then 10 in 7 s and 20 in 1 s.
    assert found.output_rate == pytest.approx(120 / 24)
    assert figures_during([run_of(50, 10)], looks) is None


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([{"status": 501}], "is switched off (HTTP 501); llama.cpp switches it on with --metrics"),
        ([{"status": 404}], "answers HTTP 404"),
        ([{"failure": "timeout"}], "cannot be read (timeout)"),
        ([{"state": "running"}], "has none of the known names"),
        ([], "nobody looked"),
        ([{"status": 404}, {"queue": 1}], ""),
    ],
)
def test_why_there_are_no_figures_is_said(seen: list[dict[str, Any]], why: str) -> None:
    said = why_no_figures([(float(at), found) for at, found in enumerate(seen)])
    assert why in said
    assert bool(said) is bool(why)
