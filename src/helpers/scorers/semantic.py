"""Scores by meaning, with models that lie on this machine: sentence similarity and BERTScore.

Both are optional: a score whose model is not there is *not measured*, with the reason. The models run in a process
of their own, so that the caller imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.core.console import quiet
from helpers.core.processes import pool
from helpers.scorers.nli import NLI, nli_scores

_KINDS_OF_MODEL = {
    "semantic_similarity": "sentence-embedding model",
    "bertscore_f1": "model for BERTScore",
    NLI: "NLI model",
}
SIMILARITY, BERTSCORE = "semantic_similarity", "bertscore_f1"
_BATCH = 32
_MOST_TOKENS = 512


@dataclass(frozen=True)
class Models:
    """Folders with weights: a sentence-embedding model, an encoder with the layer BERTScore reads, an NLI model."""

    embedding: str | None = None
    bertscore: str | None = None
    bertscore_layer: int | None = None
    nli: str | None = None


@dataclass(frozen=True)
class Semantics:
    """One value per summary for each score that was measured, and why the others were not."""

    values: dict[str, list[float]]
    not_measured: dict[str, str]
    signature: str


def semantic_scores(
    summaries: Sequence[str | None],
    references: Sequence[Sequence[str]],
    models: Models,
    dialogues: Sequence[str | None] | None = None,
) -> Semantics:
    """Return similarity (cosine of mean-pooled embeddings) and BERTScore F1 (no idf, not rescaled), best reference.

    With ``dialogues`` also how far these entail the summaries (`nli_scores`), which needs no reference. An absent or
    empty summary scores 0. Sources: Reimers and Gurevych (2019); Zhang et al. (2020).
    """
    values, missing, recipes = {}, {}, []
    wanted = ((SIMILARITY, models.embedding, None), (BERTSCORE, models.bertscore, models.bertscore_layer))
    for name, folder, layer in wanted:
        if reason := _why_not(name, folder):
            missing[name] = reason
            continue
        values[name] = _in_child(name, str(folder), layer, [text or "" for text in summaries], references)
        where = "" if name == SIMILARITY else f" layer {'last' if layer is None else layer}"
        recipes.append(f"{name}:{Path(str(folder)).name}{where}")
    if dialogues is not None:
        if reason := _why_not(NLI, models.nli):
            missing[NLI] = reason
        else:
            values[NLI] = nli_scores(
                [text or "" for text in summaries], [text or "" for text in dialogues], str(models.nli)
            )
            recipes.append(f"{NLI}:{Path(str(models.nli)).name}")
    return Semantics(values, missing, "|".join(recipes))


def _why_not(name: str, folder: str | None) -> str:
    if folder is None:
        return f"no {_KINDS_OF_MODEL[name]} is given"
    lacking = [part for part in ("config.json", "model.safetensors") if not (Path(folder) / part).is_file()]
    return f"{Path(folder).name} has no {' and no '.join(lacking)}" if lacking else ""


def _in_child(
    name: str, folder: str, layer: int | None, summaries: Sequence[str], references: Sequence[Sequence[str]]
) -> list[float]:
    with pool(1) as other:
        return other.submit(_scores, name, folder, layer, summaries, references).result()


def _scores(
    name: str, folder: str, layer: int | None, summaries: Sequence[str], references: Sequence[Sequence[str]]
) -> list[float]:
    texts = list(dict.fromkeys([*summaries, *(text for row in references for text in row)]))
    tokens = dict(zip(texts, _token_states(folder, layer, texts), strict=True))
    compare = _cosine if name == SIMILARITY else _bertscore
    return [
        max(compare(tokens[summary], tokens[text]) for text in row) if summary.strip() else 0.0
        for summary, row in zip(summaries, references, strict=True)
    ]


def _token_states(folder: str, layer: int | None, texts: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Yield for each text its hidden states (tokens, width) and which of the tokens are the text's own."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
    limit = min(_MOST_TOKENS, model.config.max_position_embeddings)
    for start in range(0, len(texts), _BATCH):
        batch = tokenizer(
            list(texts[start : start + _BATCH]),
            padding=True,
            truncation=True,
            max_length=limit,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        special = batch.pop("special_tokens_mask")
        with torch.inference_mode():
            states = model(**batch, output_hidden_states=True).hidden_states[-1 if layer is None else layer]
        for row, present, frame in zip(states, batch["attention_mask"].bool(), special.bool(), strict=True):
            yield row[present], ~frame[present]


def _cosine(summary: tuple[Any, Any], reference: tuple[Any, Any]) -> float:
    """Cosine of the means over all tokens, those of the model's own frame included, as sentence models pool."""
    import torch

    a, b = (states.mean(dim=0) for states, _ in (summary, reference))
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def _bertscore(summary: tuple[Any, Any], reference: tuple[Any, Any]) -> float:
    """F1 of the greedy matches between the tokens of both texts, by cosine."""
    import torch

    a, b = (torch.nn.functional.normalize(states[own], dim=1) for states, own in (summary, reference))
    if not len(a) or not len(b):
        return 0.0
    alike = a @ b.T
    precision, recall = float(alike.max(dim=1).values.mean()), float(alike.max(dim=0).values.mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
