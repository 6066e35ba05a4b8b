"""The alert rules for a monitoring system of one's own: Prometheus rules, and a Grafana dashboard.

Both ask for the figures that the server gives at ``/metrics`` (`helpers.serving.metrics`). A histogram knows a
percentile to a bucket's width only, and Prometheus drops an alert when the data ends: the rules over a log are exact.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from helpers.params import Alerts, Rule
from helpers.serving.metrics import CORES, CPU, DURATION, REQUESTS, TOKENS

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
#: What Grafana calls the units of a rule.
_UNITS = {"s": "s", "rate": "percentunit", "count": "short", "plain": "short"}
_SUFFIXES = {"s": "humanizeDuration", "rate": "humanizePercentage", "count": "humanize", "plain": "humanize"}


def prometheus(alerts: Alerts) -> str:
    """Return a rules file with one alert per rule that a server's ``/metrics`` can tell."""
    rules = [_alert(name, rule) for name, rule in alerts.rules() if figure(name, rule)]
    return yaml.safe_dump({"groups": [{"name": "dialogue-summariser", "rules": rules}]}, sort_keys=False, width=120)


def grafana(alerts: Alerts) -> str:
    """Return a dashboard with a panel per rule, its thresholds drawn in, and one for the queue."""
    shown = [(name, rule) for name, rule in alerts.rules() if figure(name, rule)]
    panels = [_panel(place, rule.label, figure(name, rule), rule) for place, (name, rule) in enumerate(shown)]
    panels.append(_panel(len(panels), "Waiting requests", "inf_queue_size", None))
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    dashboard = {
        "title": "Dialogue summariser",
        "uid": "dialogue-summariser",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(dashboard, indent=2) + "\n"


def figure(name: str, rule: Rule) -> str:
    """Return the PromQL of what a rule watches; nothing for a GPU and for streams, which our server says nothing of."""
    window = _span(rule.window)
    answered = f'{REQUESTS}_total{{outcome="ok"}}[{window}]'
    every = f"{REQUESTS}_total[{window}]"
    percentile = {"latency_p50": 0.5, "latency_p99": 0.99}.get(name)
    if percentile is not None:
        buckets = f'{DURATION}_bucket{{error_type=""}}[{window}]'
        return f"histogram_quantile({percentile}, sum by (le) (rate({buckets})))"
    return {
        "error_rate": f"1 - (sum(rate({answered})) or vector(0)) / sum(rate({every}))",
        "throughput": f"sum(rate({answered})) or vector(0)",
        "tokens_per_request": f"sum(rate({TOKENS}_total[{window}])) / sum(rate({answered}))",
        "cpu_utilisation": f"avg(rate({CPU}[{window}]) / {CORES})",
    }.get(name, "")


def _alert(name: str, rule: Rule) -> dict[str, Any]:
    what = figure(name, rule)
    sides = ((">", rule.above), ("<", rule.below))
    beyond = " or ".join(f"({what}) {sign} {level:g}" for sign, level in sides if level is not None)
    enough = f"sum(increase({REQUESTS}_total[{_span(rule.window)}])) >= {rule.minimum}"
    counted = rule.minimum > 0 and "utilisation" not in name
    title = "".join(part.capitalize() for part in name.split("_"))
    return {
        "alert": title,
        "expr": f"({beyond}) and on() ({enough})" if counted else beyond,
        "for": _span(rule.hold),
        "labels": {"severity": "page" if name == "error_rate" else "ticket"},
        "annotations": {
            "summary": f"{_literal(rule.label)} is {{{{ $value | {_SUFFIXES[rule.unit]} }}}}",
            "description": f"{_words(rule)} over {_span(rule.window)}, for {_span(rule.hold)}; "
            f"threshold: {_literal(rule.source)}",
        },
    }


def _panel(place: int, title: str, expression: str, rule: Rule | None) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if rule is not None and rule.below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": rule.below}]
    if rule is not None and rule.above is not None:
        steps.append({"color": "red", "value": rule.above})
    unit = _UNITS[rule.unit] if rule else "short"
    drawn = {"thresholdsStyle": {"mode": "dashed" if rule else "off"}}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": title,
        "datasource": DATASOURCE,
        "gridPos": {"x": 12 * (place % 2), "y": 8 * (place // 2), "w": 12, "h": 8},
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": drawn, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": [{"refId": "A", "datasource": DATASOURCE, "expr": expression, "legendFormat": title}],
    }


def _words(rule: Rule) -> str:
    sides = (("above", rule.above), ("below", rule.below))
    return " or ".join(f"{side} {level:g}" for side, level in sides if level is not None)


def _span(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms" if seconds % 1 else f"{seconds:.0f}s"


def _literal(text: str) -> str:
    """Return a user's text so that Prometheus does not run it as a template."""
    return text.replace("{{", "{ {")
