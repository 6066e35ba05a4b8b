"""Tracks: one dimension as HTML, so that its words keep their size on every screen, and it is drawn once.

A track is a line with marks placed in percent: what is wanted, an interval, a dot, single observations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from markupsafe import Markup

from helpers.core.text import Style, spell
from helpers.report.components.scales import Scale, tick_words
from helpers.report.components.tables import Cell

#: A label this near an end of its track, in percent, is set against that end.
_ROOM = 30.0
#: A tick this near an end, in percent, is set against that end.
_EDGE = 6.0


class Interval(Protocol):
    """A value with the ends of its interval, where it has them."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def track(marks: Iterable[Markup], tip: str = "", style: str = "") -> Markup:
    """Return a track with its marks; ``tip`` is shown when the pointer is on it, ``style`` is a class of its own."""
    told = Markup(' data-tip="{}"').format(tip) if tip else Markup()
    name = " ".join(filter(None, ["track", style]))
    return Markup('<span class="{}"{}>{}</span>').format(name, told, Markup().join(marks))


def interval_track(
    scale: Scale, found: Interval, threshold: float | None = None, direction: str = "", tone: str = ""
) -> Markup:
    """Return a value, its interval and what is wanted on one track; nothing without a value.

    ``tone`` is the verdict whose colour it has, where what is around it gives it none.
    """
    if found.value is None:
        return Markup()
    wants = [] if threshold is None else [wanted_area(scale, threshold, direction)]
    spread = [] if found.low is None or found.high is None else [between("ci", scale, found.low, found.high)]
    goal = [] if threshold is None else [at("goal", scale, threshold)]
    return track([*wants, *spread, *goal, at("dot", scale, found.value)], style=tone.replace(" ", "-"))


def at(kind: str, scale: Scale, value: float) -> Markup:
    """Return a mark of one kind at a value: ``dot``, ``obs``, ``goal``, ``ref`` or ``middle``."""
    return Markup('<i class="{}" style="left:{:g}%"></i>').format(kind, scale.at(value))


def between(kind: str, scale: Scale, low: float, high: float) -> Markup:
    """Return a mark of one kind from one value to another: ``ci``, ``ok`` or ``span``."""
    return Markup('<i class="{}" style="left:{:g}%;right:{:g}%"></i>').format(
        kind, scale.at(low), round(100 - scale.at(high), 1)
    )


def wanted_area(scale: Scale, threshold: float, direction: str) -> Markup:
    """Return the part of a track in which a target is met."""
    if direction in ("max", "below"):
        return between("ok", scale, scale.low, threshold)
    return between("ok", scale, threshold, scale.high)


def ends_axis(scale: Scale, style: Style, threshold: float | None = None, words: Cell = "") -> Markup:
    """Return the ends of a scale and what is wanted where it lies; an end that it would cover is left out."""
    place = None if threshold is None else scale.at(threshold)
    parts = []
    if place is None or place > _ROOM:
        parts.append(Markup('<span class="s" style="left:0">{}</span>').format(spell(scale.low, style)))
    if place is not None:
        edge, left = ("s", 0.0) if place <= _ROOM else ("e", 100.0) if place >= 100 - _ROOM else ("m", place)
        parts.append(Markup('<b class="{}" style="left:{:g}%">{}</b>').format(edge, left, words))
    if place is None or place < 100 - _ROOM:
        parts.append(Markup('<span class="e" style="left:100%">{}</span>').format(spell(scale.high, style)))
    return Markup('<span class="axis" aria-hidden="true">{}</span>').format(Markup().join(parts))


def ticks_axis(scale: Scale, unit: Style) -> Markup:
    """Return a few round values below a track."""
    words = tick_words(unit, scale.high)
    parts = [
        Markup('<span class="{}" style="left:{:g}%">{}</span>').format(
            _edge(scale.at(tick)), scale.at(tick), words(tick)
        )
        for tick in scale.ticks()
    ]
    return Markup('<span class="axis" aria-hidden="true">{}</span>').format(Markup().join(parts))


def _edge(place: float) -> str:
    return "s" if place < _EDGE else "e" if place > 100 - _EDGE else "m"
