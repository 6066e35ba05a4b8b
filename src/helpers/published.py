"""The report that was published last, so that the next one can say what has changed since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from helpers.runs.manifest import Manifest
from helpers.runs.results.store import PAGES, Results
from helpers.runs.run import Run
from helpers.verdicts.changes import Comparison, Side, compare, makings, side

#: In a run's directory: what was published when it began.
PREVIOUS = "previous.json"
#: The one of a site's files that holds everything its numbers point to.
DATA = "results.json"


def keep_previous(run: Run, out: Path) -> None:
    """Keep what is published in ``out`` now, before this run replaces it; a resumed run has it already."""
    published, kept = out / DATA, run.directory / PREVIOUS
    if published.is_file() and not kept.exists():
        shutil.copyfile(published, kept)


def changes(run: Run) -> Comparison | None:
    """Return what changed since the last published report; ``None`` without one that can be read.

    Service times are compared on the same processor only: another one is no change of the deployment.
    """
    before = _side(run.directory / PREVIOUS)
    if before is None:
        return None
    found = compare(before, side(run), run.params.measure.resampling_seed)
    if before.makings["processor"] == run.manifest.processor:
        return found
    return found.model_copy(update={"paired": {n: p for n, p in found.paired.items() if n != "service_time"}})


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
