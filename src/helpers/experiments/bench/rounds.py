"""Every engine gets every kind of request in turn, round after round, each round in a new random order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from helpers.core.errors import HelpersError
from helpers.engines.variant_server import ServedVariant, converted_size, start_variant
from helpers.experiments.bench.roofline import Shape
from helpers.params import Generation, Params, Variant
from helpers.runs.request_log import Record, RequestLog
from helpers.runs.sender import RequestSender

#: The page named in the records that this writes.
PAGE = "bench"
#: A process needs about this many times the bytes of its weights at its highest, which is when it answers a batch.
MEMORY: Mapping[str, float] = {
    "transformers float32": 3.2,
    "transformers int8": 3.7,
    "ctranslate2 int8": 4.0,
    "openvino float32": 3.4,
    "openvino float16": 5.3,
    "openvino int8": 4.0,
    "openvino int4": 5.0,
}
MEMORY_OTHERS = 2.1


@dataclass
class EngineUnderTest(ServedVariant):
    """One engine while it is measured: the time of each round and what was written, by kind of request.

    ``peak_alone`` is the peak before its first batch, which takes the most.
    """

    peak_alone: int | None = None
    times: dict[str, dict[int, float]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BenchRequests:
    """The requests of a bench: their kinds, the text of each length, beams, rounds, and a deadline (monotonic seconds).

    ``exact`` says that every token written is counted, as those of seeded weights are; else the special tokens that a
    model puts at the ends are not. ``floor`` is the machine's limit by kind, which the time left is guessed from.
    """

    shapes: Sequence[Shape]
    texts: Mapping[int, str]
    beams: int
    rounds: int
    deadline: float
    exact: bool
    floor: Mapping[str, float]
    seed: int = 1


def serve_all(
    params: Params, variants: Mapping[str, Variant], reasons: Mapping[str, str], folder: Path, opened: ExitStack,
    tell: Callable[[str], None],
) -> list[EngineUnderTest]:  # fmt: skip
    """Start a server for every variant, one after the other; ``reasons`` say which cannot run here."""
    subjects = []
    for name, variant in variants.items():
        subject = EngineUnderTest(variant, reason=reasons.get(name, ""))
        subjects.append(subject)
        if not subject.reason:
            tell(f"starting {name}")
            with suppress(HelpersError):  # which the start meets again, and keeps as the reason
                converted_size(params.model.model_copy(update={"engine": variant.engine, "dtype": variant.dtype}), tell)
            start_variant(params, folder / name.replace(" ", "-"), subject, opened, _room(name, subjects[:-1]))
        if subject.reason:
            tell(f"{name} is not measured: {subject.reason}")
    return subjects


def _room(name: str, beside: Sequence[EngineUnderTest]) -> Callable[[int], str]:
    """Return what says, for the bytes of a variant's weights, whether too little memory is free, or nothing.

    What those ``beside`` it will still take is not free: a machine without memory times its disk.
    """

    def missing(weights: int) -> str:
        needed = weights * MEMORY.get(name, MEMORY_OTHERS)
        free = psutil.virtual_memory().available - sum(_still_to_take(subject) for subject in beside)
        if free >= needed:
            return ""
        return (
            f"{needed / 1e9:.1f} GB of memory wanted and {max(0.0, free) / 1e9:.1f} GB free beside the others; "
            "measure it with fewer others (--engine), on both sides of the comparison"
        )

    return missing


def _still_to_take(subject: EngineUnderTest) -> float:
    subject.look_at_memory()
    if subject.reason or subject.disk is None or subject.peak is None:
        return 0.0
    return max(0.0, subject.disk * MEMORY.get(subject.variant.name, MEMORY_OTHERS) - subject.peak)


def ask_all(
    subjects: Sequence[EngineUnderTest], requests: BenchRequests, log: RequestLog, tell: Callable[[str], None]
) -> str:
    """Send all requests, keeping each subject's responses; return why it ended before the last round, or nothing."""
    order, running = random.Random(requests.seed), [s for s in subjects if not s.reason]  # noqa: S311
    senders = {
        (s.variant.name, shape.output): _sender(s, shape, requests, log) for s in running for shape in requests.shapes
    }
    try:
        for subject in running:
            shape = requests.shapes[0]
            senders[subject.variant.name, shape.output].ask("warm-up", requests.texts[shape.inputs[0]], phase="warmup")
        for number in range(requests.rounds):
            # Batches come last, so that the memory which single requests take can be told from theirs.
            for shape in sorted(order.sample(list(requests.shapes), len(requests.shapes)), key=lambda s: len(s.inputs)):
                for subject in order.sample(running, len(running)):
                    if time.monotonic() > requests.deadline:
                        return "the time limit was reached"
                    if shape.name not in subject.failures:
                        record = _ask(senders[subject.variant.name, shape.output], shape, requests, number)
                        _note(subject, shape, requests, number, record)
                tell(_progress(number, shape, running, requests))
    except KeyboardInterrupt:
        return "it was interrupted"
    return ""


