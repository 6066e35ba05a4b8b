"""Whether the turns of a dialogue entail each sentence of its summary, by a model that lies on this machine.

The model runs in a process of its own, so that the caller imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from helpers.core.console import quiet
from helpers.core.errors import InputError
from helpers.core.processes import pool
from helpers.scorers.mentions import sentences, turns_of

NLI = "nli_consistency"
_BATCH = 32
_MOST_TOKENS = 512


def nli_scores(summaries: Sequence[str], dialogues: Sequence[str], folder: str) -> list[float]:
    """Return for each summary the mean over its sentences of the best turn's entailment less contradiction, -1 to 1.

    A summary without a sentence, or a dialogue without a turn, scores 0. Raises ValueError where the model has no label
    for entailment and contradiction. Source: Laban et al. (2022), SummaC-ZS, with turns in the place of sentences.
    """
    with pool(1) as other:
        return other.submit(_scores, list(summaries), list(dialogues), folder).result()


def _scores(summaries: Sequence[str], dialogues: Sequence[str], folder: str) -> list[float]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    places = {str(label).lower(): int(place) for place, label in model.config.id2label.items()}
    entails = next((place for label, place in places.items() if label.startswith("entail")), None)
    contradicts = next((place for label, place in places.items() if label.startswith("contra")), None)
    if entails is None or contradicts is None:
        raise InputError(
            f"{folder}: its labels are {', '.join(places)}; give a model with entailment and contradiction"
        )
    return [
        _consistency(summary, dialogue, tokenizer, model.eval(), entails, contradicts)
        for summary, dialogue in zip(summaries, dialogues, strict=True)
    ]


def _consistency(summary: str, dialogue: str, tokenizer: Any, model: Any, entails: int, contradicts: int) -> float:
    import torch

    told = sentences(summary)
    turns = [f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text for turn in turns_of(dialogue)]
    pairs = [(turn, sentence) for sentence in told for turn in turns]
    if not pairs:
        return 0.0
    limit = min(_MOST_TOKENS, model.config.max_position_embeddings)
    found: list[float] = []
    for start in range(0, len(pairs), _BATCH):
        premises, hypotheses = zip(*pairs[start : start + _BATCH], strict=True)
        batch = tokenizer(
            list(premises), list(hypotheses), padding=True, truncation=True, max_length=limit, return_tensors="pt"
        )
        with torch.inference_mode():
            shares = model(**batch).logits.softmax(dim=1)
        found += (shares[:, entails] - shares[:, contradicts]).tolist()
    return fmean(max(found[at * len(turns) : (at + 1) * len(turns)]) for at in range(len(told)))
