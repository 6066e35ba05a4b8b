"""One quantity has one value: what the published pages, the workbook and the data say of the same thing, collected."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from bs4 import BeautifulSoup

Said = dict[str, dict[str, Any]]

#: Rows of the workbook by sheet and first cell: the column of the figure, and the quantity that it is.
WORKBOOK = {
    ("Inputs", "Service time"): (1, "service time"),
    ("Inputs", "Tokens of a request"): (1, "tokens of a request"),
    ("Inputs", "Memory that serving takes"): (1, "memory"),
    ("Inputs", "Replicas"): (1, "replicas"),
    ("Infrastructure", "1,000 requests, compute"): (3, "cost of 1,000 requests"),
    ("Infrastructure", "1,000 tokens, compute"): (3, "cost of 1,000 tokens"),
    ("Throughput model", "Utilisation at the configured traffic"): (1, "utilisation"),
    ("Throughput model", "Most it could answer"): (1, "most requests an hour"),
    ("Throughput model", "Sustained at the utilisation limit"): (1, "sustained requests an hour"),
    ("Prices", "Cheapest that fits and sustains the traffic"): (1, "cheapest instance"),
}
#: Targets whose row shows a quantity that stands elsewhere too.
JUDGED = {
    "average_latency": "service time",
    "success_rate": "success rate",
    "error_rate": "error rate",
    "cost_per_1000_requests": "cost of 1,000 requests",
    "cost_per_1000_tokens": "cost of 1,000 tokens",
}


def collect(folder: Path) -> Said:
    """Return by quantity what each place says of it: the data behind the pages, and the workbook."""
    said: Said = defaultdict(dict)
    data = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for quantity, place, value in [*_data(data), *_workbook(folder)]:
        if value is not None:
            said[quantity][place] = value
    return dict(said)


def disagreements(said: Said) -> list[str]:
    """Return every quantity of which two places say different things."""
    return [
        f"{quantity}: {places}" for quantity, places in said.items() if len(set(map(_rounded, places.values()))) > 1
    ]


def spellings(folder: Path) -> dict[str, set[float]]:
    """Return by address every number that the pages show for a figure, in whichever unit."""
    found: dict[str, set[float]] = defaultdict(set)
    for path in sorted(folder.glob("*.html")):
        for tag in BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find_all("data"):
            text = tag.get_text().replace("−", "-").replace(",", "")
            digits = text.strip("< $%×+\N{NO-BREAK SPACE}abcdefghijklmnopqrstuvwxyzMB")
            if digits != "∞":
                found[str(tag["data-from"])].add(float(digits) / (1000 if text.endswith("ms") else 1))
    return found


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, int | float) and not isinstance(value, bool) else value


def _data(data: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    timed, cost = data.get("results/03.json") or {}, data["results/cost.json"]
    declared, basis, chosen = cost["declared"], cost["basis"], cost["choices"]
    own = next(row for row in chosen["candidates"] if row["instance"] == cost["bills"][0]["instance"])
    place = chosen["chosen"]
    if timed.get("mean"):
        yield "service time", "page 03", timed["mean"]["value"]
        yield "tokens of a request", "page 03", (timed["tokens_per_request"] or {}).get("value")
    for name in ("success_rate", "error_rate"):
        yield name.replace("_", " "), "page 03", (timed.get(name) or {}).get("value")
    yield "service time", "basis", basis["service_time"]["value"]
    yield "service time", "throughput", cost["throughput"]["service_time"]
    yield "tokens of a request", "basis", (basis["tokens_per_request"] or {}).get("value")
    yield "memory", "basis", basis["memory_gb"]
    yield "memory", "choices", chosen["memory_gb"]
    yield "replicas", "costs", declared["replicas"]
    yield "replicas", "throughput", cost["throughput"]["replicas"]
    yield "cost of 1,000 requests", "costs", declared["per_1000_requests"]["value"]
    yield "cost of 1,000 requests", "first scenario", cost["bills"][0]["per_1000_requests"]
    yield "cost of 1,000 requests", "price list", own["per_1000_requests"]
    yield "cost of 1,000 tokens", "costs", declared["per_1000_tokens"]["value"]
    yield "cost of 1,000 tokens", "first scenario", cost["bills"][0]["per_1000_tokens"]
    yield "utilisation", "costs", declared["utilisation"]["value"]
    yield "utilisation", "price list", own["busy"]
    yield "most requests an hour", "throughput", cost["throughput"]["most_per_hour"]
    yield "sustained requests an hour", "throughput", cost["throughput"]["sustained_per_hour"]
    yield "cheapest instance", "page 03", "none" if place is None else chosen["candidates"][place]["instance"]
    for assumed in (data.get("results/05.json") or {}).get("assumptions", ()):
        if abs(assumed["per_hour"] - declared["requests_per_hour"]) < 1e-6:
            yield "utilisation", "page 05", assumed["utilisation"]["value"]
    for row in data["results/judged.json"]["rows"]:
        if row["name"] in JUDGED:
            yield JUDGED[row["name"]], f"verdict on {row['name']}", row["estimate"]["value"]
        if row["name"] == "average_latency":
            yield "latency of the deployment", "verdict", row["verdict"]
    for row in (data.get("results/settings_choice.json") or {}).get("fits", ())[:1]:
        # without an answer nothing of a setting is judged
        yield "latency of the deployment", "settings", row["latency"] if row["floor_per_1000_requests"] else None
    for row in (data.get("results/choice.json") or {}).get("fits", ()):
        if row["deployed"]:
            yield "latency of the deployment", "page 04", row["latency"]
            yield "cheapest instance", "page 04", row["instance"] or "none"
            yield "memory needed", "page 04", row["needed_gb"]
            yield "memory needed", "page 03", chosen["needed_gb"]


def _workbook(folder: Path) -> Iterator[tuple[str, str, Any]]:
    book = openpyxl.load_workbook(folder / "cost_estimate.xlsx", data_only=True)
    for (sheet, label), (column, quantity) in WORKBOOK.items():
        for row in book[sheet].iter_rows(values_only=True):
            if row[0] == label:
                yield quantity, f"workbook, {sheet}", row[column]
