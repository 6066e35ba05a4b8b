"""What fine-tuning gained: recorded predictions of several systems, scored on the same dialogues.

Part of page 02. No request is sent: the recordings were made earlier, each with a manifest of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from helpers import scorers
from helpers.core.text import file_sha256, stable_hash
from helpers.experiments.groups import grouped
from helpers.experiments.score_cache import cache_key, cached
from helpers.params import Generation, Params
from helpers.params.service import Protocol
from helpers.runs.recorder import beside
from helpers.runs.results.sample_eval import UNTUNED, Recording
from helpers.runs.run import Run
from helpers.samples.dataset import Sample, load_samples, other_samples
from helpers.samples.recorded import read_recorded
from helpers.scorers import OutputFailure, SampleScore
from helpers.scorers.faithfulness import faithfulness
from helpers.scorers.words import Tokenizer
from helpers.stats.comparison import Paired, paired
from helpers.stats.intervals import Estimate, mean, rate

#: Means over dialogues, and those of which a paired difference is given.
METRICS = ("rouge1", "rouge2", "rougeL", "key_fact_recall", "words")
COMPARED = ("rouge1", "rouge2", "rougeL", "key_fact_recall")
#: The two rates: unsupported numbers are the commonest failure, and are counted apart.
RATES = ("other_failures", "unspoken_numbers")
#: What the manifest of a recording shares with that of a run which the same system answers.
SYSTEM = ("weights_sha256", "prompt_sha256", "generation_hash")
#: Of these the hashes that make a recording one of a model, and what each is of.
OF_MODEL = {"weights_sha256": "weights", "prompt_sha256": "prompt"}
#: Of each answer its scores, and whether it passes the faithfulness checks, as they are kept.
SCORES: TypeAdapter[list[tuple[SampleScore, float]]] = TypeAdapter(list[tuple[SampleScore, float]])


@dataclass(frozen=True)
class ScoredRecord:
    """One recorded summary with its references and scores, and the labels of its dialogue.

    ``faithful`` is 1 where it says something that the faithfulness checks find nothing in, else 0.
    """

    domain: str | None
    length: str | None
    truncated: bool | None
    texts: tuple[str, tuple[str, ...]]
    score: SampleScore
    faithful: float


def compare_recordings(params: Params) -> tuple[Recording, ...]:
    """Return the recordings that ``baseline`` names, scored on ``baseline.samples``; none if it names no samples.

    The first is the fine-tuned model's; the others carry its paired differences over the dialogues that were sent to
    both. Raises `SamplesError` for a file that cannot be read.
    """
    files, scored = _files(params), score_recordings(params)
    best: dict[str, ScoredRecord] = next(iter(scored.values()), {})
    seed = params.measure.resampling_seed
    return tuple(
        Recording(
            name=name,
            n=len(rows),
            decoding=_decoding(files[name]),
            estimates=_estimates(list(rows.values())),
            groups=grouped(list(rows.values()), _estimates),
            gains={} if rows is best else _gains(best, rows, seed),
            rouge_l_gains={}
            if rows is best
            else {id: best[id].score.rougeL - row.score.rougeL for id, row in rows.items() if id in best},
            agreement=scorers.agreement(
                (row.texts for row in rows.values()), seed=seed, tokenizer=params.scoring.tokenizer
            )
            if rows is best
            else {},
        )
        for name, rows in scored.items()
    )


def score_recordings(params: Params) -> dict[str, dict[str, ScoredRecord]]:
    """Return the scores of the recordings that ``baseline`` names, by system, the fine-tuned model first.

    There are none where it names no samples. Raises `SamplesError` for a file that cannot be read.
    """
    if params.baseline.samples is None:
        return {}
    samples = load_samples(other_samples(params.samples, params.baseline.samples))
    return {name: scored_recording(samples, file, params.scoring.tokenizer) for name, file in _files(params).items()}


def _files(params: Params) -> dict[str, Path]:
    baseline = params.baseline
    files = {
        "fine-tuned": baseline.predictions,
        UNTUNED: baseline.untuned,
        "base, without examples": baseline.zero_shot,
    }
    return {name: Path(file) for name, file in files.items() if file}


def scored_recording(
    samples: Sequence[Sample], file: Path, tokenizer: Tokenizer = "unicode"
) -> dict[str, ScoredRecord]:
    """Return the scores of recorded predictions by the id of their dialogue, in the order of the samples.

    A dialogue that failed scores as an empty summary; one without a row was not sent, and is left out.
    """
    recorded = read_recorded(file)
    recorded.require([sample.id for sample in samples])
    asked = [(sample, answer) for sample in samples if (answer := recorded.get(sample.id))]
    key = cache_key(stable_hash([(sample, answer.summary) for sample, answer in asked]), tokenizer)
    scores = cached(
        "scores", key, SCORES, lambda: [_scored(sample, answer.summary, tokenizer) for sample, answer in asked]
    )
    rows = {}
    for (sample, answer), (score, faithful) in zip(asked, scores, strict=True):
        truncated = None if answer.lost_tokens is None else answer.lost_tokens > 0
        texts = (answer.summary or "", sample.references)
        rows[sample.id] = ScoredRecord(sample.domain, sample.length, truncated, texts, score, faithful)
    return rows


def in_both(
    ours: Mapping[str, ScoredRecord], theirs: Mapping[str, ScoredRecord]
) -> list[tuple[ScoredRecord, ScoredRecord]]:
    """Return the records of the dialogues that were sent to two systems, in pairs."""
    return [(row, theirs[id]) for id, row in ours.items() if id in theirs]


@lru_cache(maxsize=8192)
def _scored(sample: Sample, summary: str | None, tokenizer: Tokenizer) -> tuple[SampleScore, float]:
    """Return the score of a summary and whether it passes the faithfulness checks.

    Variants that answer alike share answers, which are scored once in a process.
    """
    score = scorers.score_sample(sample.id, summary, sample.references, sample.dialogue, sample.key_facts, tokenizer)
    return score, float(score.words > 0 and not faithfulness(summary, sample.dialogue))


def recorded_of(run: Run, file: Path) -> bool:
    """Return whether predictions were recorded of the very system that a run asks: weights, prompt, settings, engine.

    A replayed file is a recording of itself, and of nothing else that is known.
    """
    ours = run.manifest
    if run.params.backend == "replay":
        return bool(ours.predictions_sha256) and ours.predictions_sha256 == file_sha256(file)
    if not ours.weights_sha256:
        return False
    theirs, model = _manifest(file), run.params.model
    settings = _settings(theirs)
    return all(theirs.get(name) == getattr(ours, name) for name in SYSTEM) and all(
        settings.get(f"model.{name}") == getattr(model, name) for name in ("engine", "dtype", "rerank")
    )


def recorded_by(file: Path) -> str:
    """Return engine and precision that gave recorded answers, as their manifest says; an endpoint names none."""
    content = _manifest(file)
    settings = _settings(content)
    named = [settings.get(f"model.{name}") for name in ("engine", "dtype")]
    return " ".join(map(str, named)) if content.get("backend") == "local" and all(named) else ""


def of_another_model(file: Path, hashes: Mapping[str, str]) -> str:
    """Return what a recording was made with that ``hashes`` of a model say otherwise, in words, or ``''``.

    What either does not know, as of an endpoint's weights or without a manifest, is no difference.
    """
    theirs = _manifest(file)
    return " and ".join(
        words for name, words in OF_MODEL.items() if (theirs.get(name) or hashes.get(name)) != hashes.get(name)
    )


def _manifest(file: Path) -> dict[str, Any]:
    """Return what the manifest of a recording says; nothing where it has none."""
    manifest = beside(file)
    return dict(json.loads(manifest.read_bytes())) if manifest.is_file() else {}


def _settings(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return every setting that a manifest tells of, by its dotted name."""
    return {**manifest.get("defaulted", {}), **manifest.get("given", {})}


