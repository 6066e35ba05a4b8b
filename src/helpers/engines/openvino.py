"""OpenVINO for chat models: transformers' own ``generate`` over a network that OpenVINO computes.

Sequence-to-sequence models take the way of `helpers.engines.optimum`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import openvino
import torch
import transformers
from transformers.modeling_outputs import CausalLMOutputWithPast

from helpers.backends.base import Answer
from helpers.core.errors import ModelError
from helpers.engines import model_files
from helpers.engines.conversion import converted
from helpers.engines.openvino_export import BEAMS, GRAPH, reader
from helpers.engines.openvino_options import options
from helpers.engines.transformers import TransformersBackend, deterministic
from helpers.params import Generation, Model


class OpenVINOBackend(TransformersBackend):
    """A converted chat model that summarises in this process; as `TransformersBackend`.

    ``int8`` and ``int4`` are the types of the weights; what has none, such as attention, is computed in bf16 where the
    processor can. Raises `ModelError` when the model cannot be had or converted.
    """

    kind = "openvino"

    def load(self, model: Model) -> tuple[Any, Any]:
        """Return network and tokenizer."""
        told, source = options(model), model_files.local_folder(model)
        folder = converted(source, model.dtype, engine="openvino")
        try:
            core = openvino.Core()
            graph = core.read_model(folder / GRAPH)
            reading, names = reader(graph)
            network = _Network(
                transformers.AutoConfig.from_pretrained(source, trust_remote_code=False),
                _Reader(core.compile_model(reading, "CPU", told), names),
                core.compile_model(graph, "CPU", told),
            )
            if (source / "generation_config.json").is_file():
                network.generation_config = transformers.GenerationConfig.from_pretrained(source)
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                source, truncation_side="right", trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error
        return deterministic(network, tokenizer)

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue; as `TransformersBackend`, but they are made one after the other.

        Padded to the longest, eight dialogues together took twice the time that they take alone.
        """
        alone = super().summarise
        answers = [answer for dialogue in dialogues for answer in alone([dialogue], generation)]
        seconds = sum(answer.service_time or 0.0 for answer in answers)
        return [replace(answer, service_time=seconds) for answer in answers]


class _Reader:
    """Reads whole prompts; ``names`` are those under which another request keeps what it gives besides scores."""

    def __init__(self, compiled: Any, names: Sequence[str]) -> None:
        self._request = compiled.create_infer_request()
        self._names = names

    def read(self, inputs: dict[str, Any], writer: Any) -> Any:
        """Return the scores of each row's next token; ``writer`` goes on from here."""
        self._request.infer(inputs)
        kept = {name: self._request.get_output_tensor(place) for place, name in enumerate(self._names, 1)}
        for state in writer.query_state():
            state.state = kept[state.name]
        return self._request.get_output_tensor(0).data


class _Kept(transformers.Cache):  # type: ignore[misc]
    """The keys and values inside a request; ``rows`` says which of them each row of the next step goes on from."""

    is_compileable = False

    def __init__(self, rows: int) -> None:
        super().__init__(layers=[])
        self.length, self.rows = 0, torch.arange(rows)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        self.rows = self.rows[beam_idx]

    def batch_repeat_interleave(self, repeats: int) -> None:
        self.rows = self.rows.repeat_interleave(repeats)


class _Network(transformers.PreTrainedModel, transformers.GenerationMixin):  # type: ignore[misc]
    """What ``generate`` takes for a model of transformers."""

    main_input_name = "input_ids"
    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, config: Any, reader: _Reader, compiled: Any) -> None:
        super().__init__(config)
        self._reader, self._request = reader, compiled.create_infer_request()

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """Say that it brings its own."""
        return False

    def get_decoder(self) -> _Network:
        return self

    def forward(
        self,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        past_key_values: _Kept | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        kept = _Kept(len(input_ids)) if past_key_values is None else past_key_values
        kept.length += input_ids.shape[1]
        if attention_mask is None:  # ``generate`` gives none where nothing is padded
            attention_mask = torch.ones(len(input_ids), kept.length, dtype=torch.int64)
        inputs = {
            "input_ids": input_ids.numpy(),
            "attention_mask": attention_mask.numpy(),
            "position_ids": position_ids.numpy(),
        }
        if past_key_values is None:
            scores = self._reader.read(inputs, self._request)
        else:
            self._request.infer(inputs | {BEAMS: kept.rows.numpy().astype(np.int32)})
            scores = self._request.get_output_tensor(0).data
        kept.rows = torch.arange(len(input_ids))
        return CausalLMOutputWithPast(logits=torch.from_numpy(scores), past_key_values=kept)
