"""From times to results: medians over rounds and ratios round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from helpers.experiments.bench.model import Architecture
from helpers.experiments.bench.result import EngineResult, EngineTimes, Machine, ShapeResult
from helpers.experiments.bench.roofline import Shape, count, limit
from helpers.experiments.bench.rounds import EngineUnderTest
from helpers.stats.intervals import Estimate, percentile, rate, without_interval

#: How pages call engines and types.
LABELS = {"transformers": "transformers", "ctranslate2": "CTranslate2", "openvino": "OpenVINO"}
TYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


def shape_results(
    architecture: Architecture, shapes: Sequence[Shape], beams: int, machine: Machine
) -> dict[str, ShapeResult]:
    """Return what each kind of request takes, and the machine's limits for it, by its name."""
    bandwidth = max(machine.memory_gb.values()) * 1e9
    fastest, fp32 = max(machine.matrix_gflops.values()) * 1e9, machine.matrix_gflops["float32"] * 1e9
    found = {}
    for shape in shapes:
        work = count(architecture, shape, beams)
        found[shape.name] = ShapeResult(
            inputs=shape.inputs,
            output=shape.output,
            prefill_gflop=work.prefill_operations / 1e9,
            step_gflop=work.step_operations / 1e9,
            step_bytes=work.step_values,
            limit=limit(work, operations=fastest, bandwidth=bandwidth, size=1),
            limit_fp32=limit(work, operations=fp32, bandwidth=bandwidth, size=4),
        )
    return found


def engine_results(subjects: Sequence[EngineUnderTest], shapes: Mapping[str, ShapeResult]) -> tuple[EngineResult, ...]:
    """Return every engine's times and ratios; the first subject is the reference."""
    fp32 = [s for s in subjects if s.variant.dtype == "float32"]
    rows = []
    for subject in subjects:
        cells = {}
        for name, shape in shapes.items():
            timed = [s.times[name] for s in fp32 if s.times.get(name)]
            fastest = min(timed, key=lambda times: median(times.values()), default={})
            cells[name] = _cell(subject, subjects[0], name, shape, fastest)
        same = [cell.same_text for cell in cells.values() if cell.same_text is not None]
        rows.append(
            EngineResult(
                name=subject.variant.name,
                label=label(subject.variant.engine, subject.variant.dtype),
                engine=subject.variant.engine,
                dtype=subject.variant.dtype,
                reason=subject.reason,
                load=None if subject.reason else subject.load,
                disk_bytes=subject.disk,
                peak_bytes=subject.peak,
                peak_alone_bytes=subject.peak_alone,
                same_texts=rate(sum(same), len(same)) if same else None,
                cells={} if subject.reason else cells,
            )
        )
    return tuple(rows)


def label(engine: str, dtype: str) -> str:
    """Return how pages call an engine and its type."""
    return f"{LABELS.get(engine, engine)} {TYPES.get(dtype, dtype)}"


def _cell(
    subject: EngineUnderTest, reference: EngineUnderTest, name: str, shape: ShapeResult, fastest: Mapping[int, float]
) -> EngineTimes:
    times = subject.times.get(name, {})
    if not times:
        return EngineTimes(reason=subject.failures.get(name, "no round of it was finished"))
    middle, written = median(times.values()), subject.written.get(name)
    same = None
    if subject is not reference and name in subject.texts and name in reference.texts:
        same = subject.texts[name] == reference.texts[name]
    return EngineTimes(
        times=tuple(times.values()),
        seconds=median_of(list(times.values())),
        speedup=_ratio(reference.times.get(name, {}), times),
        speedup_fp32=_ratio(fastest, times),
        over_limit=middle / shape.limit,
        tokens_per_second=written / middle if written else None,
        written=written,
        same_text=same,
    )


def _ratio(slower: Mapping[int, float], faster: Mapping[int, float]) -> Estimate | None:
    shared = sorted(set(slower) & set(faster))
    return median_of([slower[n] / faster[n] for n in shared]) if shared else None


def median_of(values: Sequence[float]) -> Estimate:
    """Return the median of rounds with the interval that their number supports; of a few rounds, the median alone."""
    found = percentile(values, 50, unit="repeat")
    if found.value is not None:
        return found
    return without_interval(median(values), n=len(values), unit="repeat", note="too few rounds to bound a median")