def _decoding(file: Path) -> str:
    """Return how a recording was decoded, in words, as its manifest says."""
    content = _manifest(file)
    settings = _settings(content)
    known = {name: settings[key] for name in Generation.model_fields if (key := f"generation.{name}") in settings}
    is_chat = content.get("backend") == "endpoint" and settings.get("endpoint.protocol") == "chat"
    how: Protocol = "chat" if is_chat else "summarization"
    return Generation(**known).in_words(bool(settings.get("model.rerank")), how) if known else ""


def _estimates(rows: Sequence[ScoredRecord]) -> dict[str, Estimate]:
    values = {name: [v for row in rows if (v := getattr(row.score, name)) is not None] for name in METRICS}
    unspoken = [OutputFailure.UNSPOKEN_NUMBER in row.score.failures for row in rows]
    other = [bool(set(row.score.failures) - {OutputFailure.UNSPOKEN_NUMBER}) for row in rows]
    rates = dict(zip(RATES, (rate(sum(found), len(rows)) for found in (other, unspoken)), strict=True))
    means = {name: mean(v, floor=0.0, ceiling=math.inf if name == "words" else 1.0) for name, v in values.items() if v}
    return means | rates


def _gains(ours: Mapping[str, ScoredRecord], theirs: Mapping[str, ScoredRecord], seed: int) -> dict[str, Paired]:
    gains = {}
    for name in COMPARED:
        pairs = [(getattr(a.score, name), getattr(b.score, name)) for a, b in in_both(ours, theirs)]
        if known := [pair for pair in pairs if None not in pair]:
            gains[name] = paired(*zip(*known, strict=True), limit=1.0, seed=seed)
    return gains
