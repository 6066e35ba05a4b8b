"""Cited results as the rows of a drawing; a value that is missing stays missing and says so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from helpers.core.text import Style, spell
from helpers.drawing import Row
from helpers.marks import Segment, bars_mark, dots_mark, interval_mark, span_mark, states_mark
from helpers.runs.results.cited import Cited

#: Up to this many observations in a group each is a dot; beyond, dots hide each other and bars show the shape.
MOST_DOTS = 60
_BARS = 40


def is_estimate(found: Cited) -> bool:
    """Return whether a cited result carries its own interval, and is not a bare number."""
    return hasattr(found.raw, "value")


def finite(found: Cited) -> float | None:
    """Return a cited number, or ``None`` when it was not measured."""
    return None if found.raw is None or not math.isfinite(found.raw) else float(found.raw)


def estimate_row(label: str, found: Cited, unit: Style) -> Row:
    """Return the row of an estimate (or of a bare number, which has no interval)."""
    if not is_estimate(found):
        value, low, high, needs = finite(found), None, None, None
    else:
        value, low, high = (finite(part) for part in (found.value, found.low, found.high))
        needs = found.needs.raw
    words = _words(value, unit) if value is not None or needs is None else f"needs n ≥ {needs}"
    reach = [end for end in (low, high) if end is not None]
    return Row(label, words, _present(value) or reach, interval_mark(value, low, high), reach)


def span_row(label: str, one: Cited, other: Cited, unit: Style) -> Row:
    """Return the row of a bar between two cited numbers."""
    low, high = sorted((float(one.raw), float(other.raw)))
    return Row(label, f"{spell(low, unit)} to {spell(high, unit)}", [low, high], span_mark(low, high))


def states_row(label: str, words: str, segments: Sequence[Segment]) -> Row:
    """Return the row of states over time; without any it stays empty but for its words."""
    extent = [segments[0].start, segments[-1].end] if segments else []
    return Row(label, words, extent, states_mark(segments))


def observed_rows(
    labels: Sequence[str], values: Sequence[Sequence[float]], middles: Sequence[Cited | None], unit: Style
) -> list[Row]:
    """Return rows of dots, or of histograms on shared edges and one height when a group has over `MOST_DOTS`.

    A bar's height is the share of its group's observations.
    """
    known = [None if middle is None else finite(_value(middle)) for middle in middles]
    words = ["" if middle is None else _words(value, unit) for middle, value in zip(middles, known, strict=True)]
    if are_dots(values):
        extents = [[*found, *_present(middle)] for found, middle in zip(values, known, strict=True)]
        marks = [dots_mark(found, middle) for found, middle in zip(values, known, strict=True)]
    else:
        pooled = np.concatenate([np.asarray(found, dtype=float) for found in values])
        edges = np.linspace(min(0.0, pooled.min()), pooled.max(), _BARS + 1)
        shares = [np.histogram(found, edges)[0] / max(1, len(found)) for found in values]
        tallest = max(share.max() for share in shares)
        extents = [[*edges[[0, -1]].tolist(), *_present(middle)] for middle in known]
        marks = [bars_mark(share / tallest, edges, middle) for share, middle in zip(shares, known, strict=True)]
    return [Row(*row) for row in zip(labels, words, extents, marks, strict=True)]


def are_dots(values: Sequence[Sequence[float]]) -> bool:
    """Return whether every group is small enough to show each observation."""
    return max(map(len, values), default=0) <= MOST_DOTS


def _value(found: Cited) -> Cited:
    return found.value if is_estimate(found) else found


def _present(value: float | None) -> list[float]:
    return [] if value is None else [value]


def _words(value: float | None, unit: Style) -> str:
    return "not measured" if value is None else spell(value, unit)
