"""Finished runs with summaries in them, made without asking anybody, for the tests of reviews."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from helpers.params.files import load_params, write_params
from helpers.runs.directory import attach
from helpers.runs.manifest import Manifest
from helpers.runs.results.sample_eval import SampleEval, Scored
from helpers.runs.results.store import write_result
from helpers.runs.run import Run

MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def finished_run(folder: Path, name: str, summaries: dict[str, str], *, texts: bool = True) -> Run:
    """Return a run that answered dialogues with these summaries."""
    directory = folder / name
    directory.mkdir(parents=True)
    write_params(directory, load_params("replay"))
    manifest = Manifest(run=name, command="python -m helpers report", started_at=MOMENT, finished_at=MOMENT)
    (directory / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    rows = tuple(
        Scored(
            id=id,
            domain=None,
            length=None,
            truncated=None,
            dialogue=f"Ana: Is {id} <settled>?\nBen: Yes & at {place + 2}." if texts else "",
            references=(),
            summary=summary if texts else None,
            scores={},
        )
        for place, (id, summary) in enumerate(summaries.items())
    )
    write_result(directory / "results", SampleEval(page="02", asked=len(rows), answered=len(rows), samples=rows))
    return attach(directory)
