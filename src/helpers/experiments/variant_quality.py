"""How good the variants of page 04 are: their recorded predictions beside the reference's, dialogue by dialogue."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from helpers.comparison import Paired, adjust, paired
from helpers.experiments.recordings import Scored, scored_recording
from helpers.intervals import mean, rate, within
from helpers.params import Params
from helpers.params_engines import Variant
from helpers.samples import load_samples, read_rows


def qualities(params: Params) -> dict[str, dict[str, Any]]:
    """Return the fields of a variant's result that come from recorded predictions, by its name.

    A variant without a recording says how to make one. All comparisons with the reference are one family of Holm's.
    """
    plan = params.quantization
    if plan.samples is None:
        return {v.name: {"quality_reason": "name dialogues with quantization.samples"} for v in plan.variants}
    samples = load_samples(params.samples.model_copy(update={"source": plan.samples, "n": None}))
    files = {v.name: Path(v.predictions) for v in plan.variants if v.predictions and Path(v.predictions).is_file()}
    scored = {name: scored_recording(samples, file) for name, file in files.items()}
    texts = {name: {str(row["id"]): row.get("prediction") for row in read_rows(file)} for name, file in files.items()}
    first = plan.variants[0].name
    others = [name for name in scored if name != first and first in scored]
    rouge = adjust({name: _paired(scored[name], scored[first], "rougeL", params) for name in others})
    found: dict[str, dict[str, Any]] = {}
    for variant in plan.variants:
        name = variant.name
        if name not in scored:
            found[name] = {"quality_reason": _how(variant, plan.samples)}
            continue
        rows = scored[name]
        found[name] = {"rouge_l": within(mean([row.score.rougeL for row in rows]), 0.0, 1.0)}
        if name in rouge:
            same = sum(texts[name].get(s.id) == texts[first].get(s.id) for s in samples)
            found[name] |= {
                "quality": rouge[name],
                "facts": _paired(rows, scored[first], "key_fact_recall", params),
                "agreement": rate(same, len(samples)),
            }
    return found


def _paired(ours: list[Scored], reference: list[Scored], metric: str, params: Params) -> Paired:
    pairs = [(getattr(a.score, metric), getattr(b.score, metric)) for a, b in zip(ours, reference, strict=True)]
    known = [pair for pair in pairs if None not in pair]
    margin = params.quantization.margin if metric == "rougeL" else None
    mine, theirs = ([pair[i] for pair in known] for i in (0, 1))
    return paired(mine, theirs, margin=margin, seed=params.measure.resampling_seed)


def _how(variant: Variant, samples: str) -> str:
    command = ["python", "-m", "helpers", "summarise", "PARAMS", "--set", f"model.engine={variant.engine}", "--set",
               f"model.dtype={variant.dtype}", "--input", samples, "--output", "FILE.jsonl"]  # fmt: skip
    return f"no recorded predictions; make them with {shlex.join(command)} and name the file under 'predictions'"
