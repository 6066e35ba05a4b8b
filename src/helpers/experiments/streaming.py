"""Answers that came in events: their clocks as estimates, alone and under load, by one definition.

The clocks themselves are those of `helpers.backends.streaming`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.runs.results.base import Streaming

#: What is timed of an answer that came in events, by its names in an `helpers.backends.base.Answer`; seconds.
CLOCKS = ("first_token", "inter_token", "longest_gap")
PERCENTILES = (50, 90, 95, 99)


def streaming(requests: int, figure: Callable[[str, float | None], Any]) -> Streaming | None:
    """Return what the clocks of ``requests`` answers say; ``None`` where none came in events.

    ``figure`` estimates a percentile of one of `CLOCKS` or of ``tokens_per_second``, or its mean (``None``); it returns
    nothing where that clock is not known.
    """
    if not requests:
        return None
    means = {name: figure(name, None) for name in (*CLOCKS, "tokens_per_second")}
    percentiles = {
        name: {f"p{p}": figure(name, p) for p in PERCENTILES} for name in ("first_token", "inter_token") if means[name]
    }
    return Streaming(requests=requests, percentiles=percentiles, **means)
