"""The data beside the pages: everything that a figure on a page points to, and the schema of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import TypeAdapter

from helpers.cost.costs import StrategyCost, strategy_costs
from helpers.cost.projection import Projection
from helpers.monitoring.alerts import Alerted
from helpers.monitoring.series import SERIES
from helpers.published import changes
from helpers.runs.manifest import Manifest
from helpers.runs.results.store import PAGES, read_result
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison
from helpers.verdicts.compute import alerted, judgement, projection
from helpers.verdicts.recommendation import Choice, SettingChoice, choose, choose_setting
from helpers.verdicts.targets import Judgement
from helpers.views.common import published_requests

SCHEMA = "results.schema.json"
#: The files that the figures of a page name, and what each holds; one that a run has no use for is absent.
KINDS: dict[str, Any] = {
    "manifest.json": Manifest,
    **{f"results/{page}.json": kind for page, (_, kind) in PAGES.items()},
    "results/alerts.json": Alerted,
    "results/judged.json": Judgement,
    "results/choice.json": Choice,
    "results/settings_choice.json": SettingChoice,
    "results/changes.json": Comparison,
    "results/cost.json": Projection,
    "results/load_cost.json": list[StrategyCost],
    "results/requests.json": dict[str, dict[str, Any]],
}


def site_data(run: Run) -> dict[str, Any]:
    """Return the content of ``results.json``: by the file that a figure names, what it points into."""
    measured, results = read_pages(run), run.results()
    timed = results.latency_cost
    found = {
        "manifest.json": run.manifest,
        **measured,
        "results/alerts.json": alerted(run) if (run.directory / SERIES).exists() else None,
        "results/judged.json": judgement(run),
        "results/choice.json": choose(results.quantization, run.params) if results.quantization else None,
        "results/settings_choice.json": choose_setting(timed.sweep, run.params) if timed else None,
        "results/changes.json": changes(run),
        "results/cost.json": projection(run),
        "results/load_cost.json": list(strategy_costs(results.load_capacity, run.params)),
        "results/requests.json": published_requests(run),
    }
    held = {name: content for name, content in found.items() if content is not None}
    return {
        "schema_version": 1,
        **{name: TypeAdapter(KINDS[name]).dump_python(content, mode="json") for name, content in held.items()},
    }


def read_pages(run: Run) -> dict[str, Any]:
    """Return the results of the pages that were run, by file."""
    found = {f"results/{page}.json": read_result(run.directory / "results", page) for page in PAGES}
    return {name: result for name, result in found.items() if result}


def data_schema() -> dict[str, Any]:
    """Return the JSON schema of ``results.json``."""
    inputs: list[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
        (name, "serialization", TypeAdapter(kind)) for name, kind in KINDS.items()
    ]
    schemas, definitions = TypeAdapter.json_schemas(inputs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What the figures of a dialogue summariser report point to",
        "type": "object",
        "required": ["schema_version", "manifest.json", "results/judged.json"],
        "additionalProperties": False,
        "properties": {
            "schema_version": {"const": 1},
            **{name: schema for (name, _), schema in schemas.items()},
        },
        **definitions,
    }
