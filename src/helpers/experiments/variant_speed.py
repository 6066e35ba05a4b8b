"""How fast each variant of page 04 was, and by how much faster than the reference and the fastest fp32 one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from helpers.comparison import ratio
from helpers.intervals import Estimate, mean, within
from helpers.request_log import Record

if TYPE_CHECKING:
    from helpers.experiments.quantization import Candidate


def speeds(candidates: Sequence[Candidate], batch: int) -> dict[str, dict[str, Any]]:
    """Return the fields of a variant's result that come from its times, by name, for those that answered.

    Ratios are of times on the same dialogues, which is the unit; ``batch`` is how many were sent at once.
    """
    by_dialogue = {c.variant.name: _by_dialogue(c.singles) for c in candidates if c.singles}
    if not by_dialogue:
        return {}
    reference = by_dialogue.get(candidates[0].variant.name, {})
    fp32 = [c.variant.name for c in candidates if c.variant.dtype == "float32" and c.variant.name in by_dialogue]
    fastest = min((by_dialogue[name] for name in fp32), key=lambda times: sum(times.values()), default={})
    return {
        c.variant.name: {
            "latency": _latency(c.singles),
            "by_length": {name: _latency(records) for name, records in _grouped(c.singles).items()},
            "speedup": _ratio(reference, by_dialogue[c.variant.name]),
            "speedup_fp32": _ratio(fastest, by_dialogue[c.variant.name]),
            "batch_rate": _rate(c.batches, batch),
        }
        for c in candidates
        if c.singles
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


def _latency(records: Sequence[Record]) -> Estimate:
    times = [r.service_time or 0.0 for r in records]
    one = len({r.sample for r in records}) == 1
    # Repeats of one dialogue are the unit where only that dialogue is spoken of.
    return within(mean(times, None if one else [r.sample for r in records]), 0.0, math.inf)


def _ratio(slower: Mapping[str, float], faster: Mapping[str, float]) -> Estimate | None:
    shared = sorted(set(slower) & set(faster))
    return ratio([slower[s] for s in shared], [faster[s] for s in shared]) if shared else None


def _rate(records: Sequence[Record], batch: int) -> Estimate | None:
    rates = [batch / r.service_time for r in records if r.service_time]
    return within(mean(rates), 0.0, math.inf) if rates else None
