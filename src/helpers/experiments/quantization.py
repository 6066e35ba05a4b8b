"""Page 04: what lower precision and other engines save, and what they cost in quality.

Every variant is a server process of its own, all up at once. Requests go to each in turn, round after round, so
that whatever else the machine does affects all of them. Quality is judged by recorded predictions, on far more
dialogues.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from statistics import fmean
from typing import Any

import psutil

from helpers.core.errors import HelpersError
from helpers.core.processes import pool
from helpers.engines import model_files
from helpers.engines.variant_server import converted_size, is_converted, start_variant, why_not
from helpers.experiments.bench import roofline
from helpers.experiments.bench.model import read_decoder
from helpers.experiments.variants import VariantUnderTest, lengths, qualities, score_all, speeds, spread
from helpers.params import Generation, Model, Params, QuantizationPlan, Variant
from helpers.runs.results.quantization import Quantization, VariantResult
from helpers.runs.run import Run
from helpers.samples.dataset import Sample
from helpers.stats.comparison import SMALLEST_RATIO

PAGE = "04"
#: Fewer rounds do not show how far one differs from the next.
FEWEST_ROUNDS = 3


def measure(run: Run) -> Quantization:
    """Serve every variant, ask all in interleaved rounds, and compare their recorded predictions."""
    began, plan = time.monotonic(), run.params.quantization
    model = _model(run.params)
    if model is None or not plan.variants:
        return Quantization(page=PAGE, reason=_why_not(run.params))
    dialogues = spread(run.samples, plan.dialogues)
    few = _too_few(plan.rounds, len(dialogues))
    candidates = [
        VariantUnderTest(variant, reason=_why_untimed(plan, variant, model) or few) for variant in plan.variants
    ]
    busy = _served_seconds(run)
    with ExitStack() as opened:
        for candidate in candidates:
            if not candidate.reason:
                _bring_up(run, model, candidate, opened, dialogues[0])
        rounds = _rounds(run, [c for c in candidates if not c.reason], dialogues)
        few = _too_few(rounds, len(dialogues))
        for candidate in candidates:
            if candidate.child:
                candidate.child.request_stop()
    measured, after = {} if few else speeds(candidates, len(dialogues)), _served_seconds(run)
    least = _limits(run, model, candidates) if measured else {}
    quality = qualities(run.params, "quantization", plan.variants)
    rows = [
        VariantResult(
            name=c.variant.name,
            engine=c.variant.engine,
            dtype=c.variant.dtype,
            reason=c.reason or few,
            load=c.load,
            disk_bytes=c.disk,
            peak_bytes=c.peak,
            **_with_limit(measured.get(c.variant.name, {}), least),
            **quality[c.variant.name],
        )
        for c in candidates
    ]
    return Quantization(
        page=PAGE,
        requests=sum(len(c.singles) + len(c.batches) for c in candidates),
        seconds=time.monotonic() - began,
        model=model.id,
        threads=model.threads or psutil.cpu_count(logical=False) or 1,
        processor=run.manifest.processor,
        dialogues=len(dialogues),
        cut=_cut(run.params),
        variants=tuple(rows),
        rounds=rounds,
        input_tokens=lengths(candidates),
        served_busy=None if busy is None or after is None else after - busy,
        **least,
    )


def _limits(run: Run, model: Model, candidates: Sequence[VariantUnderTest]) -> dict[str, float]:
    """Return the fewest seconds that this machine takes for a summary, and what it does per second, as fields.

    Nothing for a network whose operations are not counted.
    """
    answered = [r for c in candidates for r in c.singles if r.input_tokens and r.output_tokens]
    architecture = read_decoder(model_files.local_folder(model)) if model.task == "chat" else None
    if architecture is None or not answered:
        return {}
    read, written = (fmean(getattr(r, name) for r in answered) for name in ("input_tokens", "output_tokens"))
    shape = roofline.Shape((round(read),), round(written))
    work = roofline.count_decoder(architecture, shape, run.params.generation.num_beams)
    machine = roofline.measure_machine(roofline.threads())
    bandwidth, rates = max(machine.memory_gb.values()), machine.matrix_gflops
    return {
        "limit": roofline.limit(work, operations=max(rates.values()) * 1e9, bandwidth=bandwidth * 1e9, size=1),
        "limit_fp32": roofline.limit(work, operations=rates["float32"] * 1e9, bandwidth=bandwidth * 1e9, size=4),
        "memory_gb": bandwidth,
        "matrix_gflops": max(rates.values()),
    }


def _with_limit(found: dict[str, Any], least: dict[str, float]) -> dict[str, Any]:
    """Return what was measured of a variant, with its latency over the machine's limit where both are known."""
    latency = found.get("latency")
    return found | ({"over_limit": latency.value / least["limit"]} if least and latency and latency.value else {})


