"""What a tracking service is told of a finished run, whichever it is: its making, its curves, tables and figures.

Everything comes from the request log, the results and the pages, which hold no more text than ``privacy.text`` allows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.core.environment import redact
from helpers.runs.manifest import Manifest
from helpers.runs.request_log import Record, final_attempts
from helpers.runs.results.sample_eval import Scored
from helpers.runs.run import Run
from helpers.verdicts.compute import judgement

#: More rows of a table, and more points of a curve, are left out; distributions and counts take all of them.
MOST_ROWS = 10_000
TIMES = ("service_time", "response_time")
TOKENS = ("input_tokens", "output_tokens", "lost_tokens")
REQUESTS = ("request", "attempt", "page", "phase", "sample", "kind", "status", *TIMES, *TOKENS, "summary", "message")


@dataclass(frozen=True)
class RunTable:
    """Rows under named columns; a cell is a number, a text or ``None``."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Tracked:
    """A run as a tracking service takes it.

    ``points`` has one entry per attempt, in order; ``distributions`` are of the steady state's successes, in seconds
    and tokens; ``summary`` describes the whole run, in numbers and words; ``files`` are those that were written.
    """

    project: str
    name: str
    group: str
    config: Mapping[str, Any]
    points: Sequence[Mapping[str, float]]
    distributions: Mapping[str, Sequence[float]]
    tables: Mapping[str, RunTable]
    summary: Mapping[str, float | str]
    files: Mapping[str, Sequence[Path]]


def tracked(run: Run) -> Tracked:
    """Return all that is told of a run; no secret is in it."""
    records = run.log.read()
    return Tracked(
        project=run.params.tracking.project,
        name=run.manifest.run,
        group=run.manifest.model,
        config=_config(run.manifest),
        points=_points(records[:MOST_ROWS]),
        distributions=_distributions(records),
        tables=_tables(run, records),
        summary=_counted(records) | _figures(run),
        files=_files(run),
    )


def first_line(error: Exception) -> str:
    """Return what a service said that takes nothing, on one line."""
    return redact(next(iter(str(error).strip().splitlines()), type(error).__name__))


def _config(manifest: Manifest) -> dict[str, Any]:
    known = manifest.model_dump(mode="json", exclude={"run", "command", "given", "defaulted", "not_applied"})
    told = {k: v for k, v in (manifest.defaulted | manifest.given).items() if k not in manifest.not_applied}
    clean = redact(json.dumps({name: value for name, value in (known | told).items() if value is not None}))
    config: dict[str, Any] = json.loads(clean)
    return config


def _points(records: Sequence[Record]) -> list[dict[str, float]]:
    """Return times and tokens of each attempt, and the errors so far by kind."""
    errors: Counter[str] = Counter()
    points = []
    for record in records:
        errors.update([] if record.ok else [record.kind])
        known = {f"request/{name}": getattr(record, name) for name in (*TIMES, *TOKENS)}
        point = {name: value for name, value in known.items() if value is not None}
        point |= {f"errors/{kind}": n for kind, n in errors.items()}
        points.append({"request/ok": int(record.ok), "request/at": record.started_at.timestamp(), **point})
    return points


def _distributions(records: Sequence[Record]) -> dict[str, list[float]]:
    steady = [record for record in final_attempts(records) if record.ok and record.is_judged]
    found = {name: [v for r in steady if (v := getattr(r, name)) is not None] for name in (*TIMES, *TOKENS)}
    return {name: values for name, values in found.items() if values}


def _tables(run: Run, records: Sequence[Record]) -> dict[str, RunTable]:
    """Return the tables of attempts, dialogues and verdicts."""
    tables = {"requests": RunTable(REQUESTS, [_cells(record, REQUESTS) for record in records[:MOST_ROWS]])}
    scored = run.results().sample_eval
    if scored and scored.samples:
        tables["dialogues"] = _dialogues(scored.samples[:MOST_ROWS])
    columns = ["name", "verdict", "value", "low", "high", "n", "threshold", "reason"]
    rows = [
        [r.name, r.verdict, *_cells(r.estimate, ("value", "low", "high", "n")), r.threshold, redact(r.reason)]
        for r in judgement(run).rows
    ]
    return tables | {"verdicts": RunTable(columns, rows)}


def _counted(records: Sequence[Record]) -> dict[str, float | str]:
    errors = Counter(record.kind for record in records if not record.ok)
    return {
        "attempts": len(records),
        "requests": len({record.request for record in records}),
        "failed_attempts": sum(errors.values()),
        **{f"failed_attempts/{kind}": n for kind, n in errors.items()},
    }


def _figures(run: Run) -> dict[str, float | str]:
    """Return the figures of the pages, the verdicts and the decision."""
    scored, judged = run.results().sample_eval, judgement(run)
    found: dict[str, float | str] = {}
    if scored and scored.samples:
        found |= {f"score/{name}": one.value for name, one in scored.scores.items() if one.value is not None}
        found |= {f"output_failures/{kind}": n for kind, n in scored.failures.items()}
    found |= {f"verdict/{row.name}": row.verdict for row in judged.rows}
    found |= {f"target/{r.name}": r.estimate.value for r in judged.rows if r.estimate.value is not None}
    return found | {"decision": "SHIP" if judged.ship else "HOLD"}


def _files(run: Run) -> dict[str, Sequence[Path]]:
    directory = run.directory
    return {
        "results": [*sorted((directory / "results").glob("*.json")), directory / "manifest.json"],
        "request-log": run.log.parts(),
        "pages": sorted((directory / "site").glob("*")),
    }


def _cells(row: object, names: Iterable[str]) -> list[Any]:
    return [None if (value := getattr(row, name)) is None else _plain(value) for name in names]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else redact(str(value))


def _dialogues(rows: Sequence[Scored]) -> RunTable:
    """Return the scored dialogues; their texts are there when the result has them."""
    texts, scores = ("id", "domain", "length", "dialogue", "summary"), sorted({n for row in rows for n in row.scores})
    columns = [*texts, *TOKENS, "output_failures", *scores]
    return RunTable(
        columns,
        [
            [*_cells(row, (*texts, *TOKENS)), ", ".join(row.failures), *(row.scores.get(name) for name in scores)]
            for row in rows
        ],
    )
