"""Numbers that know where they come from: the one way a figure reaches a page.

`Cited` walks a result and remembers the address of what it reached; `number` turns such a value into
``<data value="0.321" data-from="results/02.json#/scores/rougeL/value">0.321</data>``. A test follows
every address back and finds no other digit on a page.
"""

from __future__ import annotations

import json
import math
from typing import Any

from markupsafe import Markup, escape

from helpers.core.text import Style, spell, width_of
from helpers.runs.results.cited import Cited
from helpers.stats.comparison import Paired
from helpers.stats.intervals import EXACT, Estimate

#: Characters of one text that a page shows; the data beside it has all.
MOST_CHARACTERS = 4_000
#: What is written at the end of a text that a page does not show to its end.
CUT = "… (cut here; results.json has all)"
NOT_MEASURED = Markup('<span class="none">not measured</span>')


def number(cited: Cited, style: Style = "plain", *, bare: bool = False) -> Markup:
    """Return the HTML of one figure; ``None`` and NaN read *not measured*.

    ``bare`` leaves the unit out, for a column whose header names it.
    Raises `TypeError` for anything that is not a number with an address.
    """
    value = cited.raw
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOT_MEASURED
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{cited.address} is {type(value).__name__}, not a number")
    return _data(cited, spell(value, style, bare=bare, width=_width(cited.whole)))


def _data(cited: Cited, text: str) -> Markup:
    return Markup('<data value="{}" data-from="{}">{}</data>').format(json.dumps(cited.raw), cited.address, text)


def interval(estimate: Cited, style: Style, *, bare: bool = False) -> Markup:
    """Return ``low to high`` of a cited estimate, ``≤ high`` or ``≥ low`` for a one-sided bound, or a dash."""
    low, high = estimate.low, estimate.high
    if getattr(estimate.raw, "method", "") == EXACT:
        return Markup("exact")
    if low.raw is not None and high.raw is not None:
        width = width_of(low.raw, high.raw)
        start, end = (spell(edge.raw, style, bare=bare, width=width) for edge in (low, high))
        if start.endswith(" ms") and end.endswith(" s"):  # both ends in the unit of the larger
            start = spell(low.raw, style, bare=True, width=width)
        unit = end[end.find(" ") :] if " " in end else ""
        return Markup("{} to {}").format(_data(low, start.removesuffix(unit)), _data(high, end))
    if high.raw is not None:
        return Markup("≤ {}").format(number(high, style, bare=bare))
    if low.raw is not None:
        return Markup("≥ {}").format(number(low, style, bare=bare))
    return Markup("–")


def _width(whole: Any) -> float | None:
    """Return how wide the interval of an estimate is, which bounds the digits that its figures are shown with."""
    return width_of(whole.low, whole.high) if isinstance(whole, Estimate | Paired) else None


def between(estimate: Cited, style: Style, *, name: str = "95 % interval") -> Markup:
    """Return the interval of a cited estimate for a sentence, or that its n supports none."""
    if estimate.low.raw is None and estimate.high.raw is None:
        return Markup("no interval at this n")
    return Markup("{} {}").format(name, interval(estimate, style)).strip()


def sentence(text: str, /, **parts: Any) -> Markup:
    """Return a sentence with its parts filled in; a part that is not already HTML is escaped."""
    return Markup(text).format(**parts)  # noqa: S704  (the sentence is ours, the parts are escaped)


def quoted(text: Any) -> Markup:
    """Return text that a model, a user or a file wrote: escaped, and marked as a quotation."""
    return Markup('<span class="quoted">{}</span>').format(escape(str(text)))


def excerpt(text: str, most: int | None = None) -> str:
    """Return as much of a text as a page shows of one, or at most ``most`` characters."""
    most = most or MOST_CHARACTERS
    return text if len(text) <= most else f"{text[:most]}{CUT}"
