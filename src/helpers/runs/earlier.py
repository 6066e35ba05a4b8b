"""The requests sent before a run was interrupted: which are settled, and which are sent again when the run resumes.

An answer is settled, and so is a failure that an undisturbed run would have left at that. What failed because the
deployment was unreachable is sent again, and stays a failure of it. A request that never ended is sent again by one
that supersedes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from helpers.core.errors import UNREACHABLE, Failure
from helpers.runs.request_log import Phase, Record

#: This many requests in a row that find the deployment unreachable end the sending: it is down.
DOWN_AFTER = 3

Key = tuple[Phase, str, int]


@dataclass(frozen=True)
class Unsettled:
    """The requests that are sent again: those of an ``outage``, and those that were ``broken_off``."""

    outage: frozenset[str] = frozenset()
    broken_off: frozenset[str] = frozenset()

    def __contains__(self, request: str) -> bool:
        return request in self.outage or request in self.broken_off


@dataclass(frozen=True)
class Earlier:
    """The last attempts of a page by phase, sample and repeat, and which requests are sent again."""

    records: Mapping[Key, Record] = field(default_factory=dict)
    unsettled: Unsettled = Unsettled()

    def settled(self, key: Key) -> Record | None:
        """Return the last attempt at what is not sent again."""
        record = self.records.get(key)
        return None if record is None or record.request in self.unsettled else record

    def superseded(self, key: Key) -> str | None:
        """Return the request that counts no longer once this is sent again; what failed in an outage still counts."""
        record = self.records.get(key)
        return None if record is None or record.request in self.unsettled.outage else record.request


def unsettled(records: Sequence[Record], resumed_at: datetime | None) -> Unsettled:
    """Return what a run that resumed at ``resumed_at`` sends again of what it had logged before.

    An outage is a row of failures of an unreachable deployment: as many as end the sending, or the last ones before the
    interruption. The last request of all, if it failed, may have had attempts to come.
    """
    if resumed_at is None:
        return Unsettled()
    before = [record for record in records if record.started_at < resumed_at]
    rows = [(gone, list(row)) for gone, row in groupby(before, lambda record: record.kind in UNREACHABLE)]
    outage = {
        record.request
        for place, (gone, row) in enumerate(rows)
        if gone and (place == len(rows) - 1 or len({record.request for record in row}) >= DOWN_AFTER)
        for record in row
    }
    broken = {record.request for record in before if record.kind == Failure.CANCELLED}
    last = before[-1] if before else None
    broken |= {last.request} if last and not last.ok and last.request not in outage else set()
    return Unsettled(frozenset(outage - broken), frozenset(broken))
