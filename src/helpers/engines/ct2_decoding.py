"""Decoding with CTranslate2 as transformers would: ids in, ids out.

It imports nothing of ours, because a packaged handler carries a copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

#: Settings of transformers' ``generate`` → what CTranslate2 calls them, where only the name differs.
NAMES = {"num_beams": "beam_size", "length_penalty": "length_penalty", "no_repeat_ngram_size": "no_repeat_ngram_size"}

#: How many times the number of beams must be complete where beam search is not to end early: the best of twice as many
#: is transformers' answer more often than the best of as many, or of four times as many.
PATIENCE = 2.0


def load(folder: Path, *, is_chat: bool, compute_type: str, device: str = "cpu", threads: int = 0) -> Any:
    """Return the converted model in a folder.

    Loading takes more memory than the model does afterwards: load it before what else needs much, such as torch.

    It is loaded in a thread that ends with it. The model computes in a thread of its own, and while a thread that has
    loaded it lives, OpenMP counts the helpers of both: more threads than processors, so that all sleep at every step
    instead of waiting for the next, which made two threads slower than one (3.0 s instead of 1.1 for BART-large).
    """
    import ctranslate2  # what only sorts texts by their lengths does without

    kind = ctranslate2.Generator if is_chat else ctranslate2.Translator
    with ThreadPoolExecutor(1) as loader:
        loaded = loader.submit(kind, str(folder), device=device, compute_type=compute_type, intra_threads=threads)
    return loaded.result()


class Decoder:
    """A loaded model with the generation defaults of its source.

    ``source`` holds the ``generation_config.json`` of the model that was converted, ``tokenizer`` is that model's. The
    arithmetic is transformers' own but for three things: without ``early_stopping: true`` beam search ends by a rule of
    its own; a token that is banned (a repeated n-gram, too early an end) leaves its probability to the others, which
    can change the order of beams; and an empty source gives an empty text.
    """

    def __init__(self, model: Any, source: Path, tokenizer: Any) -> None:
        self._is_chat, self._tokenizer, self._model = hasattr(model, "generate_batch"), tokenizer, model
        own = source / "generation_config.json"
        self._own: dict[str, Any] = json.loads(own.read_text(encoding="utf-8")) if own.is_file() else {}

    def ranked(
        self, rows: Sequence[Sequence[int]], groups: Sequence[Sequence[int]], settings: dict[str, Any], count: int
    ) -> list[list[list[int]]]:
        """Return the ``count`` best sequences of ids found for each row; ``settings`` go before the model's own.

        ``groups`` are the places of the rows that are decoded together. Of those of a chat model, what a prompt has
        beyond the shortest's length is read one by one. Raises `ValueError` for a setting that this engine would read
        differently, `RuntimeError` if computing fails.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        merged = {**self._own, **given}
        options = {theirs: merged[name] for name, theirs in NAMES.items() if merged.get(name) is not None}
        options["num_hypotheses"] = count
        options["patience"] = 1.0 if merged.get("early_stopping") else PATIENCE
        if merged.get("repetition_penalty") is not None:
            options["repetition_penalty"] = merged["repetition_penalty"]
        texts = [self._tokenizer.convert_ids_to_tokens(list(row)) for row in rows]
        made: dict[int, list[list[int]]] = {}
        for places in groups:
            group = [texts[place] for place in places]
            if self._is_chat:
                found = self._continue(group, merged, options)
            else:
                found = self._translate(group, given, merged, options)
            made.update(zip(places, found, strict=True))
        return [made[place] for place in range(len(texts))]

    def _continue(
        self, texts: list[list[str]], merged: dict[str, Any], options: dict[str, Any]
    ) -> list[list[list[int]]]:
        if options.get("no_repeat_ngram_size"):
            raise ValueError("no_repeat_ngram_size: this engine does not count the prompt's own; leave it out")
        end = merged.get("eos_token_id", self._tokenizer.eos_token_id)
        found = self._model.generate_batch(
            texts,
            max_length=merged["max_new_tokens"],
            min_length=merged.get("min_new_tokens", 0),
            include_prompt_in_result=False,
            end_token=end if isinstance(end, list) else [end],
            sampling_topk=1,
            **options,
        )
        return [list(map(list, one.sequences_ids)) for one in found]

    def _translate(
        self, texts: list[list[str]], given: dict[str, Any], merged: dict[str, Any], options: dict[str, Any]
    ) -> list[list[list[int]]]:
        most, first = merged["max_new_tokens"], merged.get("forced_bos_token_id")
        # transformers' min_length counts the start token; its forced last token takes the place of one of text.
        least = given.get("min_new_tokens", max(0, merged.get("min_length", 0) - 1))
        most -= merged.get("forced_eos_token_id") is not None
        prefix = [self._tokenizer.convert_ids_to_tokens([first])] * len(texts) if first is not None else None
        found = self._model.translate_batch(
            texts,
            target_prefix=prefix,
            max_input_length=0,
            max_decoding_length=max(1, most),
            min_decoding_length=min(least, max(1, most)),
            sampling_topk=1,
            **options,
        )
        ids = self._tokenizer.convert_tokens_to_ids
        return [[list(ids(tokens)) for tokens in one.hypotheses] for one in found]
