"""The deployment as a drawn picture: the request path, and which part of it this run exercised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from helpers.report.components.figures import drawn_figure
from helpers.runs.run import Run

ComponentState = Literal["exercised", "stand-in", "not in this run"]
GLYPHS: dict[ComponentState, str] = {"exercised": "✓", "stand-in": "≈", "not in this run": "–"}


@dataclass(frozen=True)
class Component:
    """One part of the request path, what it is in this run, and whether the run used it."""

    name: str
    detail: str
    state: ComponentState


def picture(run: Run) -> Markup:
    """Return the request path through the deployment as a figure."""
    parts = _parts(run)
    used = [part.name for part in parts if part.state != "not in this run"]
    finding = f"From {used[0]} to {used[-1]}: what this run exercised" if used else "This run exercised nothing"
    boxes = Markup().join(_box(part) for part in parts)
    return drawn_figure(
        "architecture",
        finding,
        "✓ exercised · ≈ something stood in for it · – not in this run",
        [Markup('<ol class="path">{}</ol>').format(boxes)],
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


def _box(part: Component) -> Markup:
    return Markup(
        '<li class="{}"><b>{}</b><span role="img" aria-label="{}">{}</span><small class="quoted">{}</small></li>'
    ).format(part.state.replace(" ", "-"), part.name, part.state, GLYPHS[part.state], part.detail)
