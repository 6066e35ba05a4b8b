"""The deployment as a drawn picture: the way of a request, and which part of it this run exercised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from helpers.report.components.figures import drawn_figure
from helpers.report.components.svg import fitted
from helpers.runs.run import Run

ComponentState = Literal["exercised", "stand-in", "not in this run"]
GLYPHS: dict[ComponentState, str] = {"exercised": "✓", "stand-in": "≈", "not in this run": "–"}
OUTLINES: dict[ComponentState, str] = {
    "exercised": "stroke:var(--accent);stroke-width:2",
    "stand-in": "stroke:var(--accent);stroke-width:2;stroke-dasharray:6 4",
    "not in this run": "stroke:var(--rule);stroke-width:1.5",
}
_NAME, _SMALL, _PAD = 14.0, 12.0, 9.0
#: Columns, width and height of a box, and the gaps between boxes, wide and narrow, in pixels.
_WIDE, _NARROW = (5, 124.0, 56.0, 25.0, 34.0), (1, 356.0, 54.0, 0.0, 20.0)


@dataclass(frozen=True)
class Component:
    """One part on the way of a request, what stands there in this run, and whether the run used it."""

    name: str
    detail: str
    state: ComponentState


def picture(run: Run) -> Markup:
    """Return the way of a request through the deployment, as a figure for wide and narrow screens."""
    parts = _parts(run)
    used = [part.name for part in parts if part.state != "not in this run"]
    finding = f"From {used[0]} to {used[-1]}: what this run exercised" if used else "This run exercised nothing"
    description = ", ".join(f"{part.name}: {part.detail} ({part.state})" for part in parts)
    drawings = [_svg(parts, style, layout, description) for style, layout in (("wide", _WIDE), ("narrow", _NARROW))]
    return drawn_figure(
        "architecture", finding, "✓ exercised · ≈ something stood in for it · – not in this run", drawings
    )


def _parts(run: Run) -> list[Component]:
    params, results = run.params, run.results()
    asked = params.backend != "replay"
    real: ComponentState = "exercised" if params.is_billed else "stand-in" if asked else "not in this run"
    here = params.instance
    instance = "this machine" if params.is_here else f"{here.vendor} {here.type} {here.size}" if asked else "none"
    watched: ComponentState = "exercised" if results.monitoring and not results.monitoring.reason else "not in this run"
    token = "token to its origin" if params.is_billed else "over loopback" if asked else "none"
    own: ComponentState = "exercised" if asked else "not in this run"
    endpoint = "managed" if params.deployment else "a server elsewhere"
    if params.backend != "endpoint":
        endpoint = "local server" if asked else "none"
    elif params.is_here:
        endpoint = "on this machine"
    elif params.provider:
        endpoint, instance, real = f"provider: {params.provider}", "not shown", "not in this run"
    return [
        Component("visitor", "in the app alone", "not in this run"),
        Component("web app", "helpers app", "not in this run"),
        Component("client", token, own),
        Component("endpoint", endpoint, "exercised" if params.backend == "endpoint" else real),
        Component("instance", instance, real),
        Component("model", run.manifest.model if asked else "none", own),
        Component("summary", "as written" if asked else "recorded", "exercised" if asked else "stand-in"),
        Component("request log", "every attempt", "exercised"),
        Component("dashboard", "page 06", watched),
        Component("alerts", "over the log", watched),
    ]


def _svg(
    parts: list[Component], style: str, layout: tuple[int, float, float, float, float], description: str
) -> Markup:
    columns, wide, high, beside, below = layout
    rows = -(-len(parts) // columns)
    width, height = columns * wide + (columns - 1) * beside + 4, rows * high + (rows - 1) * below + 4
    boxes = []
    for place, part in enumerate(parts):
        x, y = 2 + place % columns * (wide + beside), 2 + place // columns * (high + below)
        boxes.append(_box(part, x, y, wide, high))
        if place + 1 < len(parts):
            ends_row = (place + 1) % columns == 0
            boxes.append(_down(x, y, width, layout) if ends_row else _right(x + wide, y + high / 2, beside))
    return Markup(
        '<svg id="architecture-{0}" class="{0}" viewBox="0 0 {1:g} {2:g}" width="{1:g}" height="{2:g}" role="img" '
        'aria-labelledby="architecture-{0}-title architecture-{0}-desc"><title id="architecture-{0}-title">'
        'The way of a request</title><desc id="architecture-{0}-desc">{3}</desc>{4}</svg>'
    ).format(style, width, height, description, Markup().join(boxes))


def _box(part: Component, x: float, y: float, wide: float, high: float) -> Markup:
    room = wide - 2 * _PAD
    lines = ((part.name, _NAME, "ink", 600), (part.detail, _SMALL, "muted", 400))
    texts = [
        Markup('<text x="{:g}" y="{:g}" style="font-size:{:g}px;font-weight:{};fill:var(--{})">{}</text>').format(
            x + _PAD, y + 22 + 18 * line, size, weight, ink, fitted(text, size, room)
        )
        for line, (text, size, ink, weight) in enumerate(lines)
    ]
    glyph = Markup('<text x="{:g}" y="{:g}" style="font-size:{:g}px;text-anchor:end;fill:var(--ink)">{}</text>').format(
        x + wide - _PAD, y + 22, _NAME, GLYPHS[part.state]
    )
    outline = Markup('<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" rx="6" style="fill:none;{}"/>').format(
        x, y, wide, high, OUTLINES[part.state]
    )
    return outline + Markup().join(texts) + glyph


def _right(x: float, y: float, gap: float) -> Markup:
    return _arrow(f"M{x + 2:g} {y:g}H{x + gap - 4:g}m-6 -4l6 4l-6 4")


def _down(x: float, y: float, width: float, layout: tuple[int, float, float, float, float]) -> Markup:
    """Return the arrow from the last box of a row to the first of the next."""
    columns, wide, high, _, below = layout
    start, first = x + wide / 2, 2 + wide / 2
    turn = f"v{below / 2:g}H{first:g}v{below / 2 - 6:g}" if columns > 1 else f"v{below - 6:g}"
    return _arrow(f"M{start:g} {y + high + 2:g}{turn}m-4 -6l4 6l4 -6")


def _arrow(path: str) -> Markup:
    return Markup('<path d="{}" style="fill:none;stroke:var(--muted);stroke-width:1.5"/>').format(path)
