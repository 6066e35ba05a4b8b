"""Finished runs with summaries in them, made without asking anybody, and reviews that are filled in, for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.params.files import load_params, write_params
from helpers.runs.directory import attach
from helpers.runs.manifest import Manifest
from helpers.runs.results.sample_eval import SampleEval, Scored
from helpers.runs.results.store import write_result
from helpers.runs.reviews import Review, sealed
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


def saved(path: Path, review: Review, *, reader: str = "x1", n: int = 12, **changes: Any) -> Path:
    """Write a file as the page saves it: everything usable but the first dialogue; the left side is better."""
    ratings = [
        {
            "id": put.id,
            "sides": [
                {"usable": bool(place), "faithful": bool(place), "complete": True, "kinds": [], "marks": [0, 2]}
                for _ in put.texts
            ],
            "better": "left" if len(put.texts) > 1 else None,
            "note": "",
        }
        for place, put in enumerate(review.put[:n])
    ]
    tree: dict[str, Any] = {"format": "helpers-ratings", "version": 1, "review": review.id}
    tree |= {"reader": {"id": reader, "name": "Vera Nimmermehr"}, "ratings": ratings} | changes
    tree.setdefault("seal", sealed(tree))
    path.write_text(json.dumps(tree, indent=1, ensure_ascii=False), encoding="utf-8")
    return path
