"""The bars that engines are held to, as data, and the nearest that each bench reached."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from helpers.experiments.bench.result import Bench, EngineResult, EngineTimes, Reached
from helpers.stats.intervals import Estimate
from helpers.verdicts.targets import Verdict

SOURCE = "aims for two cores, set after first measurements on processors with AVX-512, VNNI and bf16"


@dataclass(frozen=True)
class Bar:
    """One bar: a ratio to transformers fp32 or to the limit at every one of ``shapes``, or a load time, seconds.

    It is met by the best of the engines it allows, those whose process stays ``under`` this many bytes. On a processor
    whose name has a word of ``on``, that threshold holds. ``tried`` is what was tried in vain and what limits it, where
    it has been missed.
    """

    label: str
    kind: Literal["speedup", "over_limit", "load"]
    threshold: float
    shapes: tuple[str, ...] = ()
    allows: Callable[[EngineResult], bool] = lambda engine: True
    under: float = math.inf
    tried: str = ""
    on: Mapping[str, float] = field(default_factory=dict)


BARS = (
    Bar(
        "Best engine, 200 tokens in and 60 out",
        "speedup",
        6.0,
        ("200x60",),
        tried=(
            "CTranslate2 with packed weights, with oneDNN in place of MKL or with wider instructions, and OpenVINO "
            "with symmetric weights, were no faster. The bar is a ratio, set on a machine with a slower "
            "reference."
        ),
    ),
    Bar(
        # Weights of four bits are half the bytes of the limit.
        "Best int8 engine over the int8 limit, 200 in and 60 out",
        "over_limit",
        1.7,
        ("200x60",),
        lambda engine: engine.dtype == "int8",
        on={"AMD": 1.4},
        tried=(
            "Where this was looked into, six tenths of the time of OpenVINO int8 were the decoder's matrices, about as "
            "long as the limit allows for everything, two tenths the rest of its steps, and a tenth each reading the "
            "text and beam search. What helped: beam search of our own in place of transformers', steps of a fixed "
            "length of one token with the scale of attention in the weights, keys and values of the text in bf16. What "
            "did not: keeping these inside the engine, all but the matrices in fp32, inputs quantized in larger groups "
            "or not at all, merging matrices of the same input."
        ),
    ),
    Bar("Best engine, 800 in and 60 out", "speedup", 4.0, ("800x60",)),
    Bar("A process under 1 GB, 200 and 800 in, 60 out", "speedup", 3.8, ("200x60", "800x60"), under=1e9),
    Bar("Batch of 8 mixed lengths", "speedup", 8.0, ("batch8x32",)),
    Bar("CTranslate2 int8 ready from its cache", "load", 5.0, (), lambda engine: engine.name == "ctranslate2 int8"),
)


def judge(bench: Bench) -> tuple[Reached, ...]:
    """Return every bar with the nearest that was reached, and by whom."""
    return tuple(_reached(bar, bench) for bar in BARS)


def _reached(bar: Bar, bench: Bench) -> Reached:
    allowed = [(engine, value) for engine in bench.engines if bar.allows(engine)
               for value in [_value(bar, engine)] if value is not None]  # fmt: skip
    found = [(engine, value) for engine, value in allowed if _is_small(engine, bar.under)]
    is_most, threshold = bar.kind == "speedup", _threshold(bar, bench.manifest.processor)
    fields = {
        "label": bar.label,
        "unit": "s" if bar.kind == "load" else "ratio",
        "at_least" if is_most else "at_most": threshold,
        "source": SOURCE,
        "possible": _possible(bar, bench),
        "tried": bar.tried,
    }
    if not found:
        # Measured, but none of them small enough, is not the same as not measured.
        return Reached(**fields, verdict="missed" if allowed else "not measured")
    engine, value = (max if is_most else min)(found, key=lambda pair: pair[1])
    intervals = _intervals(bar, engine)
    worst = (min if is_most else max)(intervals, key=lambda one: one.value or 0.0, default=None)
    is_held = value >= threshold if is_most else value <= threshold
    return Reached(
        **fields,
        reached=value,
        low=worst and worst.low,
        high=worst and worst.high,
        engine=engine.label,
        beside=_beside(bar, engine),
        # The time to load is measured once.
        verdict=verdict(intervals, threshold, is_most=is_most) if intervals else "met" if is_held else "missed",
    )


def _threshold(bar: Bar, processor: str) -> float:
    return next((value for word, value in bar.on.items() if word in processor), bar.threshold)


def _is_small(engine: EngineResult, under: float) -> bool:
    """Return whether single requests are known to stay ``under`` a bound, bytes; not every system tells the peak."""
    return math.isinf(under) or (engine.peak_alone_bytes is not None and engine.peak_alone_bytes < under)


def _value(bar: Bar, engine: EngineResult) -> float | None:
    """Return what an engine reached: the worse of several kinds of requests, ``None`` where one was not measured."""
    if bar.kind == "load":
        return engine.load
    values = [_of(engine.cells.get(shape), bar.kind) for shape in bar.shapes]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return min(known) if bar.kind == "speedup" else max(known)


def _of(cell: EngineTimes | None, kind: str) -> float | None:
    if cell is None:
        return None
    if kind == "over_limit":
        return cell.over_limit
    return cell.speedup.value if cell.speedup else None


def _beside(bar: Bar, engine: EngineResult) -> float | None:
    """Return the ratio to the fastest fp32 engine that is shown with a speed-up: the worse of several."""
    if bar.kind != "speedup":
        return None
    ratios = [engine.cells[shape].speedup_fp32 for shape in bar.shapes]
    return min((ratio.value for ratio in ratios if ratio and ratio.value is not None), default=None)


def _possible(bar: Bar, bench: Bench) -> float | None:
    """Return the speed-up that an engine at the machine's int8 limit would have: the worse of several."""
    reference = bench.engines[0].cells if bench.engines else {}
    if bar.kind != "speedup" or any(shape not in reference for shape in bar.shapes):
        return None
    ratios = [reference[shape].over_limit for shape in bar.shapes]
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known) if len(known) == len(ratios) else None


def _intervals(bar: Bar, engine: EngineResult) -> list[Estimate]:
    """Return what a bar is judged by at each of its kinds of requests: medians over rounds with their intervals."""
    found = []
    for cell in (engine.cells[shape] for shape in bar.shapes):
        if bar.kind == "speedup" and cell.speedup:
            found.append(cell.speedup)
        elif cell.over_limit and cell.seconds and cell.seconds.value:
            limit = cell.seconds.value / cell.over_limit
            ends = {name: end and end / limit for name, end in (("low", cell.seconds.low), ("high", cell.seconds.high))}
            found.append(cell.seconds.model_copy(update={"value": cell.over_limit, **ends}))
    return found


def verdict(found: Sequence[Estimate], threshold: float, *, is_most: bool) -> Verdict:
    """Return the verdict on medians of which all must reach a threshold, from above where ``is_most`` is false.

    As on a target, it is undecided where an interval has the threshold within it, or where rounds are too few for one.
    """
    ends = [(one.low, one.high) if is_most else (one.high, one.low) for one in found]
    sign = 1 if is_most else -1
    if all(near is not None and sign * near >= sign * threshold for near, _ in ends):
        return "met"
    return "missed" if any(far is not None and sign * far < sign * threshold for _, far in ends) else "undecided"
