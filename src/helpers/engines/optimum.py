"""OpenVINO for sequence-to-sequence models: transformers' own ``generate`` over networks that OpenVINO computes.

It runs where `helpers.engines.environments` says: its packages need another transformers than ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import transformers
from openvino import opset13 as ops
from optimum.intel import OVModelForSeq2SeqLM

from helpers.core.errors import ModelError
from helpers.engines import model_files
from helpers.engines.conversion import converted
from helpers.engines.openvino_options import options
from helpers.engines.transformers import TransformersBackend, deterministic
from helpers.params import Model

TYPES = ("float32", "bfloat16", "int8", "int4")
#: Added to the attention paid to padding.
NONE_PAID = -1e4


class OptimumBackend(TransformersBackend):
    """A converted sequence-to-sequence model that summarises in this process; as `TransformersBackend`.

    With ``int8`` and ``int4`` the inputs of layers are quantized in groups as they come; what has no weights, such as
    attention, is computed in bf16 where the processor can. Raises `ModelError` when the model cannot be had or
    converted.
    """

    kind = "openvino"

    def load(self, model: Model) -> tuple[Any, Any]:
        """Return network and tokenizer."""
        told = options(model, TYPES)
        if model.dtype in ("int8", "int4"):
            # Inputs are quantized in groups of this many; with OpenVINO's own 32 BART-large took a tenth longer.
            told["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "128"
        source = model_files.local_folder(model)
        try:
            network = OVModelForSeq2SeqLM.from_pretrained(
                converted(source, model.dtype, engine="openvino"),
                ov_config=told,
                trust_remote_code=False,
                compile=False,
            )
            if share_text(network.decoder.model):
                network.decoder.forward = self._without_beams(network.decoder.forward)
            network.compile()
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error
        return deterministic(network, tokenizer)

    def read(self, batch: Any, settings: Any) -> dict[str, Any]:
        """Return nothing, and note how many dialogues there are: this engine keeps keys and values itself."""
        self._dialogues = len(batch["input_ids"])
        return {}

    def _without_beams(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return a decoder's ``forward`` told of each dialogue once, where ``generate`` tells of it for each beam."""

        def once_per_dialogue(input_ids: Any, **rest: Any) -> Any:
            for name in ("encoder_hidden_states", "encoder_attention_mask"):
                rest[name] = rest[name][:: len(input_ids) // self._dialogues].contiguous()
            return forward(input_ids=input_ids, **rest)

        return once_per_dialogue


def share_text(decoder: Any) -> int:
    """Have all beams of a dialogue attend to one copy of what a decoder keeps of its text; return in how many layers.

    As exported, every layer reads keys and values of the text again for each beam and each token, which with four beams
    took as long as all of its matrices. Here a dialogue's beams are side by side, as the tokens of one query would be.
    """
    mask = next((one for one in decoder.get_parameters() if "encoder_attention_mask" in one.output(0).names), None)
    if mask is None:  # a decoder that sees no padding is left as it was exported
        return 0
    unseen = ops.subtract(np.float32(1), ops.convert(mask, "f32"))
    bias = ops.unsqueeze(ops.multiply(unseen, np.float32(NONE_PAID)), _integers(1, 2))
    found = [
        node
        for node in decoder.get_ordered_ops()
        if node.get_type_name() == "ScaledDotProductAttention"
        and node.input_value(1).get_node().get_type_name() == "ReadValue"
    ]
    for node in found:
        query, keys, values = (node.input_value(place) for place in range(3))
        shape = query.get_partial_shape()
        heads, size = (_integers(shape[axis].get_length()) for axis in (1, 3))
        dialogues, tokens, beams = _length(keys, 0), _length(query, 2), _integers(-1)  # -1: what is left
        apart, together = [dialogues, heads, beams, tokens, size], [dialogues, heads, beams, size]
        asked = _reshaped(_swapped(_reshaped(query, [dialogues, beams, heads, tokens, size])), together)
        scaled = ops.multiply(asked, np.float32(shape[3].get_length() ** -0.5))
        paid = ops.softmax(ops.add(ops.matmul(scaled, keys, False, True), bias), -1)
        weighted = _swapped(_reshaped(ops.matmul(paid, values, False, False), apart))
        node.output(0).replace(_reshaped(weighted, [beams, heads, tokens, size]).output(0))
    decoder.validate_nodes_and_infer_types()
    return len(found)


def _integers(*numbers: int) -> Any:
    return ops.constant(np.array(numbers, np.int64))


def _length(tensor: Any, axis: int) -> Any:
    return ops.gather(ops.shape_of(tensor, output_type="i64"), _integers(axis), _integers(0))


def _reshaped(tensor: Any, lengths: list[Any]) -> Any:
    return ops.reshape(tensor, ops.concat(lengths, 0), False)


def _swapped(tensor: Any) -> Any:
    """Return a tensor of five axes with its beams and its heads in each other's place."""
    return ops.transpose(tensor, _integers(0, 2, 1, 3, 4))
