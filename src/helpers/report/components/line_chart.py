"""Drawings on two scales: lines, bands and dots over time or over a rate, with thresholds as labelled lines.

Laid out twice: wide, each line named beside its end, and narrow, the names above the drawing.
Sizes are pixels; what is not known is a gap, and nothing here computes a statistic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from helpers.core.text import Style, spell
from helpers.report.components.scales import Scale, tick_words
from helpers.report.components.svg import COLOURS, fitted, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Look = Literal[
    "solid",
    "dashed",
    "dotted",
    "quiet",
    "expected",
    "expected high",
    "dots",
    "open dots",
    "cloud",
    "ring",
    "level",
    "vertical",
]
Values = Sequence[float | None]

_DOT = {"marker": "o", "ms": 8, "mec": COLOURS["paper"], "mew": 1.5}
_RING = {"marker": "o", "ms": 15, "mfc": "none", "mec": COLOURS["ink"], "mew": 1.5, "ls": "none"}
_LOOKS: dict[Look, dict[str, Any]] = {
    "solid": {"color": COLOURS["accent"], "lw": 2.2},
    "dashed": {"color": COLOURS["accent"], "lw": 1.5, "ls": (0, (6, 2))},
    "dotted": {"color": COLOURS["accent"], "lw": 1.8, "ls": (0, (1.2, 2))},
    "quiet": {"color": COLOURS["muted"], "lw": 1.6, "ls": (0, (7, 2, 1.5, 2))},
    "expected": {"color": COLOURS["muted"], "lw": 1.8},
    "expected high": {"color": COLOURS["muted"], "lw": 1.8, "ls": (0, (4, 2.5))},
    "cloud": {"color": COLOURS["accent"], "lw": 5, "alpha": 0.6, "solid_capstyle": "round"},
    "ring": _RING,
    "level": {"color": COLOURS["ink"], "lw": 1.2, "ls": (0, (4, 3))},
    "vertical": {"color": COLOURS["muted"], "lw": 1},
    "dots": {"color": COLOURS["accent"], "ls": "none"} | _DOT,
    "open dots": {"color": COLOURS["accent"], "ls": "none"}
    | _DOT
    | {"mfc": COLOURS["paper"], "mec": COLOURS["accent"]},
}
WIDE, NARROW = 720.0, 360.0
SMALL = 12.5
_HEIGHT, _ROW, _SWATCH, _BELOW, _ABOVE = 230.0, 18.0, 26.0, 50.0, 12.0
#: An interval may make the scale this much higher than everything else does.
_FAR = 1.5


@dataclass(frozen=True)
class Curve:
    """One line, or a cloud of dots, or rings around points; ``reach`` are intervals of the points, if they have any.

    One that ``leaves`` goes off the scale at the top instead of making it much higher.
    """

    label: str
    xs: Sequence[float]
    ys: Values
    look: Look
    reach: Sequence[tuple[float | None, float | None]] = ()
    leaves: bool = False

    @property
    def known(self) -> list[float]:
        """The values that are known."""
        return [y for y in self.ys if y is not None]


@dataclass(frozen=True)
class LevelLine:
    """A threshold across the whole drawing."""

    label: str
    value: float


@dataclass(frozen=True)
class VerticalLine:
    """A place on the scale sideways that has a name, such as a capacity."""

    label: str
    value: float


@dataclass(frozen=True)
class Band:
    """What lies between two lines, where both are known."""

    xs: Sequence[float]
    lows: Values
    highs: Values


@dataclass(frozen=True)
class Plot:
    """Curves on one scale from zero, ``unit`` upwards and ``across`` sideways, which ``axis`` names."""

    curves: Sequence[Curve]
    levels: Sequence[LevelLine]
    unit: Style
    across: Style
    axis: str
    bands: Sequence[Band] = ()
    verticals: Sequence[VerticalLine] = ()

    def shown(self) -> list[Curve]:
        """Return the curves of which anything is known."""
        return [curve for curve in self.curves if curve.known]

    def ends(self) -> tuple[float, float]:
        """Return the right end and the top of the scales."""
        shown = self.shown()
        right = max([x for curve in shown for x in curve.xs] + [line.value for line in self.verticals], default=0.0)
        held = [level.value for level in self.levels] + [y for curve in shown if not curve.leaves for y in curve.known]
        reach = [y for curve in shown if curve.leaves for y in curve.known]
        reach += [high for curve in shown for _, high in curve.reach if high is not None]
        most = max(held, default=max(reach, default=0.0))
        return right * 1.02 or 1.0, max(most, min(max(reach, default=0.0), _FAR * most)) * 1.06 or 1.0

    def names(self) -> list[tuple[str, Look, float]]:
        """Return what is named: the words, how it is drawn, and at which height it ends."""
        named = [(curve.label, curve.look, curve.known[-1]) for curve in self.shown()]
        levels: list[tuple[str, Look, float]] = [
            (f"{level.label} {spell(level.value, self.unit)}", "level", level.value) for level in self.levels
        ]
        return [*named, *levels]


def size(plot: Plot, narrow: bool) -> tuple[float, float]:
    """Return the width and height of a drawing."""
    legend = _ROW * len(plot.names()) + 6 if narrow else 0.0
    return (NARROW if narrow else WIDE), _ABOVE + legend + _ROW * len(plot.verticals) + _HEIGHT + _BELOW


def draw(figure: Figure, plot: Plot, narrow: bool) -> None:
    """Draw a plot with its scales and names."""
    width, height = figure.get_size_inches() * 72
    right, top = plot.ends()
    upwards = Scale(0.0, top).ticks(5)
    words = tick_words(plot.unit, top)
    left = max(text_width(words(tick), SMALL) for tick in upwards) + 10
    beside = 0.0 if narrow else max(text_width(name, SMALL) for name, _, _ in plot.names()) + _SWATCH + 18
    across = max(width - left - beside - 12, width / 3)
    axes = figure.add_axes((left / width, _BELOW / height, across / width, _HEIGHT / height))
    axes.set(xlim=(0, right), ylim=(0, top))
    for band in plot.bands:
        lows, highs = _known(band.lows), _known(band.highs)
        axes.fill_between(band.xs, lows, highs, color=COLOURS["accent"], alpha=0.16, lw=0)
    for level in plot.levels:
        axes.plot([0, right], [level.value] * 2, **_LOOKS["level"])
    _verticals(axes, plot)
    for curve in sorted(plot.shown(), key=lambda curve: curve.look != "cloud"):
        _curve(axes, curve, top)
    quiet_axis(axes, "y", upwards, words)
    quiet_axis(axes, "x", Scale(0.0, right).ticks(5 if narrow else 7), tick_words(plot.across, right), pad=10)
    start, end = axes.bbox.x0, axes.bbox.x1
    note: dict[str, Any] = {"size": SMALL, "color": COLOURS["muted"], "transform": _pixels()}
    axes.text(end, 6, fitted(plot.axis, SMALL, end - start), ha="right", **note)
    _names(axes, plot, narrow, height)


def _verticals(axes: Axes, plot: Plot) -> None:
    """Draw what has a name sideways as a line up to its words, each of which has a row of its own above the scale."""
    _, top = plot.ends()
    row = _ROW / _HEIGHT * top
    for place, mark in enumerate(sorted(plot.verticals, key=lambda mark: mark.value), 1):
        x = float(axes.transData.transform((mark.value, 0))[0])
        words = f"{mark.label} {spell(mark.value, plot.across)}"
        left = x + text_width(words, SMALL) + 6 < axes.figure.bbox.x1
        axes.plot([mark.value] * 2, [0, top + row * place], **_LOOKS["vertical"], clip_on=False)
        note: dict[str, Any] = {"size": SMALL, "color": COLOURS["ink"], "va": "top", "transform": _pixels()}
        y = float(axes.transData.transform((0, top + row * place))[1])
        axes.text(x + (5 if left else -5), y, words, ha="left" if left else "right", **note)


def _curve(axes: Axes, curve: Curve, top: float) -> None:
    look, ys = _LOOKS[curve.look], _known(curve.ys)
    xs = np.asarray(curve.xs, dtype=float)
    if curve.leaves and (ys > top).any():
        out = int(np.argmax(ys > top))
        xs, ys = xs[: out + 1].copy(), ys[: out + 1].copy()
        xs[-1] = np.interp(top, ys[-2:], xs[-2:]) if out else xs[0]
        ys[-1] = top
    if curve.look == "cloud":  # lines of no length with round ends: one path, however many dots
        xs, ys = np.repeat(xs, 3), np.repeat(ys, 3)
        ys[2::3] = np.nan
    axes.plot(xs, ys, clip_on=False, **look)
    for x, (low, high) in zip(curve.xs, curve.reach, strict=False):
        if low is None and high is None:
            continue
        ends = [max(low or 0.0, 0.0), top if high is None else min(high, top)]
        axes.plot([x, x], ends, color=look["color"], lw=2, solid_capstyle="butt", clip_on=False)
        for end in (end for end, known in zip(ends, (low, high), strict=True) if end == known):
            axes.plot([x], [end], marker="_", ms=9, mew=2, color=look["color"], ls="none", clip_on=False)


def _names(axes: Axes, plot: Plot, narrow: bool, height: float) -> None:
    """Write the names with a piece of their line: beside the ends, kept apart, or above the drawing."""
    from matplotlib.lines import Line2D

    names = plot.names()
    if narrow:
        left = 2.0
        heights = [height - _ROW * (place + 0.5) for place in range(len(names))]
    else:
        left = axes.bbox.x1 + 10
        wanted = [float(axes.transData.transform((0, y))[1]) for _, _, y in names]
        heights = apart(wanted, _ROW, axes.bbox.y0, axes.bbox.y1)
    for (name, look, _), y in zip(names, heights, strict=True):
        style = _LOOKS[look] | ({"ms": 8, "mew": 1.2} if look == "ring" else {})
        xs = [left, left + 10, left + 20] if look not in ("cloud", "ring", "dots", "open dots") else [left + 10] * 2
        mark = Line2D(xs, [y] * len(xs), transform=_pixels(), markevery=[len(xs) // 2], **style)
        axes.figure.add_artist(mark)
        words = fitted(name, SMALL, NARROW - _SWATCH - 4) if narrow else name
        text: dict[str, Any] = {"size": SMALL, "color": COLOURS["ink"], "va": "center_baseline"}
        axes.text(left + _SWATCH, y, words, transform=_pixels(), **text)


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return heights near the wanted ones that are at least ``gap`` apart and, if they all fit, within the bounds."""
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    found = list(wanted)
    floor = low
    for place in order:
        found[place] = floor = max(wanted[place], floor)
        floor += gap
    ceiling = max(high, low + gap * (len(order) - 1))
    for place in reversed(order):
        found[place] = ceiling = min(found[place], ceiling)
        ceiling -= gap
    return found


def quiet_axis(
    axes: Axes, side: Literal["x", "y"], at: Sequence[float], words: Callable[[float], str], pad: float = 6
) -> None:
    """Give an axis thin lines at a few values, and nothing else; ``pad`` keeps what spells them off the scale.

    What spells a value near the end of the x-axis is kept inside the drawing.
    """
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_ticks(list(at), [words(tick) for tick in at])
    axes.tick_params(axis=side, length=0, pad=pad, labelsize=SMALL, labelcolor=COLOURS["muted"])
    axes.grid(axis=side, color=COLOURS["rule"], lw=1, clip_on=False)
    for tick, label in zip(at, axis.get_ticklabels(), strict=True) if side == "x" else ():
        x, half = float(axes.transData.transform((tick, 0))[0]), text_width(label.get_text(), SMALL) / 2
        if x + half > axes.figure.bbox.x1:
            label.set_horizontalalignment("right")
        elif x < half:
            label.set_horizontalalignment("left")


def _known(values: Values) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def _pixels() -> Any:
    from matplotlib.transforms import IdentityTransform

    return IdentityTransform()
