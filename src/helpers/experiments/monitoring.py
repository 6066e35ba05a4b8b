"""Page 06: what would a monitor have seen? Sends no requests: it reads the logs that are there.

The columns of the logs are kept beside the results (`helpers.monitoring.series`), so that the alert rules can be
evaluated on them whenever the page is rendered.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from helpers.core.errors import RunError
from helpers.monitoring.series import ASIDE, SERIES, BoolArray, FloatArray, LogColumns, Series, save
from helpers.runs.poller import read_gpu_use, read_usage
from helpers.runs.request_log import Record, read_log, with_parts
from helpers.runs.results.monitoring import Monitoring, Slice
from helpers.runs.run import Run
from helpers.samples.dataset import Sample
from helpers.scorers.failures import OutputFailure, as_told, output_failures
from helpers.scorers.rouge import rouge
from helpers.scorers.words import Tokenizer
from helpers.stats import drift
from helpers.stats.intervals import Estimate, clustered_rate, mean, smallest_n, without_interval

PAGE = "06"
#: Requests that are drawn one by one, answers that are judged, stretches of time that are told apart.
MOST_DOTS, MOST_JUDGED, MOST_SLICES = 400, 2000, 48
#: Fewest attempts in a stretch, on average.
SLICE = 12
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99}


def measure(run: Run) -> Monitoring:
    """Read the logs and describe their traffic; the rules are evaluated on it when the page is rendered."""
    logs = [Path(name) for name in run.params.monitoring.logs]
    own = not logs
    if own and run.params.backend == "replay":
        return Monitoring(page=PAGE, reason="recorded predictions are replayed, and their times are no deployment's")
    if missing := [log.name for log in logs if not log.is_file()]:
        raise RunError(f"monitoring.logs: {name} is not there; give a run's requests.jsonl" for name in missing)
    parts = run.log.parts() if own else with_parts(logs)
    columns, texts = LogColumns(), _Texts()
    for part in parts:
        columns.begin(part.name)
        for line, record in read_log(part, columns.left_out.append):
            columns.add(record, line)
            texts.add(record)
    series = columns.series(read_usage(parts), read_gpu_use(parts))
    if not len(series):
        return Monitoring(page=PAGE, reason=run.down() or "the log holds no traffic beside warm-up and probes")
    save(run.directory / SERIES, series)
    answers = _judge(texts, {sample.id: sample for sample in run.samples}, run.params.scoring.tokenizer)
    described = _described(series, answers, own, [log.name for log in parts])
    return described.model_copy(update={"left_out": tuple(columns.left_out), "cut_off": texts.cut_off()})


@dataclass(frozen=True)
class _Judged:
    """An answer whose text was judged: when it came, for which dialogue, what is wrong with it, its ROUGE-L."""

    at: float
    sample: str
    failures: tuple[str, ...]
    rouge_l: float | None


class _Texts:
    """Answers with their texts, every k-th of them once there are too many to judge all.

    Why an answer ended, as servers tell it, is counted for all of them, whether their text was logged or not.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[float, str, str, str]] = []
        self._seen, self._stride = 0, 1
        self._ended, self._of, self._samples = array("b"), array("q"), dict[str, int]()

    def cut_off(self) -> Estimate | None:
        """Return the share of answers that the server cut off at its limit, of those whose end it tells."""
        return clustered_rate(np.array(self._ended, dtype=bool), np.array(self._of)) if self._ended else None

    def add(self, record: Record) -> None:
        """Keep an answer if its text was logged and it is its turn."""
        if record.phase in ASIDE or record.variant or not record.ok:
            return
        if record.finish:
            self._ended.append(record.finish == "length")
            self._of.append(self._samples.setdefault(record.sample, len(self._samples)))
        if record.summary is None or record.text_form != "full":
            return
        if self._seen % self._stride == 0:
            at = record.started_at.timestamp() + (record.service_time or 0.0)
            self.kept.append((at, record.sample, record.summary, record.finish))
        self._seen += 1
        if len(self.kept) > 2 * MOST_JUDGED:
            self.kept, self._stride = self.kept[::2], 2 * self._stride


def _judge(texts: _Texts, samples: dict[str, Sample], tokenizer: Tokenizer) -> list[_Judged]:
    """Return the answers, judged with the dialogue where the run knows one of that id; equal answers judged once."""
    known: dict[tuple[str, str], tuple[tuple[OutputFailure, ...], float | None]] = {}
    found = []
    for at, name, summary, finish in sorted(texts.kept):
        if (name, summary) not in known:
            sample = samples.get(name)
            references = sample.references if sample else ()
            failures = output_failures(summary, sample.dialogue if sample else None, references)
            score = rouge(summary, references, tokenizer)["rougeL"] if references else None
            known[name, summary] = (failures, score)
        failures, score = known[name, summary]
        found.append(_Judged(at, name, tuple(failure.value for failure in as_told(failures, finish)), score))
    return found


