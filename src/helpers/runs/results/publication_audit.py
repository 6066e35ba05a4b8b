"""Page 07: published claims, each computed again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from helpers.core.model import Frozen
from helpers.runs.results.base import PageResult
from helpers.stats.intervals import Estimate

ClaimVerdict = Literal["holds", "does not hold", "cannot be checked"]
Spelling = Literal["plain", "count", "s", "minutes", "usd", "rate", "score", "ratio"]


class Figure(Frozen):
    """One figure of a claim, published or re-computed, or a word quoted from the published report."""

    value: int | float | str | None
    style: Spelling = "plain"


class Claim(Frozen):
    """One published claim, re-computed; its texts are templates whose ``{names}`` are keys of ``figures``."""

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
