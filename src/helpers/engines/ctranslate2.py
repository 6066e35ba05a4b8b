"""CTranslate2 on this machine: the same model converted once, the same tokens read and the same settings kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import ctranslate2
import transformers

from helpers.backends.base import Answer
from helpers.core.console import quiet
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines import model_files
from helpers.engines.batching import PADDED, alike
from helpers.engines.codec import Codec
from helpers.engines.conversion import converted
from helpers.engines.ct2_decoding import Decoder, load
from helpers.params import Generation, Model


class CTranslate2Backend:
    """A converted sequence-to-sequence or chat model that summarises in this process.

    Raises `ModelError` when the model cannot be had or converted, or when this processor cannot run its type.
    """

    kind = "ctranslate2"

    def __init__(self, model: Model) -> None:
        check_type(model)
        source = model_files.local_folder(model)
        folder = converted(source, model.dtype)
        try:
            loaded = load(
                folder,
                is_chat=model.task == "chat",
                compute_type=model.dtype,
                device=model.device,
                threads=model.threads or 0,
            )
            with quiet():
                tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
                config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
            self._codec = Codec(model, tokenizer, config)
            self._decoder: Any = Decoder(loaded, source, tokenizer)
            self._is_chat = model.task == "chat"
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by ctranslate2: {error}") from error

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue, all made in one batch; ``service_time`` is that of the batch.

        Raises `RequestError`: ``bad_request`` for settings out of range, ``server_error`` if computing fails.
        """
        if not dialogues:
            return []
        encoded = self._codec.encode(dialogues, generation)
        rows = [item.ids for item in encoded]
        groups = alike(list(map(len, rows)), 1.0 if self._is_chat else PADDED)
        began = time.perf_counter_ns()
        try:
            made = self._decoder.ranked(rows, groups, generation.sent(), self._codec.candidates(generation))
        except ValueError as error:
            raise RequestError(Failure.BAD_REQUEST, str(error)) from error
        except (RuntimeError, MemoryError) as error:
            raise RequestError(Failure.SERVER_ERROR, f"{type(error).__name__}: {error}") from error
        return self._codec.answers(made, dialogues, encoded, (time.perf_counter_ns() - began) / 1e9)

    def close(self) -> None:
        """Let go of the model's memory."""
        self._decoder = None


def check_type(model: Model) -> None:
    """Raise `ModelError` when this machine has not what ``dtype`` needs."""
    if model.device == "cuda" and not ctranslate2.get_cuda_device_count():
        raise ModelError("model.device: cuda, but ctranslate2 sees no GPU here; set model.device=cpu")
    offered = ctranslate2.get_supported_compute_types(model.device)
    if model.dtype not in offered:
        raise ModelError(
            f"model.dtype: this processor cannot run {model.dtype} with ctranslate2; "
            f"it offers {', '.join(sorted(offered))}"
        )