def _described(series: Series, answers: list[_Judged], own: bool, logs: list[str]) -> Monitoring:
    ok, span = series.ok, series.end
    counted = ok & ~np.isnan(series.input_tokens + series.output_tokens)
    tokens = series.input_tokens + series.output_tokens
    kinds = Counter(series.kinds[kind] for kind in series.kind[~ok].tolist())
    failures = Counter(failure for answer in answers for failure in answer.failures)
    return Monitoring(
        page=PAGE,
        own=own,
        logs=tuple(logs),
        started_at=series.started_at,
        span=span,
        attempts=len(series),
        answered=int(ok.sum()),
        aside=series.aside,
        throughput=float(ok.sum()) / span if span else None,
        error_rate=clustered_rate(~ok, series.sample) if len(series) else None,
        errors=dict(kinds.most_common()),
        latency=_percentiles(series, series.service_time),
        first_token=_streamed(series, series.first_token),
        inter_token=_streamed(series, series.inter_token),
        tokens=mean(tokens[counted], series.sample[counted], floor=0.0) if counted.any() else None,
        usage_samples=len(series.usage),
        usage_mean=float(series.usage.mean()) if len(series.usage) else None,
        usage_most=float(series.usage.max()) if len(series.usage) else None,
        gpu_samples=len(series.gpu),
        gpu_mean=float(series.gpu.mean()) if len(series.gpu) else None,
        gpu_most=float(series.gpu.max()) if len(series.gpu) else None,
        slices=tuple(_slices(series)),
        dots=_dots(series),
        judged=len(answers),
        failures=dict(failures.most_common()),
        output_failure_rate=clustered_rate([bool(a.failures) for a in answers], [a.sample for a in answers])
        if answers
        else None,
        drift=_drift(series, answers, counted),
    )


def _percentiles(series: Series, times: FloatArray) -> dict[str, Estimate]:
    """Return percentiles of the times of answers, as the alerts count them: of requests, and without intervals."""
    known = times[series.ok & ~np.isnan(times)]
    return {name: _described_by(known, p) for name, p in PERCENTILES.items()}


def _described_by(values: FloatArray, p: int) -> Estimate:
    found = _percentile(values, p)
    fields = {"n": len(values), "unit": "request", "note": "" if len(values) else "nothing was measured"}
    if found is None:
        fields |= {"needs": smallest_n(p, sides=1), "largest": float(values.max()) if len(values) else None}
    return without_interval(found, **fields)


def _streamed(series: Series, times: FloatArray) -> dict[str, Estimate]:
    """Return percentiles of times that only answers in a stream have; none where there was no such answer."""
    return {} if np.isnan(times).all() else _percentiles(series, times)


def _dots(series: Series) -> tuple[tuple[float, float], ...]:
    timed = series.ok & ~np.isnan(series.service_time)
    if not 0 < timed.sum() <= MOST_DOTS:
        return ()
    return tuple(zip(series.ended[timed].tolist(), series.service_time[timed].tolist(), strict=True))


def _slices(series: Series) -> Iterator[Slice]:
    """Yield equal stretches of time with what is known of each."""
    count = min(MOST_SLICES, max(1, len(series) // SLICE))
    edges = np.linspace(0.0, series.end, count + 1)
    tokens = series.input_tokens + series.output_tokens
    for place, (start, end) in enumerate(pairwise(edges)):
        last = place == count - 1
        inside = (series.ended >= start) & ((series.ended < end) | last)
        looked = (series.usage_at >= start) & ((series.usage_at < end) | last)
        answered = inside & series.ok
        times = series.service_time[answered]
        yield Slice(
            seconds=float(start),
            length=float(end - start),
            attempts=int(inside.sum()),
            failed=int((inside & ~series.ok).sum()),
            tokens=_average(tokens[answered]),
            usage=_average(series.usage[looked]),
            **{name: _percentile(times[~np.isnan(times)], p) for name, p in PERCENTILES.items()},
        )


def _percentile(values: FloatArray, p: int) -> float | None:
    """Return a percentile where there are enough values to bound it, never an interval: requests are dependent."""
    if len(values) < smallest_n(p, sides=1):
        return None
    return float(np.percentile(values, p, method="inverted_cdf"))


def _average(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _drift(series: Series, answers: list[_Judged], counted: BoolArray) -> tuple[drift.Drift, ...]:
    """Compare the halves of the log: the middle is where half of the attempts have ended."""
    middle = float(series.ended[len(series) // 2])
    early = series.ended < middle
    rows = []
    for name, label in (("input_tokens", "Tokens of the dialogue"), ("output_tokens", "Tokens of the summary")):
        halves = [counted & half for half in (early, ~early)]
        values = getattr(series, name)
        first, second = ((values[half], series.sample[half]) for half in halves)
        rows.append(drift.drift(name, label, "count", first, second))
    parts = [[a for a in answers if (a.at - series.start < middle) == is_first] for is_first in (True, False)]
    failed, later = (([float(bool(a.failures)) for a in part], [a.sample for a in part]) for part in parts)
    rows.append(drift.drift("output_failures", "Failed output checks", "rate", failed, later))
    scored = [[(a.rouge_l, a.sample) for a in part if a.rouge_l is not None] for part in parts]
    low, high = (([score for score, _ in part], [sample for _, sample in part]) for part in scored)
    rows.append(drift.drift("rouge_l", "ROUGE-L", "score", low, high))
    return drift.judged(rows)
