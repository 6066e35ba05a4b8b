"""The variants and settings that pages 03 and 04 compare: their speed, and their quality beside their references.

Speed comes from this run's requests, quality from recorded answers, in pairs.
"""

from __future__ import annotations

import math
import shlex
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from helpers.engines.model_files import model_hashes
from helpers.engines.variant_server import ServedVariant
from helpers.experiments.recordings import (
    ScoredRecord,
    in_both,
    of_another_model,
    recorded_by,
    score_recordings,
    scored_recording,
)
from helpers.params import ComparedWith, Params
from helpers.runs.request_log import Record
from helpers.runs.sender import RequestSender
from helpers.samples.dataset import Sample, load_samples, other_samples
from helpers.stats.comparison import Paired, losses, paired, ratio
from helpers.stats.crossed import crossed
from helpers.stats.intervals import Estimate, FloatArray, mean, rate


@dataclass
class VariantUnderTest(ServedVariant):
    """One variant while it is measured, and its requests."""

    sender: RequestSender | None = None
    singles: list[Record] = field(default_factory=list)
    batches: list[Record] = field(default_factory=list)


class Way(Protocol):
    """One way to answer: what pages call it, its recorded answers, and the overrides that make them."""

    @property
    def name(self) -> str: ...
    @property
    def predictions(self) -> str | None: ...
    @property
    def overrides(self) -> tuple[str, ...]: ...


def spread(samples: Sequence[Sample], n: int) -> list[Sample]:
    """Return n samples spread over the lengths, evenly by rank, the extremes left out where there are others.

    One dialogue as long as the context would take longer than all others together, and fill every batch with padding.
    """
    ranked = sorted(samples, key=lambda sample: (len(sample.dialogue), sample.id))
    n = min(n, len(ranked))
    return [ranked[int((i + 0.5) * len(ranked) / n)] for i in range(n)]


def latency(records: Sequence[Record]) -> Estimate:
    """Return the mean service time, seconds; the unit is the dialogue, or its repeats where only one was sent.

    Where every dialogue was sent in several rounds, the interval is no narrower than rounds and dialogues together
    make it.
    """
    times = [r.service_time or 0.0 for r in records]
    one = len({r.sample for r in records}) == 1
    found = mean(times, None if one else [r.sample for r in records], floor=0.0)
    table = _table(records, sorted({r.sample for r in records}))
    if table is None or found.low is None or found.high is None:
        return found
    low, high = crossed(table)
    return found.model_copy(update={"low": max(0.0, min(low, found.low)), "high": max(high, found.high)})


def speedup(slower: Sequence[Record], faster: Sequence[Record]) -> Estimate | None:
    """Return the time of one way over the time of another on the dialogues that both answered, if there are any.

    Over several rounds the interval is no narrower than rounds and dialogues together make it: of each answer, how far
    its share in its own sum is above its share in the other.
    """
    theirs, ours = _by_dialogue(slower), _by_dialogue(faster)
    shared = sorted(set(theirs) & set(ours))
    if not shared:
        return None
    found = ratio([theirs[s] for s in shared], [ours[s] for s in shared])
    tables = _table(slower, shared), _table(faster, shared)
    if tables[0] is None or tables[1] is None or found.value is None or found.low is None or found.high is None:
        return found
    low, high = (math.exp(edge) for edge in crossed(tables[0] / tables[0].mean() - tables[1] / tables[1].mean()))
    return found.model_copy(
        update={"low": min(found.low, found.value * low), "high": max(found.high, found.value * high)}
    )


def speeds(candidates: Sequence[VariantUnderTest], batch: int) -> dict[str, dict[str, Any]]:
    """Return the fields of a variant's result that come from its times, by name, for those that answered.

    ``batch`` is how many dialogues were sent at once.
    """
    answered = [c for c in candidates if c.singles]
    fp32 = [c.singles for c in answered if c.variant.dtype == "float32"]
    shared = set.intersection(*({r.sample for r in records} for records in fp32)) if fp32 else set()
    fastest = min(
        fp32, key=lambda records: sum(_by_dialogue([r for r in records if r.sample in shared]).values()), default=[]
    )
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


def lengths(candidates: Sequence[VariantUnderTest]) -> dict[str, int]:
    """Return the tokens of every dialogue that was sent, shortest first, by its id."""
    known = {r.sample: r.input_tokens for c in candidates for r in c.singles if r.input_tokens is not None}
    return dict(sorted(known.items(), key=lambda pair: (pair[1], pair[0])))


