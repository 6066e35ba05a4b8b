"""Page 03: how fast and how reliable is the steady state? Costs follow from it when the page is rendered.

Every dialogue is sent ``measure.repeats`` times, the answers of page 02 being the first; the unit is the dialogue.
Then other settings are tried on some of the dialogues (`settings_sweep`), apart from the steady state.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from helpers.core.machine import peak_memory
from helpers.experiments.groups import grouped
from helpers.experiments.repeated_requests import cached_answers, repeatability
from helpers.experiments.settings_sweep import A_CACHE, compare_settings
from helpers.experiments.streaming import CLOCKS, streaming
from helpers.runs.request_log import Record, final_attempts
from helpers.runs.results.base import Streaming
from helpers.runs.results.latency_cost import DialogueOutcome, LatencyCost, Timed
from helpers.runs.run import Run, unreachable
from helpers.samples.dataset import Sample
from helpers.stats.intervals import Estimate, clustered_rate, mean, percentile

PAGE = "03"
PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


def measure(run: Run) -> LatencyCost:
    """Measure the steady state of the deployment as it is, then try the settings that are named beside its own."""
    began, found = time.monotonic(), steady(run)
    hindrance = found.reason or found.stopped or run.down()
    if found.failure:
        hindrance = unreachable(found.failure, found.down_since)
    sweep, ended = compare_settings(run, hindrance)
    alike = repeatability(run)  # of the settings' requests too
    return found.model_copy(
        update={"sweep": sweep, "repeatability": alike, "seconds": time.monotonic() - began, **ended}
    )


def steady(run: Run) -> LatencyCost:
    """Ask every dialogue until it has its repeats, then estimate from all steady-state requests of the run."""
    ended = _ask_repeats(run)
    records = run.log.read()
    attempts = [r for r in records if r.is_judged]
    requests = final_attempts(attempts)
    if not requests:
        from_cache = any(r.phase == "cached" for r in records)
        nothing = f"every answer came from {A_CACHE}" if from_cache else "no request of the steady state was sent"
        reason = run.down() or ended["stopped"] or nothing
        return LatencyCost(page=PAGE, reason=reason, **ended)
    dialogues = _timed(run.samples, [r for r in requests if r.ok])
    answered = [r for r in requests if r.ok]
    return LatencyCost(
        page=PAGE,
        requests=len(requests),
        **ended,
        success_rate=clustered_rate([r.ok for r in requests], [r.sample for r in requests]),
        error_rate=clustered_rate([not r.ok for r in attempts], [r.sample for r in attempts]),
        errors=dict(Counter(r.kind for r in attempts if not r.ok)),
        dialogues=tuple(dialogues),
        outcomes=tuple(_outcomes(run.samples, attempts, requests)),
        groups=grouped(dialogues, lambda rows: {"mean": _mean_time(rows)}),
        busy_seconds=sum(r.service_time or 0.0 for r in answered),
        run_seconds=(datetime.now(UTC) - run.manifest.started_at).total_seconds(),
        peak_memory_bytes=peak_memory(run.server.get("pid")),
        cached=cached_answers(run, records),
        streaming=_streaming(answered),
        **_times(dialogues),
        **_tokens(answered),
    )


def _ask_repeats(run: Run) -> dict[str, Any]:
    """Send what is still missing, every round in an order of its own; return why sending ended early, if it did."""
    sender = run.sender(PAGE)
    if run.down():
        return sender.ended()
    again = run.unsettled()
    asked = {(r.sample, r.repeat) for r in run.log.read() if r.is_judged and r.request not in again}
    order = random.Random(run.params.measure.order_seed)  # noqa: S311
    once = run.params.backend == "replay" or run.answers.is_dir()
    repeats = 1 if once else run.params.measure.repeats
    for repeat in range(repeats):
        for sample in order.sample(run.samples, len(run.samples)):
            if (sample.id, repeat) not in asked:
                sender.ask(sample.id, sample.dialogue, repeat=repeat, text=False)
    return sender.ended()


def _outcomes(
    samples: Sequence[Sample], attempts: Sequence[Record], requests: Sequence[Record]
) -> Iterator[DialogueOutcome]:
    """Yield the outcome of each dialogue that was sent."""
    tried, asked = _by_sample(attempts), _by_sample(requests)
    for sample in samples:
        if sample.id not in asked:
            continue
        answered = [r for r in asked[sample.id] if r.ok]
        times = [r.service_time for r in answered if r.service_time is not None]
        tokens = [n for r in answered if (n := r.tokens) is not None]
        yield DialogueOutcome(
            id=sample.id,
            requests=len(asked[sample.id]),
            answered=len(answered),
            attempts=len(tried[sample.id]),
            failed=sum(not r.ok for r in tried[sample.id]),
            service_time=fmean(times) if times else None,
            tokens=fmean(tokens) if tokens else None,
            first_token=_average(r.first_token for r in answered),
            inter_token=_average(r.inter_token for r in answered),
        )


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _streaming(answered: Sequence[Record]) -> Streaming | None:
    """Return the clocks of the answers that came in events; ``None`` where none did."""
    streamed = [r for r in answered if r.chunks]
    series: dict[str, list[tuple[float, str]]] = {
        name: [(value, r.sample) for r in streamed if (value := getattr(r, name)) is not None] for name in CLOCKS
    }
    series["tokens_per_second"] = [(1 / value, sample) for value, sample in series["inter_token"] if value > 0]

    def figure(name: str, p: float | None) -> Estimate | None:
        values, samples = [value for value, _ in series[name]], [sample for _, sample in series[name]]
        if not values:
            return None
        return mean(values, samples, floor=0.0) if p is None else percentile(values, p, samples)

    return streaming(len(streamed), figure)


def _by_sample(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.sample].append(record)
    return found


def _timed(samples: Sequence[Sample], answered: Sequence[Record]) -> list[Timed]:
    """Return the service times of each dialogue that has any."""
    by_sample = _by_sample(r for r in answered if r.service_time is not None)
    rows = []
    for sample in samples:
        records = by_sample.get(sample.id, [])
        if not records:
            continue
        times = [r.service_time for r in records if r.service_time is not None]
        lost = [r.lost_tokens for r in records if r.lost_tokens is not None]
        rows.append(
            Timed(
                id=sample.id,
                domain=sample.domain,
                length=sample.length,
                truncated=any(lost) if lost else None,
                mean=sum(times) / len(times),
                times=tuple(times),
                requests=tuple(r.request for r in records),
            )
        )
    return rows


def _flat(rows: Sequence[Timed]) -> tuple[list[float], list[str]]:
    return [t for row in rows for t in row.times], [row.id for row in rows for _ in row.times]


def _mean_time(rows: Sequence[Timed]) -> Estimate:
    times, clusters = _flat(rows)
    return mean(times, clusters, floor=0.0)


def _times(rows: Sequence[Timed]) -> dict[str, object]:
    if not rows:
        return {}
    times, clusters = _flat(rows)
    return {
        "mean": _mean_time(rows),
        "percentiles": {name: percentile(times, p, clusters) for name, p in PERCENTILES.items()},
    }


def _tokens(answered: Sequence[Record]) -> dict[str, object]:
    counted = [r for r in answered if r.tokens is not None]
    if not counted:
        return {}
    clusters = [r.sample for r in counted]
    into = [float(r.input_tokens or 0) for r in counted]
    out = [float(r.output_tokens or 0) for r in counted]
    lost = {r.sample: r.lost_tokens for r in counted if r.lost_tokens is not None}
    return {
        "input_tokens": mean(into, clusters, floor=0.0),
        "output_tokens": mean(out, clusters, floor=0.0),
        "tokens_per_request": mean([float(r.tokens or 0) for r in counted], clusters, floor=0.0),
        "tokens_by": "text" if any(r.tokens_by == "text" for r in counted) else "server",
        "lost_tokens": sum(lost.values()) if lost else None,
        "truncated": sum(n > 0 for n in lost.values()) if lost else None,
    }
