"""What each page measured, as versioned typed JSON: ``results/NN.json`` in the run directory.

A result with a ``reason`` measured nothing and says why; its other fields then keep their empty defaults.
Seconds; scores and rates from 0 to 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from helpers.core.environment import redact
from helpers.core.errors import RunError
from helpers.results_base import PageResult, Row
from helpers.results_engines import Quantization, SettingsSweep
from helpers.results_load import LoadFields
from helpers.results_monitoring import Monitoring
from helpers.results_scores import Group, SampleEval
from helpers.stats.intervals import Estimate


class Probe(Row):
    """One functional probe of the deployment and what came of it."""

    name: str
    expectation: str
    passed: bool | None
    kind: str
    detail: str
    lost_tokens: int | None = None
    service_time: float | None = None
    request: str | None = None


class Check(Row):
    """One thing a deployment must do for anybody, and whether it does; ``None`` where that cannot be known."""

    name: str
    expectation: str
    passed: bool | None
    detail: str


class Declared(Row):
    """One declared property of the deployment beside what was observed; ``None`` where it cannot be observed."""

    name: str
    declared: str
    observed: str | None
    agrees: bool | None


class DeployCheck(PageResult):
    """Page 01; ``message`` is the deployment's own when it did not answer."""

    message: str = ""
    checks: tuple[Check, ...] = ()
    cold_start: float | None = None
    cold_note: str = ""
    warm: tuple[float, ...] = ()
    probes: tuple[Probe, ...] = ()
    declared: tuple[Declared, ...] = ()


class Timed(Row):
    """The service times of one dialogue, seconds, one per repeat."""

    id: str
    domain: str | None
    length: str | None
    truncated: bool | None
    mean: float
    times: tuple[float, ...]
    requests: tuple[str, ...]


class LatencyCost(PageResult):
    """Page 03: service times, rates and tokens of the steady state; costs follow from them when rendering.

    ``peak_memory_bytes`` is that of a server on this machine, so far. ``sweep`` holds other settings, asked afterwards;
    their requests count nowhere else.
    """

    mean: Estimate | None = None
    percentiles: dict[str, Estimate] = Field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    dialogues: tuple[Timed, ...] = ()
    success_rate: Estimate | None = None
    error_rate: Estimate | None = None
    errors: dict[str, int] = Field(default_factory=dict)
    tokens_per_request: Estimate | None = None
    input_tokens: Estimate | None = None
    output_tokens: Estimate | None = None
    lost_tokens: int | None = None
    truncated: int | None = None
    busy_seconds: float = 0.0
    run_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    sweep: SettingsSweep = SettingsSweep(reason="other settings were not part of this run")


class LoadCapacity(PageResult, LoadFields):
    """Page 05: what load was held, what the queueing models predict, and what five strategies would change."""


ClaimVerdict = Literal["holds", "does not hold", "cannot be checked"]
Spelling = Literal["plain", "count", "s", "minutes", "usd", "rate", "score", "ratio"]


class Figure(Row):
    """One figure of a claim, published or re-computed, or a word quoted from the publication."""

    value: int | float | str | None
    style: Spelling = "plain"


class Claim(Row):
    """One published claim, re-computed; its texts are templates whose ``{names}`` stand in ``figures``."""

    name: str
    group: str
    source: str
    claim: str
    published: str
    recomputed: str
    verdict: ClaimVerdict
    arithmetic: str
    remedy: str = ""
    figures: dict[str, Figure]


class PublicationAudit(PageResult):
    """Page 07: every published claim with its verdict, the indices of those that matter most, and the latencies."""

    claims: tuple[Claim, ...] = ()
    counts: dict[ClaimVerdict, int] = Field(default_factory=dict)
    foremost: tuple[int, ...] = ()
    latencies: tuple[float, ...] = ()
    latency: Estimate | None = None
    latency_target: float | None = None
    limitations: tuple[str, ...] = ()


class Results(Row):
    """The results of a run, page by page; a page that was not run is ``None``."""

    deploy_check: DeployCheck | None = None
    sample_eval: SampleEval | None = None
    latency_cost: LatencyCost | None = None
    quantization: Quantization | None = None
    monitoring: Monitoring | None = None
    load_capacity: LoadCapacity | None = None
    publication_audit: PublicationAudit | None = None


#: Page number → where its result stands in `Results`, and its type.
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
    """Return a page's result as it stands on disk, or ``None`` when the page was not run."""
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
