"""What every claim is compared with, and how a comparison becomes a verdict.

Seconds, US dollars, shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from helpers.experiments.audit.claims import Below, Max, Min, Published
from helpers.params import Prices, Target
from helpers.runs.results.publication_audit import ClaimVerdict, Figure, Spelling
from helpers.runs.review_summary import ReadSummaries
from helpers.stats.intervals import Estimate, mean, rate
from helpers.verdicts.targets import decide

_OF_TARGET: dict[str, ClaimVerdict] = {"met": "holds", "missed": "does not hold"}


@dataclass(frozen=True)
class AuditBasis:
    """The published figures, a price list, what follows from both, and what readers say of this run's model."""

    published: Published
    prices: Prices
    read: ReadSummaries | None = None

    @cached_property
    def latencies(self) -> tuple[float, ...]:
        """The published latencies, seconds."""
        return tuple(value / 1000 for value in self.published.measured.latencies_ms)

    @cached_property
    def latency(self) -> Estimate:
        """Their mean; one request for each dialogue."""
        return mean(self.latencies, floor=0.0)

    @property
    def mean_latency(self) -> float:
        """The value of `latency`, seconds."""
        assert self.latency.value is not None, "there are at least two latencies"
        return self.latency.value

    @property
    def hourly(self) -> float:
        """The published price of one replica, dollars per hour."""
        return self.published.endpoint.hourly_usd

    @property
    def traffic(self) -> float:
        """The published traffic, requests per hour."""
        return self.published.cost.steady_state.requests_per_hour

    @property
    def per_request(self) -> float:
        """The cost of a request at the published traffic, dollars, idle time included."""
        return self.hourly / self.traffic

    @property
    def tokens_per_request(self) -> float:
        """The tokens that the notebook's two costs imply: cost of a request over cost of a token."""
        measured = self.published.measured
        per_token = measured.cost_per_1000_tokens_usd.notebook_output / 1000
        return measured.cost_10_requests_usd.notebook_output / per_token / measured.dialogues

    @property
    def success(self) -> Estimate:
        """The published success rate with its interval."""
        return rate(self.successes, self.published.measured.dialogues, unit="request")

    @property
    def error(self) -> Estimate:
        """The share of requests without success, with its interval."""
        asked = self.published.measured.dialogues
        return rate(asked - self.successes, asked, unit="attempt")

    @property
    def successes(self) -> int:
        """How many requests the published success rate means."""
        return round(self.published.measured.success_rate * self.published.measured.dialogues)

    def busy(self, requests_per_hour: float) -> float:
        """Return the share of the time that one replica would be answering; above 1 it cannot keep up."""
        return requests_per_hour * self.mean_latency / 3600

    def waiting(self, requests_per_hour: float) -> float | None:
        """Return the mean wait before one replica takes a request that arrives at random, seconds.

        ``None`` where it cannot keep up. Source: Pollaczek (1930), Khinchine (1932), for service times
        distributed as the published latencies.
        """
        busy = self.busy(requests_per_hour)
        second_moment = sum(value**2 for value in self.latencies) / len(self.latencies)
        return requests_per_hour / 3600 * second_moment / (2 * (1 - busy)) if busy < 1 else None


def agrees(published: float, found: float) -> bool:
    """Return whether ``found`` rounds to ``published`` at the decimals that ``published`` has."""
    exponent = Decimal(repr(published)).normalize().as_tuple().exponent
    assert isinstance(exponent, int), "figures are finite"
    # A half is shared by both neighbours, and the ninth digit is noise.
    return abs(found - published) <= 0.5 * 10.0 ** min(exponent, 0) * (1 + 1e-9)


def verdict(holds: bool | None) -> ClaimVerdict:
    """Return the verdict on something shown to be so, shown not to be so, or (``None``) not shown."""
    if holds is None:
        return "cannot be checked"
    return "holds" if holds else "does not hold"


def against(estimate: Estimate, threshold: Max | Min | Below) -> ClaimVerdict:
    """Return what the whole interval of an estimate says about a threshold."""
    target = Target(label="", unit="rate", source="publication", **threshold.model_dump())
    return _OF_TARGET.get(decide(estimate, target), "cannot be checked")


def all_of(verdicts: Iterable[ClaimVerdict]) -> ClaimVerdict:
    """Return the verdict on a claim of several parts: the worst of theirs."""
    found = set(verdicts)
    if "does not hold" in found:
        return "does not hold"
    return "cannot be checked" if "cannot be checked" in found else "holds"


def figures(style: Spelling, /, **values: int | float | str | None) -> dict[str, Figure]:
    """Return figures that are spelled in one style; a word is quoted in any."""
    return {name: Figure(value=value, style=style) for name, value in values.items()}
