"""How good the ways to answer that pages 03 and 04 compare are: recorded answers beside the reference's, in pairs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from helpers.comparison import Paired, adjust, paired
from helpers.experiments.recordings import Scored, scored_recording
from helpers.intervals import mean, rate, within
from helpers.params import Params
from helpers.params_engines import Comparison
from helpers.samples import load_samples, read_rows


class Way(Protocol):
    """One way to answer: what pages call it, its recorded answers, and the overrides that make them."""

    @property
    def name(self) -> str: ...
    @property
    def predictions(self) -> str | None: ...
    @property
    def overrides(self) -> tuple[str, ...]: ...


def qualities(params: Params, room: str, ways: Sequence[Way]) -> dict[str, dict[str, Any]]:
    """Return the fields of a result that come from recorded answers, by the way's name; the first is the reference.

    ``room`` names the comparison in ``params``. A way without a recording says how to make one. All comparisons with
    the reference are one family of Holm's.
    """
    plan: Comparison = getattr(params, room)
    if plan.samples is None:
        return {way.name: {"quality_reason": f"name dialogues with {room}.samples"} for way in ways}
    samples = load_samples(params.samples.model_copy(update={"source": plan.samples, "n": None}))
    files = {way.name: Path(way.predictions) for way in ways if way.predictions and Path(way.predictions).is_file()}
    scored = {name: scored_recording(samples, file) for name, file in files.items()}
    texts = {name: {str(row["id"]): row.get("prediction") for row in read_rows(file)} for name, file in files.items()}
    first, seed = ways[0].name, params.measure.resampling_seed
    others = [name for name in scored if name != first and first in scored]
    rouge = adjust({name: _paired(scored[name], scored[first], "rougeL", seed, plan.margin) for name in others})
    found: dict[str, dict[str, Any]] = {}
    for way in ways:
        name = way.name
        if name not in scored:
            found[name] = {"quality_reason": _how(way, plan.samples)}
            continue
        rows = scored[name]
        found[name] = {"rouge_l": within(mean([row.score.rougeL for row in rows]), 0.0, 1.0)}
        if name in rouge:
            same = sum(texts[name].get(s.id) == texts[first].get(s.id) for s in samples)
            found[name] |= {
                "quality": rouge[name],
                "facts": _paired(rows, scored[first], "key_fact_recall", seed),
                "agreement": rate(same, len(samples)),
            }
    return found


def _paired(ours: list[Scored], reference: list[Scored], metric: str, seed: int, margin: float | None = None) -> Paired:
    pairs = [(getattr(a.score, metric), getattr(b.score, metric)) for a, b in zip(ours, reference, strict=True)]
    known = [pair for pair in pairs if None not in pair]
    mine, theirs = ([pair[i] for pair in known] for i in (0, 1))
    return paired(mine, theirs, margin=margin, seed=seed)


def _how(way: Way, samples: str) -> str:
    settings = [part for override in way.overrides for part in ("--set", override)]
    command = ["python", "-m", "helpers", "summarise", "PARAMS", *settings]
    command += ["--input", samples, "--output", "FILE.jsonl"]
    return f"no recorded predictions; make them with {shlex.join(command)} and name the file under 'predictions'"
