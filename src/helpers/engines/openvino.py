"""OpenVINO: transformers' own ``generate`` over a network that OpenVINO computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
import transformers
from openvino.preprocess import PrePostProcessor
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutputWithPast, Seq2SeqLMOutput

from helpers.backends.base import Answer
from helpers.core.errors import ModelError
from helpers.engines import model_files
from helpers.engines.conversion import converted
from helpers.engines.ct2_decoding import PADDED, alike
from helpers.engines.openvino_chat import GRAPH, reader
from helpers.engines.openvino_graph import BEAMS
from helpers.engines.openvino_options import options
from helpers.engines.openvino_seq2seq import READING, STEP, TEXT, TEXT_KEPT, WRITING
from helpers.engines.transformers import TransformersBackend, deterministic
from helpers.params import Generation, Model


class OpenVINOBackend(TransformersBackend):
    """A converted chat or sequence-to-sequence model that summarises in this process; as `TransformersBackend`.

    ``int8`` and ``int4`` are the types of the weights; what has none, such as attention, is computed in bf16 where the
    processor can. Raises `ModelError` when the model cannot be had or converted.
    """

    kind = "openvino"

    def load(self, model: Model) -> tuple[Any, Any]:
        """Return network and tokenizer."""
        told, source = options(model), model_files.local_folder(model)
        folder = converted(source, model.dtype, engine="openvino")
        make = _Chat if model.task == "chat" else _Seq2Seq
        try:
            config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
            network = make(config, folder, told)
            if (source / "generation_config.json").is_file():
                network.generation_config = transformers.GenerationConfig.from_pretrained(source)
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                source, truncation_side="right", trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error
        return deterministic(network, tokenizer)

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return one answer per dialogue; as `TransformersBackend`, but those of like length are made together.

        A chat model makes one after the other: padded to the longest, eight took twice the time that they take alone.
        """
        lengths = [len(item.ids) for item in self._codec.encode(dialogues, generation)]
        groups = [[place] for place in range(len(lengths))] if self._pad_left else alike(lengths, PADDED)
        made: dict[int, Answer] = {}
        for places in groups:
            made.update(zip(places, super().summarise([dialogues[place] for place in places], generation), strict=True))
        seconds = sum(made[places[0]].service_time or 0.0 for places in groups)
        return [replace(made[place], service_time=seconds) for place in range(len(dialogues))]


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

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """Say that it brings its own."""
        return False


def _compiled(folder: Path, file: str, told: dict[str, str]) -> Any:
    """Return a request to a graph; keys and values pass between two in the type in which both compute."""
    core = openvino.Core()
    graph = core.read_model(folder / file)
    prepared = PrePostProcessor(graph)
    if told["INFERENCE_PRECISION_HINT"] == "bf16":
        for ports, find in ((graph.inputs, prepared.input), (graph.outputs, prepared.output)):
            for name in (port.get_any_name() for port in ports):
                if name.startswith(TEXT_KEPT):
                    find(name).tensor().set_element_type(openvino.Type.bf16)
    return core.compile_model(prepared.build(), "CPU", told).create_infer_request()


class _Chat(_Network):
    """A chat model: prompts are read in a graph of their own, and the other goes on from there."""

    def __init__(self, config: Any, folder: Path, told: dict[str, str]) -> None:
        super().__init__(config)
        core = openvino.Core()
        graph = core.read_model(folder / GRAPH)
        reading, names = reader(graph)
        self._reader = _Reader(core.compile_model(reading, "CPU", told), names)
        self._request = core.compile_model(graph, "CPU", told).create_infer_request()

    def get_decoder(self) -> _Chat:
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


class _Text(torch.nn.Module):
    """The encoder, to ``generate``: it hands what it reads to ``writer``, a request, and has nothing to tell."""

    main_input_name = "input_ids"

    def __init__(self, request: Any, writer: Any) -> None:
        super().__init__()
        self._request, self._writer = request, writer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> BaseModelOutput:
        self._request.infer(dict(zip(TEXT, (input_ids.numpy(), attention_mask.numpy()), strict=True)))
        for port in self._request.model_outputs:
            self._writer.set_tensor(port.get_any_name(), self._request.get_tensor(port))
        # It stays as it is for all steps, one row for each dialogue.
        self._mask = openvino.Tensor(attention_mask.numpy().copy())
        self._writer.set_tensor(STEP[1], self._mask)
        return BaseModelOutput(last_hidden_state=torch.zeros(len(input_ids), 1, 1))


class _Seq2Seq(_Network):
    """A sequence-to-sequence model."""

    def __init__(self, config: Any, folder: Path, told: dict[str, str]) -> None:
        super().__init__(config)
        self._request = _compiled(folder, WRITING, told)
        self._text = _Text(_compiled(folder, READING, told), self._request)

    def get_encoder(self, *_: Any) -> _Text:
        return self._text

    def forward(
        self, decoder_input_ids: torch.Tensor, past_key_values: _Kept | None = None, **_: Any
    ) -> Seq2SeqLMOutput:
        if past_key_values is None:
            self._request.reset_state()
        kept = _Kept(len(decoder_input_ids)) if past_key_values is None else past_key_values
        kept.length += decoder_input_ids.shape[1]
        self._request.infer({STEP[0]: decoder_input_ids.numpy(), BEAMS: kept.rows.numpy().astype(np.int32)})
        kept.rows = torch.arange(len(decoder_input_ids))
        scores = self._request.get_output_tensor(0).data
        return Seq2SeqLMOutput(logits=torch.from_numpy(scores), past_key_values=kept)
