"""OpenVINO on this machine: the same model converted once, the same tokens read and the same settings kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from helpers.backends.base import Answer
from helpers.core.console import quiet
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines import model_files
from helpers.engines.batching import PADDED, alike
from helpers.engines.codec import Codec
from helpers.engines.conversion import converted
from helpers.engines.openvino_network import MATRICES, load
from helpers.engines.token_search import decode, rules
from helpers.params import Generation, Model


class OpenVINOBackend:
    """A converted chat or sequence-to-sequence model that summarises in this process.

    ``int8`` and ``int4`` are the types of the weights; what has none, such as attention, is computed in bf16 where the
    processor can. ``float16`` is a type of the weights, too, which are multiplied in fp32. Raises `ModelError` when the
    model cannot be had or converted, or for a type that is not offered.
    """

    kind = "openvino"

    def __init__(self, model: Model) -> None:
        if model.device != "cpu" or model.dtype not in MATRICES:
            raise ModelError(
                f"model.dtype: openvino computes {', '.join(MATRICES)} on 'device: cpu' here, and not {model.dtype} "
                f"on {model.device}"
            )
        source = model_files.local_folder(model)
        if (task := model_files.task_of(source)) != model.task:
            raise ModelError(f"model.task: {model.id} is a model for '{task}', and not for '{model.task}'")
        if model.threads:
            torch.set_num_threads(model.threads)
        try:
            self._own = own_settings(source)
            rules(self._own, {"max_new_tokens": 1}, 0)
            self._start = None if model.task == "chat" else start_of(self._own)
            folder = converted(source, model.dtype, engine="openvino")
            with quiet():
                tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
                config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
            self._codec = Codec(model, tokenizer, config)
            padding = tokenizer.pad_token_id or 0
            self._network: Any = load(folder, model.dtype, start=self._start, padding=padding, threads=model.threads)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue; those of like length are made together, ``service_time`` is that of all.

        Raises `RequestError`: ``bad_request`` for settings out of range, ``server_error`` if computing fails.
        """
        if not dialogues:
            return []
        encoded = self._codec.encode(dialogues, generation)
        groups = alike([len(item.ids) for item in encoded], PADDED)
        began = time.perf_counter_ns()
        try:
            made = decode(
                self._network,
                [item.ids for item in encoded],
                groups,
                (self._own, generation.sent()),
                start=self._start,
                count=self._codec.candidates(generation),
            )
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            raise RequestError(Failure.SERVER_ERROR, f"{type(error).__name__}: {error}") from error
        return self._codec.answers(made, dialogues, encoded, (time.perf_counter_ns() - began) / 1e9)

    def close(self) -> None:
        """Let go of the model's memory."""
        self._network = None


def start_of(own: dict[str, Any]) -> int:
    """Return the token from which a sequence-to-sequence model writes; raises `ValueError` where it names none."""
    start = own.get("decoder_start_token_id", own.get("bos_token_id"))
    if start is None:
        raise ValueError("generation_config.json: decoder_start_token_id: missing")
    return int(start)


def own_settings(source: Path) -> dict[str, Any]:
    """Return the generation settings that the model in a folder was published with, those that are set."""
    if (source / "generation_config.json").is_file():
        found = transformers.GenerationConfig.from_pretrained(source)
    else:
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        found = transformers.GenerationConfig.from_model_config(config)
    return {name: value for name, value in found.to_dict().items() if value is not None}