def prepare(params: Params, tell: Callable[[str], None]) -> None:
    """Convert what the variants need, with visible progress; why one cannot be converted is shown on the page.

    The recordings that pages compare are scored in a process beside that: both are done once and kept.
    """
    model = _model(params)
    if model is None:
        return
    timed = filter(params.quantization.times, params.quantization.variants)
    served = [model.model_copy(update={"engine": variant.engine, "dtype": variant.dtype}) for variant in timed]
    if not (missing := [one for one in served if not is_converted(one)]):
        return
    with pool(1) as beside:
        beside.submit(score_all, params)  # whatever it meets, the pages meet again
        for one in missing:
            with suppress(HelpersError):
                converted_size(one, tell)


def _model(params: Params) -> Model | None:
    """Return the model that is compared: the run's own when it is served here, else the one that is named."""
    if params.backend == "local":
        return params.model
    named = params.quantization.model
    return params.model.model_copy(update={"id": named}) if named else None


def _why_not(params: Params) -> str:
    if not params.quantization.variants:
        return "no variant to compare; name some under quantization.variants"
    return f"backend '{params.backend}' has no model on this machine; name one with quantization.model"


def _why_untimed(plan: QuantizationPlan, variant: Variant, model: Model) -> str:
    """Return why the speed of a variant is not measured in this run, or nothing."""
    if plan.times(variant):
        return why_not(variant, model.device)
    return "timed only in a longer run (quantization.time_all)"


def _too_few(rounds: int, dialogues: int) -> str:
    """Return why so few answers say nothing of an engine, or nothing."""
    if rounds >= FEWEST_ROUNDS and dialogues >= SMALLEST_RATIO:
        return ""
    return (
        f"{dialogues} dialogues in {rounds} whole rounds; a speed takes {SMALLEST_RATIO} in {FEWEST_ROUNDS}: "
        "raise quantization.dialogues, quantization.rounds or quantization.limit"
    )


def _bring_up(run: Run, model: Model, candidate: VariantUnderTest, opened: ExitStack, first: Sample) -> None:
    """Start the server of a variant and warm it up; a failure is its reason."""
    name = candidate.variant.name
    folder = run.directory / "variants" / name.replace(" ", "-")
    start_variant(run.params.model_copy(update={"model": model}), folder, candidate, opened)
    if not candidate.reason:
        candidate.sender = run.sender(PAGE, name, backend=candidate.backend, generation=_generation(run.params))
        candidate.sender.ask(first.id, first.dialogue, phase="warmup", text=False)


def _generation(params: Params) -> Generation:
    """Return the settings of the requests: the run's own that engines know, the answers cut where the plan says so."""
    cut = _cut(params)
    known = params.generation.known_here()
    return known.model_copy(update={"max_new_tokens": cut}) if cut else known


def _cut(params: Params) -> int | None:
    """Return after how many tokens an answer is cut, if that is sooner than the run's own settings cut it."""
    most = params.quantization.max_new_tokens
    return most if most and most < params.generation.max_new_tokens else None


def _rounds(run: Run, candidates: Sequence[VariantUnderTest], dialogues: Sequence[Sample]) -> int:
    """Ask every variant everything, round after round, each in an order of its own; return the rounds made."""
    plan, order = run.params.quantization, random.Random(run.params.measure.order_seed)  # noqa: S311
    deadline = time.monotonic() + plan.limit
    for number in range(plan.rounds):
        if time.monotonic() > deadline:
            return number
        for sample in order.sample(list(dialogues), len(dialogues)):
            for candidate in order.sample(list(candidates), len(candidates)):
                if candidate.sender is None:
                    continue
                outcome = candidate.sender.ask(sample.id, sample.dialogue, repeat=number, text=False)
                if outcome and outcome.record.ok:
                    candidate.singles.append(outcome.record)
        for candidate in candidates if number == 0 else ():
            candidate.look_at_memory()  # one at a time, as the deployment is measured: a batch takes more
        for candidate in order.sample(list(candidates), len(candidates)) if plan.all_at_once else ():
            texts = [sample.dialogue for sample in dialogues]
            record = candidate.sender.ask_all("all at once", texts, repeat=number) if candidate.sender else None
            if record and record.ok:
                candidate.batches.append(record)
    return plan.rounds


def _served_seconds(run: Run) -> float | None:
    """Return the processor time of the run's own server, which should be idle here."""
    pid: Any = run.server.get("pid")
    try:
        times = psutil.Process(pid).cpu_times() if pid else None
    except psutil.Error:
        return None
    return times.user + times.system if times else None
