"""Targets as tiles: a figure, its interval on a track beside what is wanted, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from helpers.core.text import Style, spell
from helpers.report.components.numbers import interval, quoted
from helpers.report.components.tables import actual, chip, counted, look, needed_place, wanted
from helpers.runs.results.cited import Cited
from helpers.stats.intervals import EXACT

#: Where a track begins or ends: the nearest of these times a power of ten.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
#: Where a track of rates may begin, so that rates near one can be told apart.
_LEAST_RATES = (0.9, 0.8, 0.5, 0.0)

#: A label this near an end of its track, in percent, is set against that end.
_ROOM = 30.0


class Interval(Protocol):
    """A value with the ends of its interval, where it has them."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True)
class Scale:
    """The ends of a track."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where a value lies, percent from the left; what lies outside is pinned to the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


def tiles(rows: Iterable[Cited], evidence: dict[str, str]) -> Markup:
    """Return a tile for each cited `helpers.verdicts.targets.Judged` row; ``evidence`` are links by target."""
    return Markup('<div class="tiles">\n{}\n</div>').format(
        Markup("\n").join(_tile(row, evidence.get(row.name.raw, "")) for row in rows)
    )


def scale_for(values: Sequence[float], *, is_rate: bool) -> Scale:
    """Return a scale of round ends that holds some values, zero among them unless they are rates near one."""
    low, high = min(values), max(values)
    if is_rate:
        start = next(least for least in _LEAST_RATES if low >= least)
        return Scale(start, 1.0 if start or high > 0.5 else min(1.0, _rounded(max(high, 0.01))))
    return Scale(-_rounded(-low) if low < 0 else 0.0, _rounded(high) if high > 0 else 0.0 if low < 0 else 1.0)


def _rounded(size: float) -> float:
    size = max(size, 1e-9)
    power = 10.0 ** math.floor(math.log10(size))
    return next(step for step in _ROUND if step * power >= size * (1 - 1e-9)) * power


def _tile(row: Cited, href: str) -> Markup:
    estimate, style = row.estimate, row.style.raw
    bounded = estimate.method.raw == EXACT or not (estimate.low.raw is None and estimate.high.raw is None)
    below = Markup().join([look(row), needed_place(row)])
    return Markup(
        '<div class="tile {kind}"><p class="head"><span>{label}</span>{chip}</p>'
        '<p class="v">{value}<small>{interval}</small></p>{track}<p class="foot">{below}</p></div>'
    ).format(
        kind=row.verdict.raw.replace(" ", "-"),
        label=_label(row),
        chip=chip(row.verdict.raw),
        value=actual(estimate, style, href=href),
        interval=interval(estimate, style) if bounded else "",
        track=_track(row, style),
        below=below,
    )


def _label(row: Cited) -> Markup:
    if not row.estimate.n.raw or row.look.raw is None:
        return quoted(row.label)
    return quoted(row.label) + Markup(" <small>{}</small>").format(counted(row.estimate))


def _track(row: Cited, style: Style) -> Markup:
    """Return the interval and what is wanted on one line, with the ends of the scale; nothing without a value."""
    found, threshold, direction = row.estimate.raw, row.threshold.raw, row.direction.raw
    if found.value is None:
        return Markup()
    values = [v for v in (found.low, found.value, found.high, threshold) if v is not None and math.isfinite(v)]
    scale = scale_for(values, is_rate=row.unit.raw == "rate")
    return marks(scale, found, threshold, direction) + axis(scale, style, threshold, wanted(row))


def marks(scale: Scale, found: Interval, threshold: float | None, direction: str, tone: str = "") -> Markup:
    """Return a value, its interval and what is wanted as marks on a scale; nothing without a value.

    ``tone`` is the verdict whose colour they have, where what stands around them gives them none.
    """
    if found.value is None:
        return Markup()
    parts = [Markup('<i class="base"></i>')]
    if threshold is not None:
        at = scale.at(threshold)
        left, right = (0.0, 100 - at) if direction in ("max", "below") else (at, 0.0)
        parts.append(Markup('<i class="ok" style="left:{:g}%;right:{:g}%"></i>').format(left, right))
    if found.low is not None and found.high is not None:
        left, right = scale.at(found.low), 100 - scale.at(found.high)
        parts.append(Markup('<i class="ci" style="left:{:g}%;right:{:g}%"></i>').format(left, right))
    if threshold is not None:
        parts.append(Markup('<i class="goal" style="left:{:g}%"></i>').format(scale.at(threshold)))
    parts.append(Markup('<i class="dot" style="left:{:g}%"></i>').format(scale.at(found.value)))
    style = " ".join(filter(None, ["track", tone.replace(" ", "-")]))
    return Markup('<div class="{}" aria-hidden="true">{}</div>').format(style, Markup().join(parts))


def axis(scale: Scale, style: Style, threshold: float | None, words: Markup) -> Markup:
    """Return the ends of a scale and what is wanted, in ``words``, where it lies; an end it would cover is left out."""
    at = None if threshold is None else scale.at(threshold)
    parts = []
    if at is None or at > _ROOM:
        parts.append(Markup('<span class="s" style="left:0">{}</span>').format(spell(scale.low, style)))
    if at is not None:
        edge, left = ("s", 0.0) if at <= _ROOM else ("e", 100.0) if at >= 100 - _ROOM else ("m", at)
        parts.append(Markup('<b class="{}" style="left:{:g}%">{}</b>').format(edge, left, words))
    if at is None or at < 100 - _ROOM:
        parts.append(Markup('<span class="e" style="left:100%">{}</span>').format(spell(scale.high, style)))
    return Markup('<p class="axis">{}</p>').format(Markup().join(parts))
