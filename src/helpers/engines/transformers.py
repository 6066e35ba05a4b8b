"""The reference engine: a Hugging Face model on this machine, through transformers' ``generate``."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from helpers.backends.base import Answer
from helpers.core.console import quiet
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines import demo_model
from helpers.engines.codec import Codec, Encoded
from helpers.params import Generation, Model


class TransformersBackend:
    """A sequence-to-sequence or chat model that summarises in this process.

    Decoding is greedy or beam search, never sampling. Over-long dialogues are cut from their end. Raises
    `ModelError` when the model cannot be had or does not fit its ``task``.
    """

    kind = "transformers"

    def __init__(self, model: Model) -> None:
        if model.device == "cuda" and not torch.cuda.is_available():
            raise ModelError("model.device: cuda, but torch sees no GPU here; set model.device=cpu")
        if model.threads:
            torch.set_num_threads(model.threads)
        with quiet():
            self._network, tokenizer = self._load(model)
        self._codec = Codec(model, tokenizer, self._network.config)
        self._device = model.device
        # Text is generated behind the prompt of a chat model, but from a start token by a decoder of its own.
        self._pad_left = model.task == "chat"

    def _load(self, model: Model) -> tuple[Any, Any]:
        """Return network and tokenizer, ready for deterministic generation."""
        name = str(demo_model.folder(model.id))
        if Path(name).is_absolute() and not Path(name).is_dir():
            raise ModelError(f"model.id: {name} is not there; give 'demo', a model folder, or a Hub name")
        family = transformers.AutoModelForCausalLM if model.task == "chat" else transformers.AutoModelForSeq2SeqLM
        common = {"revision": model.revision, "trust_remote_code": False}
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, truncation_side="right", **common)
            dtype = torch.float32 if model.dtype == "int8" else getattr(torch, model.dtype)
            network = family.from_pretrained(name, use_safetensors=True, dtype=dtype, **common)
            network = network.to(model.device).eval()
            if model.dtype == "int8":
                network = _quantized(network)
        except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:400]
            raise ModelError(
                f"model.id: {model.id} cannot be loaded for task '{model.task}': {reason}. Give 'demo', or a "
                "folder or Hub repository with safetensors weights, a tokenizer and a fitting 'model.task'"
            ) from error
        return _deterministic(network, tokenizer)

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue, all made in one batch; ``service_time`` is that of the batch.

        Raises `RequestError`: ``bad_request`` for settings out of range, ``server_error`` if computing fails.
        """
        if not dialogues:
            return []
        with quiet(), torch.inference_mode():
            encoded = self._codec.encode(dialogues, generation)
            batch = self._batch(encoded)
            settings = self._settings(generation)
            began = time.perf_counter_ns()
            try:
                batch = batch.to(self._device)
                output = self._network.generate(
                    **batch, **self._read(batch, settings), generation_config=settings
                ).cpu()
            except (RuntimeError, ValueError, IndexError, MemoryError) as error:
                raise RequestError(Failure.SERVER_ERROR, f"{type(error).__name__}: {error}") from error
            seconds = (time.perf_counter_ns() - began) / 1e9
        start = batch["input_ids"].shape[1] if self._pad_left else 0
        rows = [row[start:].tolist() for row in output]
        each = len(rows) // len(dialogues)
        found = [rows[place : place + each] for place in range(0, len(rows), each)]
        return self._codec.answers(found, dialogues, encoded, seconds)

    def _read(self, batch: Any, settings: Any) -> dict[str, Any]:
        """Return what the network is told of prompts that it has read ahead, once for all beams.

        ``generate`` would read the prompt of a chat model once for each beam.
        """
        if not self._pad_left or settings.num_beams == 1:
            return {}
        mask = batch["attention_mask"][:, :-1]
        read = self._network.get_decoder()(
            input_ids=batch["input_ids"][:, :-1],
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=True,
        ).past_key_values
        read.batch_repeat_interleave(settings.num_beams)
        return {"past_key_values": read}

    def close(self) -> None:
        """Let go of the model's memory."""
        self._network = None
        if self._device == "cuda":
            torch.cuda.empty_cache()

    def _batch(self, encoded: Sequence[Encoded]) -> Any:
        side = "left" if self._pad_left else "right"
        rows = {"input_ids": [item.ids for item in encoded]}
        return self._codec.tokenizer.pad(rows, padding_side=side, return_attention_mask=True, return_tensors="pt")

    def _settings(self, generation: Generation) -> Any:
        settings = copy.deepcopy(self._network.generation_config)
        settings.update(**generation.sent(), num_return_sequences=self._codec.candidates(generation))
        if generation.min_new_tokens is not None:
            settings.min_length = 0
        return settings


def _quantized(network: Any) -> Any:
    """Return the network with the weights of its linear layers in int8, their inputs quantized as they come."""
    with warnings.catch_warnings():
        # What torch names as its successor was slower: it wants a compiler.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor")
        return torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
            network, {torch.nn.Linear}, dtype=torch.qint8
        )


def _deterministic(network: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Return both, ready for generation that gives the same tokens each time."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    own = network.generation_config
    # What the model was published with stays, except for sampling; lengths are always given as new tokens.
    own.update(do_sample=False, temperature=1.0, top_k=50, top_p=1.0, num_return_sequences=1, max_length=None)
    own.pad_token_id = tokenizer.pad_token_id if own.pad_token_id is None else own.pad_token_id
    return network, tokenizer
