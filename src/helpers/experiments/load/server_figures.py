"""What the server said of itself while load was sent: the looks of `helpers.runs.poller` that fall into a run."""

from __future__ import annotations

import time
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
    parts = [[look for look in looks if start <= look[0] <= end] for start, end in map(_span, runs)]
    seen = [found for part in parts for _, found in part if not found.keys().isdisjoint(FIGURES)]
    if not seen:
        return None
    values = {name: [float(found[name]) for found in seen if name in found] for name in FIGURES}
    return ServerFigures(
        looks=len(seen),
        running=_mean(values["running"]),
        most_running=max(values["running"], default=None),
        queue=_mean(values["queue"]),
        most_queue=max(values["queue"], default=None),
        cache_use=max(values["cache_use"], default=None),
        gpu_use=_mean(values["gpu_use"]),
        input_rate=_rate(parts, "input_tokens"),
        output_rate=_rate(parts, "output_tokens"),
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


def _rate(parts: Sequence[Sequence[Look]], name: str) -> float | None:
    """Return how fast a counter grew between looks of one run, per second; a server that began anew is left out."""
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
