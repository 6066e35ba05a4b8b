"""The data beside the pages: everything that a figure on a page points to, its schema, and the summaries.

What was published last is kept with a run, so that the front page can say what has changed since.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from helpers.core.errors import InputError
from helpers.core.text import harmless
from helpers.cost.costs import StrategyCost, strategy_costs
from helpers.cost.projection import Projection
from helpers.monitoring.alerts import Alerted
from helpers.monitoring.series import SERIES
from helpers.report.views.common import published_requests
from helpers.runs.directory import attach
from helpers.runs.manifest import Manifest
from helpers.runs.request_log import final_attempts
from helpers.runs.results.store import PAGES, Results, read_result
from helpers.runs.review_summary import ReviewSummary, read_summaries
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison, Side, compare, makings, side
from helpers.verdicts.compute import alerted, all_looks, judgement, projection, recommendation, setting_choice
from helpers.verdicts.history import History, history_of
from helpers.verdicts.looks import LEDGER, Look
from helpers.verdicts.recommendation import Choice, SettingChoice
from helpers.verdicts.targets import Judgement

SCHEMA = "results.schema.json"
#: The files that the figures of a page name, and what each holds; one that a run has no use for is absent.
KINDS: dict[str, Any] = {
    "manifest.json": Manifest,
    **{f"results/{page}.json": kind for page, (_, kind) in PAGES.items()},
    "results/alerts.json": Alerted,
    "results/judged.json": Judgement,
    LEDGER: list[Look],
    "results/history.json": History,
    "results/reviews.json": ReviewSummary,
    "results/choice.json": Choice,
    "results/settings_choice.json": SettingChoice,
    "results/changes.json": Comparison,
    "results/cost.json": Projection,
    "results/load_cost.json": list[StrategyCost],
    "results/requests.json": dict[str, dict[str, Any]],
}

#: In a run's directory: what was published when it began.
PREVIOUS = "previous.json"
#: The one of a site's files that holds everything its numbers point to.
RESULTS = "results.json"

#: The columns of the published summaries; ``service_time`` is in seconds, of the request that brought the summary.
SUMMARIES = (
    "id",
    "summary",
    "rouge_l",
    "key_fact_recall",
    "input_tokens",
    "output_tokens",
    "lost_tokens",
    "tokens_by",
    "service_time",
    "model",
    "revision",
    "date",
)


def site_data(run: Run) -> dict[str, Any]:
    """Return the content of ``results.json``: by the file that a figure names, what it points into."""
    measured, results = read_pages(run), run.results()
    priced = run.params.provider is None
    found = {
        "manifest.json": run.manifest,
        **measured,
        "results/alerts.json": alerted(run) if (run.directory / SERIES).exists() else None,
        "results/judged.json": judgement(run),
        "results/reviews.json": read.summary if (read := read_summaries(run)) else None,
        LEDGER: all_looks(run),
        "results/history.json": history_of(run),
        "results/choice.json": recommendation(run),
        "results/settings_choice.json": setting_choice(run),
        "results/changes.json": changes(run),
        "results/cost.json": projection(run),
        "results/load_cost.json": list(strategy_costs(results.load_capacity, run.params)) if priced else None,
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


def keep_previous(run: Run, out: Path) -> None:
    """Keep what is published in ``out`` now, before this run replaces it; a resumed run has it already."""
    for published, kept in ((RESULTS, PREVIOUS), (LEDGER, LEDGER)):
        if (out / published).is_file() and not (run.directory / kept).exists():
            shutil.copyfile(out / published, run.directory / kept)


def changes(run: Run) -> Comparison | None:
    """Return what changed since the last published report; ``None`` without one that can be read."""
    before = previous(run)
    return changes_since(before, run) if before else None


def changes_since(before: Side, run: Run) -> Comparison:
    """Return what changed since another run.

    Service times are compared on the same processor only: another one is no change of the deployment.
    """
    found = compare(before, side(run), run.params.measure.resampling_seed)
    if before.makings["processor"] == run.manifest.processor:
        return found
    return found.model_copy(update={"paired": {n: p for n, p in found.paired.items() if n != "service_time"}})


def previous(run: Run) -> Side | None:
    """Return what lay published when a run began; ``None`` without any that can be read."""
    return _side(run.directory / PREVIOUS)


def baseline_at(path: Path) -> Side:
    """Return what is compared with, by a run's directory, a folder of published pages or its ``results.json``.

    Raises `InputError` when it is none of them.
    """
    if (path / "manifest.json").is_file():
        return side(attach(path.resolve()))
    found = _side(path / RESULTS if path.is_dir() else path)
    if found is None:
        raise InputError(f"--baseline {path}: neither a run nor published pages that this version can read "
                         f"({RESULTS}); give a directory of runs/, or the folder of a published report")  # fmt: skip
    return found


def write_summaries(run: Run, path: Path) -> None:
    """Write the summaries as CSV, one row per dialogue; what a spreadsheet would run gets an apostrophe in front."""
    result, manifest = run.results().sample_eval, run.manifest
    times = {record.request: record.service_time for record in final_attempts(run.log.read())}
    made_by = [manifest.model, manifest.revision, f"{manifest.started_at:%Y-%m-%d}"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SUMMARIES)
        for row in result.samples if result else ():
            scores = [row.scores.get(name, "") for name in ("rougeL", "key_fact_recall")]
            counts = [row.input_tokens, row.output_tokens, row.lost_tokens, row.tokens_by]
            summary = "hidden by privacy.text" if row.summary is None else row.summary
            cells = [row.id, summary, *scores, *counts, times.get(row.request or ""), *made_by]
            writer.writerow([harmless(cell) for cell in cells])


def _side(path: Path) -> Side | None:
    """Return a published report as one side; ``None`` when there is none, or one of another version."""
    try:
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest.model_validate(tree["manifest.json"])
        found = {
            name: kind.model_validate(tree[f"results/{page}.json"])
            for page, (name, kind) in PAGES.items()
            if f"results/{page}.json" in tree
        }
        verdicts = {row["name"]: row["verdict"] for row in tree["results/judged.json"]["rows"]}
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
    params = manifest.given | manifest.defaulted
    return Side(manifest.run, makings(manifest, params), Results(**found), verdicts)
