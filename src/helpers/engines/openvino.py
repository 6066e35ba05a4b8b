"""OpenVINO on this machine: the same model converted once, the same tokens read and the same settings kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import transformers

from helpers.backends.base import Answer
from helpers.core.console import quiet
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines import model_files
from helpers.engines.codec import Codec
from helpers.engines.conversion import converted
from helpers.engines.ct2_decoding import PADDED, alike
from helpers.engines.openvino_network import MATRICES, ChatNetwork, Seq2SeqNetwork, properties
from helpers.engines.search import decode, rules
from helpers.params import Generation, Model


class OpenVINOBackend:
    """A converted chat or sequence-to-sequence model that summarises in this process.

    ``int8`` and ``int4`` are the types of the weights; what has none, such as attention, is computed in bf16 where the
    processor can. Raises `ModelError` when the model cannot be had or converted, or for a type that is not offered.
    """

    kind = "openvino"

    def __init__(self, model: Model) -> None:
        if model.device != "cpu" or model.dtype not in MATRICES:
            raise ModelError(
                f"model.dtype: openvino computes {', '.join(MATRICES)} on 'device: cpu' here, and not {model.dtype} "
                f"on {model.device}"
            )
        source, is_chat = model_files.local_folder(model), model.task == "chat"
        folder = converted(source, model.dtype, engine="openvino")
        told = properties(model.dtype, is_chat=is_chat, threads=model.threads)
        try:
            with quiet():
                tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
                config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
                own = _own_settings(source, config)
            self._own = own.to_dict()
            self._start = None if is_chat else own.decoder_start_token_id
            self._codec = Codec(model, tokenizer, config)
            self._network: Any = (
                Seq2SeqNetwork(folder, told, self._start, tokenizer.pad_token_id or 0)
                if self._start is not None
                else ChatNetwork(folder, told)
            )
            rules(self._own, {"max_new_tokens": 1}, 0)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue; those of like length are made together, ``service_time`` is that of all.

        A chat model makes one after the other: padded to the longest, eight took twice the time that they take alone.
        Raises `RequestError`: ``bad_request`` for settings out of range, ``server_error`` if computing fails.
        """
        if not dialogues:
            return []
        encoded = self._codec.encode(dialogues, generation)
        lengths = [len(item.ids) for item in encoded]
        groups = [[place] for place in range(len(lengths))] if self._start is None else alike(lengths, PADDED)
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
        except (RuntimeError, MemoryError) as error:
            raise RequestError(Failure.SERVER_ERROR, f"{type(error).__name__}: {error}") from error
        return self._codec.answers(made, dialogues, encoded, (time.perf_counter_ns() - began) / 1e9)

    def close(self) -> None:
        """Let go of the model's memory."""
        self._network = None


def _own_settings(source: Any, config: Any) -> Any:
    """Return the generation settings that a model was published with."""
    if (source / "generation_config.json").is_file():
        return transformers.GenerationConfig.from_pretrained(source)
    return transformers.GenerationConfig.from_model_config(config)