def qualities(params: Params, section: str, ways: Sequence[Way]) -> dict[str, dict[str, Any]]:
    """Return the fields of a result that come from recorded answers, by candidate; the first is the reference.

    ``section`` names the comparison in ``params``. A candidate without a recording, or with one of other weights or
    another prompt, says how to make one. All comparisons with the reference are one family. A measure that the
    dialogues lack, such as key facts, is left out.
    """
    plan: ComparedWith = getattr(params, section)
    if plan.samples is None:
        return {way.name: {"quality_reason": f"name dialogues with {section}.samples"} for way in ways}
    samples = load_samples(other_samples(params.samples, plan.samples))
    there = {way.name: Path(way.predictions) for way in ways if way.predictions and Path(way.predictions).is_file()}
    hashes = model_hashes(params)
    stale = {name: other for name, file in there.items() if (other := of_another_model(file, hashes))}
    files = {name: file for name, file in there.items() if name not in stale}
    scored = {name: scored_recording(samples, file, params.scoring.tokenizer) for name, file in files.items()}
    first, seed = ways[0].name, params.measure.resampling_seed
    others = [name for name in scored if name != first and first in scored]
    measures: dict[str, tuple[Callable[[ScoredRecord], float | None], float]] = {
        "quality": (lambda row: row.score.rougeL, plan.margin),
        "facts": (lambda row: row.score.key_fact_recall, plan.facts_margin),
        "faithful": (lambda row: row.faithful, plan.faithful_margin),
    }
    pairs = {
        name: {key: _paired(scored[name], scored[first], *measure, seed) for key, measure in measures.items()}
        for name in others
    }
    lost = losses({name: [one for one in found.values() if one.n] for name, found in pairs.items()})
    found: dict[str, dict[str, Any]] = {}
    for way in ways:
        name = way.name
        if name not in scored:
            found[name] = {"quality_reason": _how(way, plan.samples, stale.get(name, ""))}
            continue
        scores = [row.score.rougeL for row in scored[name].values()]
        found[name] = {"rouge_l": mean(scores, floor=0.0, ceiling=1.0), "recorded_by": recorded_by(files[name])}
        if name in pairs:
            both = in_both(scored[name], scored[first])
            agreement = rate(sum(ours.texts == theirs.texts for ours, theirs in both), len(both))
            found[name] |= {**pairs[name], "p_loss": lost.get(name), "agreement": agreement}
    return found


def score_all(params: Params) -> None:
    """Score every recording that pages 02 to 04 compare, so that they find the scores in the cache."""
    score_recordings(params)
    qualities(params, "settings", params.compared_settings)
    qualities(params, "quantization", params.quantization.variants)


def _grouped(records: Sequence[Record]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.input_tokens or 0, r.sample)):
        groups[record.sample].append(record)
    return dict(groups)


def _by_dialogue(records: Sequence[Record]) -> dict[str, float]:
    return {name: sum(r.service_time or 0.0 for r in rows) / len(rows) for name, rows in _grouped(records).items()}


def _table(records: Sequence[Record], dialogues: Sequence[str]) -> FloatArray | None:
    """Return service times (dialogues, rounds); ``None`` unless every one of several rounds has every dialogue once."""
    times = {(r.sample, r.repeat): r.service_time or 0.0 for r in records}
    rounds = sorted({r.repeat for r in records})
    if min(len(rounds), len(dialogues)) < 2 or any((d, n) not in times for d in dialogues for n in rounds):
        return None
    return np.array([[times[d, n] for n in rounds] for d in dialogues])


def _rate(records: Sequence[Record], batch: int) -> Estimate | None:
    rates = [batch / r.service_time for r in records if r.service_time]
    return mean(rates, floor=0.0) if rates else None


def _paired(
    ours: Mapping[str, ScoredRecord],
    reference: Mapping[str, ScoredRecord],
    value: Callable[[ScoredRecord], float | None],
    margin: float,
    seed: int,
) -> Paired:
    both = ((value(a), value(b)) for a, b in in_both(ours, reference))
    known = [(mine, theirs) for mine, theirs in both if mine is not None and theirs is not None]
    return paired([mine for mine, _ in known], [theirs for _, theirs in known], margin=margin, limit=1.0, seed=seed)


def _how(way: Way, samples: str, other: str) -> str:
    settings = [part for override in way.overrides for part in ("--set", override)]
    command = ["python", "-m", "helpers", "summarise", "PARAMS", *settings]
    command += ["--input", samples, "--output", "FILE.jsonl"]
    why = f"its recorded predictions were made with other {other}" if other else "no recorded predictions"
    return f"{why}; make them with {shlex.join(command)} and name the file under 'predictions'"