def left(subjects: Sequence[EngineUnderTest], requests: BenchRequests) -> float | None:
    """Return about how many seconds remain: what was not yet timed takes as many times the limit as its engine's worst.

    ``None`` before the first answer.
    """
    over = {
        s.variant.name: max((min(t.values()) / requests.floor[kind] for kind, t in s.times.items()), default=None)
        for s in subjects
    }
    worst = max((ratio for ratio in over.values() if ratio is not None), default=None)
    if worst is None:
        return None
    total = 0.0
    for subject in subjects:
        for shape in requests.shapes:
            if shape.name not in subject.failures:
                known = subject.times.get(shape.name, {})
                ratio = over[subject.variant.name] or worst
                each = sum(known.values()) / len(known) if known else requests.floor[shape.name] * ratio
                total += each * (requests.rounds - len(known))
    return total


def _sender(subject: EngineUnderTest, shape: Shape, requests: BenchRequests, log: RequestLog) -> RequestSender:
    assert subject.backend is not None
    fixed = Generation(
        num_beams=requests.beams, max_new_tokens=shape.output, min_new_tokens=shape.output, no_repeat_ngram_size=0
    )
    return RequestSender(subject.backend, fixed, log, PAGE, variant=subject.variant.name)


def _ask(sender: RequestSender, shape: Shape, requests: BenchRequests, number: int) -> Record | None:
    given = [requests.texts[length] for length in shape.inputs]
    if len(given) > 1:
        return sender.ask_all(shape.name, given, repeat=number)
    outcome = sender.ask(shape.name, given[0], repeat=number)
    return outcome.record if outcome else None


def _note(subject: EngineUnderTest, shape: Shape, requests: BenchRequests, number: int, record: Record | None) -> None:
    """Keep a time when all tokens were read and written; anything else is why this kind is not measured."""
    subject.look_at_memory()
    if number == 0 and len(shape.inputs) == 1:
        subject.peak_alone = subject.peak
    problem = _problem(shape, requests, record)
    if problem:
        subject.failures[shape.name] = problem
        subject.times.pop(shape.name, None)
    elif record is not None and record.service_time:
        subject.times.setdefault(shape.name, {})[number] = record.service_time
        subject.written[shape.name] = record.output_tokens or 0
        if record.summary and shape.name not in subject.texts:
            subject.texts[shape.name] = record.summary


def _problem(shape: Shape, requests: BenchRequests, record: Record | None) -> str:
    if record is None:
        return "its server stopped answering"
    if not record.ok:
        return f"{record.kind}: {record.message}"
    rows, written, read = len(shape.inputs), record.output_tokens or 0, record.input_tokens or 0
    # A text's own start and end are no text, so they are in neither count.
    fewest, wanted = rows * (shape.output if requests.exact else shape.output - 2), rows * shape.output
    if not fewest <= written <= wanted:
        return f"wrote {written} tokens and not the {wanted} it was told to"
    if read != sum(shape.inputs) - 2 * rows:
        return f"read {read + 2 * rows} tokens and not the {sum(shape.inputs)} it was sent"
    return ""


def _progress(number: int, shape: Shape, running: Sequence[EngineUnderTest], requests: BenchRequests) -> str:
    remaining = left(running, requests)
    until = "" if remaining is None else f", about {remaining / 60:.0f} minutes left"
    return f"round {number + 1} of {requests.rounds}, {shape.name}{until}"
