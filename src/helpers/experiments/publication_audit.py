"""Page 07: which published claims survive re-computation? No requests: the published figures are computed again."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from helpers.experiments.audit import alerts, budget, capacity, cost, description, quality, reliability, speed
from helpers.experiments.audit.basis import AuditBasis
from helpers.experiments.audit.claims import load_published
from helpers.runs.results.publication_audit import Claim, ClaimVerdict, PublicationAudit
from helpers.runs.review_summary import read_summaries
from helpers.runs.run import Run

PAGE = "07"
SUBJECTS = (speed, reliability, cost, budget, capacity, alerts, quality, description)
#: What matters to a reader who must ship, resize or roll back, weightiest first; the answer names those not upheld.
WEIGHTIEST = (
    "latency-target",
    "request-target",
    "reliability-targets",
    "deployed-quality",
    "steady-traffic",
    "alert-throughput",
    "monthly-total",
    "card-scores",
)
NAMED = 3


def measure(run: Run, *instead: str) -> PublicationAudit:
    """Re-compute every claim of the file that ``claims`` names; needs no deployment and no other page.

    ``instead`` are figures to take in place of published ones, as in ``endpoint.hourly_usd=0.2``.
    """
    if run.params.claims is None:
        return PublicationAudit(page=PAGE, reason="no published claims are given: 'claims' names no file")
    basis = AuditBasis(load_published(Path(run.params.claims), instead), run.params.prices, read_summaries(run))
    claims = tuple(recompute(basis) for subject in SUBJECTS for recompute in subject.CLAIMS)
    verdicts = [claim.verdict for claim in claims]
    return PublicationAudit(
        page=PAGE,
        claims=claims,
        counts={verdict: verdicts.count(verdict) for verdict in get_args(ClaimVerdict)},
        foremost=_foremost(claims),
        latencies=basis.latencies,
        latency=basis.latency,
        latency_target=basis.published.targets.average_latency_s.max,
        limitations=basis.published.limitations_stated,
    )


def _foremost(claims: tuple[Claim, ...]) -> tuple[int, ...]:
    places = {claim.name: place for place, claim in enumerate(claims) if claim.verdict != "holds"}
    return tuple(places[name] for name in WEIGHTIEST if name in places)[:NAMED]
