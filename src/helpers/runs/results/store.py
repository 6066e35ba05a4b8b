"""The results of a run: ``results/NN.json`` in its directory, read and written.

A result with a ``reason`` measured nothing and says why; its other fields then keep their empty defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from helpers.core.environment import redact
from helpers.core.errors import RunError
from helpers.core.model import Frozen
from helpers.runs.results.base import PageResult
from helpers.runs.results.deploy_check import DeployCheck
from helpers.runs.results.latency_cost import LatencyCost
from helpers.runs.results.load_capacity import LoadCapacity
from helpers.runs.results.monitoring import Monitoring
from helpers.runs.results.publication_audit import PublicationAudit
from helpers.runs.results.quantization import Quantization
from helpers.runs.results.sample_eval import SampleEval


class Results(Frozen):
    """The results of a run, page by page; a page that was not run is ``None``."""

    deploy_check: DeployCheck | None = None
    sample_eval: SampleEval | None = None
    latency_cost: LatencyCost | None = None
    quantization: Quantization | None = None
    monitoring: Monitoring | None = None
    load_capacity: LoadCapacity | None = None
    publication_audit: PublicationAudit | None = None


#: Page number → its result's field in `Results`, and its type.
PAGES: dict[str, tuple[str, type[PageResult]]] = {
    "01": ("deploy_check", DeployCheck),
    "02": ("sample_eval", SampleEval),
    "03": ("latency_cost", LatencyCost),
    "04": ("quantization", Quantization),
    "06": ("monitoring", Monitoring),
    "05": ("load_capacity", LoadCapacity),
    "07": ("publication_audit", PublicationAudit),
}

P = TypeVar("P", bound=PageResult)


def write_result(folder: Path, result: PageResult) -> None:
    """Write a page's result, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.page}.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(redact(result.model_dump_json(indent=1)) + "\n", encoding="utf-8")
    unfinished.replace(path)


def read_result(folder: Path, page: str) -> PageResult | None:
    """Return a page's result as stored on disk, or ``None`` when the page was not run."""
    path = folder / f"{page}.json"
    if not path.exists():
        return None
    try:
        return PAGES[page][1].model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{path.name}: not a result of this version: {where} {first['msg']}; measure again") from None


def read_results(folder: Path) -> Results:
    """Return the results of all pages that were run."""
    return Results(**{field: read_result(folder, page) for page, (field, _) in PAGES.items()})
