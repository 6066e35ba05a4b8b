"""How fast the ways to answer that pages 03 and 04 compare were, and by how much faster than their references."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers.comparison import ratio
from helpers.intervals import Estimate, mean, within
from helpers.request_log import Record

if TYPE_CHECKING:
    from helpers.experiments.quantization import Candidate


def latency(records: Sequence[Record]) -> Estimate:
    """Return the mean service time, seconds; the unit is the dialogue, or its repeats where only one was asked."""
    times = [r.service_time or 0.0 for r in records]
    one = len({r.sample for r in records}) == 1
    return within(mean(times, None if one else [r.sample for r in records]), 0.0, math.inf)


def speedup(slower: Sequence[Record], faster: Sequence[Record]) -> Estimate | None:
    """Return the time of one way over the time of another on the dialogues that both answered, if there are any."""
    theirs, ours = _by_dialogue(slower), _by_dialogue(faster)
    shared = sorted(set(theirs) & set(ours))
    return ratio([theirs[s] for s in shared], [ours[s] for s in shared]) if shared else None


def speeds(candidates: Sequence[Candidate], batch: int) -> dict[str, dict[str, Any]]:
    """Return the fields of a variant's result that come from its times, by name, for those that answered.

    ``batch`` is how many dialogues were sent at once.
    """
    answered = [c for c in candidates if c.singles]
    fp32 = [c.singles for c in answered if c.variant.dtype == "float32"]
    fastest = min(fp32, key=lambda records: sum(_by_dialogue(records).values()), default=[])
    return {
        c.variant.name: {
            "latency": latency(c.singles),
            "by_length": {name: latency(records) for name, records in _grouped(c.singles).items()},
            "speedup": speedup(candidates[0].singles, c.singles),
            "speedup_fp32": speedup(fastest, c.singles),
            "batch_rate": _rate(c.batches, batch),
        }
        for c in answered
    }


def lengths(candidates: Sequence[Candidate]) -> dict[str, int]:
    """Return the tokens of every dialogue that was asked, shortest first, by its id."""
    known = {r.sample: r.input_tokens for c in candidates for r in c.singles if r.input_tokens is not None}
    return dict(sorted(known.items(), key=lambda pair: (pair[1], pair[0])))


def _grouped(records: Sequence[Record]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.input_tokens or 0, r.sample)):
        groups[record.sample].append(record)
    return dict(groups)


def _by_dialogue(records: Sequence[Record]) -> dict[str, float]:
    return {name: sum(r.service_time or 0.0 for r in rows) / len(rows) for name, rows in _grouped(records).items()}


def _rate(records: Sequence[Record], batch: int) -> Estimate | None:
    rates = [batch / r.service_time for r in records if r.service_time]
    return within(mean(rates), 0.0, math.inf) if rates else None
