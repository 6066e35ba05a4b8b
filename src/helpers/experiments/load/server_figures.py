"""What the server said of itself while load was sent: the looks of `helpers.runs.poller` that fall into a run."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np

from helpers.experiments.load.sending import Outcomes
from helpers.runs.poller import Look
from helpers.runs.results.load_capacity import ServerFigures
from helpers.serving.foreign_metrics import FIGURES


def figures_during(runs: Sequence[Outcomes], looks: Sequence[Look]) -> ServerFigures | None:
    """Return what the looks during some runs of this process saw; ``None`` where they saw no figure."""
    spans = [_span(run) for run in runs]
    within = [found for start, end in spans for at, found in looks if start <= at <= end]
    seen = [found for found in within if not found.keys().isdisjoint(FIGURES)]
    if not seen:
        return None
    around = [_around(looks, start, end) for start, end in spans]
    values = {name: [float(found[name]) for found in seen if name in found] for name in FIGURES}
    return ServerFigures(
        looks=len(seen),
        running=_mean(values["running"]),
        most_running=max(values["running"], default=None),
        queue=_mean(values["queue"]),
        most_queue=max(values["queue"], default=None),
        cache_use=max(values["cache_use"], default=None),
        gpu_use=_mean(values["gpu_use"]),
        input_rate=_rate(around, "input_tokens"),
        output_rate=_rate(around, "output_tokens"),
    )


def why_no_figures(looks: Sequence[Look]) -> str:
    """Return why looks saw no figure, in words; nothing where one did."""
    if any(not found.keys().isdisjoint(FIGURES) for _, found in looks):
        return ""
    found = looks[-1][1] if looks else {}
    if found.get("status") == 501:  # how llama.cpp says it
        return "its /metrics is switched off (HTTP 501); llama.cpp switches it on with --metrics"
    if "status" in found:
        return f"its /metrics answers HTTP {found['status']}"
    if "failure" in found:
        return f"its /metrics cannot be read ({found['failure']})"
    return "its /metrics has none of the known names" if looks else "nobody looked at its /metrics in time"


def _span(run: Outcomes) -> tuple[float, float]:
    """Return when a run began and when its last answer was there, seconds since 1970."""
    began = time.time() - time.perf_counter() + run.zero
    return began, began + float(np.nanmax(run.done, initial=0.0))


def _around(looks: Sequence[Look], start: float, end: float) -> Sequence[Look]:
    """Return the looks within a run, the last before it and the first after it.

    Servers count the tokens of an answer when it is over, and the last ones are over with the run.
    """
    times = [at for at, _ in looks]
    return looks[max(0, bisect_left(times, start) - 1) : bisect_right(times, end) + 1]


def _rate(parts: Sequence[Sequence[Look]], name: str) -> float | None:
    """Return how fast a counter grew between looks of one run, per second; a server that restarted is left out."""
    grown = list(_growth(parts, name))
    seconds = sum(lasted for _, lasted in grown)
    return sum(more for more, _ in grown) / seconds if seconds else None


def _growth(parts: Sequence[Sequence[Look]], name: str) -> Iterator[tuple[float, float]]:
    for part in parts:
        for (before, was), (now, found) in pairwise(part):
            if name in was and name in found and found[name] >= was[name]:
                yield found[name] - was[name], now - before


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
