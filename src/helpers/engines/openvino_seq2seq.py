"""A sequence-to-sequence model as OpenVINO computes it: a graph reads dialogues, another writes their summaries.

The first takes `READING_INPUTS` and gives the keys and values that every layer of the decoder attends to, once for a
dialogue. The second takes `WRITING_INPUTS`, `openvino_network.BEAMS` and these, keeps its own keys and values inside,
and gives the scores of every row's next token. The beams of a dialogue stand side by side as the tokens of one query
would: what is kept of a text is read once for all of them. With four beams, reading it for each took as long as all of
the decoder's matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
import transformers
from openvino import opset13 as ops
from openvino._offline_transformations import apply_make_stateful_transformation
from torch.nn.functional import scaled_dot_product_attention
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from helpers.engines.openvino_graph import First, kept_names, name_port, save, share_weights, traced
from helpers.engines.openvino_network import BEAMS, READING, READING_INPUTS, TEXT, WRITING, WRITING_INPUTS

#: How the names of keys and values begin, as inputs and as outputs of a step.
PAST, PRESENT = "past", "present"
#: A step is one token long: what has a single row needs no transposing.
STEP_SHAPES = ([-1, 1], [-1, -1])
#: How our attention is called where transformers looks for one.
SHARED = "one_text_for_all_beams"


def write(source: Path, folder: Path, dtype: str) -> None:
    """Write the model in ``source`` into a new folder; ``int8`` and ``int4`` are its weights alone."""
    ALL_ATTENTION_FUNCTIONS.register(SHARED, _attention)
    network = transformers.AutoModelForSeq2SeqLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
    ).eval()
    if not all(hasattr(layer, "encoder_attn") for layer in getattr(network.get_decoder(), "layers", [None])):
        raise ValueError(
            f"{network.config.model_type}: only models built like BART can be converted (mBART, Pegasus, Marian)"
        )
    with torch.inference_mode():
        text = _kept(network)
        reading = _reading(network, text)
        network.set_attn_implementation(SHARED)
        writing = _writing(network, text)
    for graph, file in ((reading, READING), (writing, WRITING)):
        save(graph, folder / file, dtype)
    share_weights(folder)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Return what rows attend to; of keys and values there may be fewer rows, each for as many rows of the query.

    The query is scaled already.
    """
    rows, heads, tokens, size = query.shape
    if _is_of_text(module):
        query = query.reshape(key.shape[0], -1, heads, tokens, size).transpose(1, 2)
        query = query.reshape(key.shape[0], heads, -1, size)
    paid = scaled_dot_product_attention(query, key, value, attention_mask, scale=1.0)
    if _is_of_text(module):
        paid = paid.reshape(key.shape[0], heads, -1, tokens, size).transpose(1, 2).reshape(rows, heads, tokens, size)
    return paid.transpose(1, 2), None


def _is_of_text(module: Any) -> bool:
    return bool(getattr(module, "reads_text", False))


class _TextReader(torch.nn.Module):
    """Reads dialogues for a network's decoder."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # The masks that transformers makes itself cannot be traced.
        seen = (attention_mask != 0)[:, None, None, :]
        hidden = self._network.get_encoder()(
            input_ids=input_ids, attention_mask=seen.expand(-1, 1, input_ids.shape[1], -1)
        ).last_hidden_state
        cache = _asked(self._network, hidden, seen, torch.zeros_like(input_ids[:, :1]))
        return tuple(tensor for layer in cache.cross_attention_cache.layers for tensor in (layer.keys, layer.values))


def _asked(network: Any, hidden: torch.Tensor, seen: torch.Tensor, tokens: torch.Tensor) -> Any:
    """Return what a network keeps of texts and of a first token; the tracer drops what only the token needed."""
    own, texts = (transformers.DynamicCache() for _ in range(2))
    own.layers, texts.layers = ([First() for _ in network.get_decoder().layers] for _ in range(2))
    return network(
        encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
        attention_mask=seen,
        decoder_input_ids=tokens,
        decoder_attention_mask=torch.ones_like(tokens, dtype=torch.bool)[:, None, None, :],
        past_key_values=transformers.EncoderDecoderCache(own, texts),
        use_cache=True,
    ).past_key_values


def _layer(keys: torch.Tensor, values: torch.Tensor) -> DynamicLayer:
    """Return a layer of a cache that holds this; one that begins empty would be traced as such."""
    layer = DynamicLayer()
    layer.keys, layer.values, layer.dtype, layer.device = keys, values, keys.dtype, keys.device
    layer.is_initialized = True
    return layer


class _Writer(torch.nn.Module):
    """One step of a network's decoder, with all that it keeps as inputs and as outputs."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(
        self,
        decoder_input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        text: Sequence[torch.Tensor],
        kept: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, ...]:
        before, new = kept[0].shape[2], decoder_input_ids.shape[1]
        earlier = torch.arange(before + new)[None, :] <= (torch.arange(new) + before)[:, None]
        own, texts = (transformers.DynamicCache() for _ in range(2))
        own.layers, texts.layers = (
            [_layer(keys, values) for keys, values in zip(kind[::2], kind[1::2], strict=True)] for kind in (kept, text)
        )
        cache = transformers.EncoderDecoderCache(own, texts)
        cache.is_updated = dict.fromkeys(range(len(texts.layers)), True)
        output = self._network(
            # It must be there; its keys and values are what is read.
            encoder_outputs=BaseModelOutput(last_hidden_state=torch.zeros(1, 1, 1)),
            attention_mask=(attention_mask != 0)[:, None, None, :],
            decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=earlier[None, None].expand(decoder_input_ids.shape[0], -1, -1, -1),
            past_key_values=cache,
            use_cache=True,
        )
        layers = output.past_key_values.self_attention_cache.layers
        return (output.logits, *(tensor for layer in layers for tensor in (layer.keys, layer.values)))


def _kept(network: Any) -> list[torch.Tensor]:
    """Return keys and values of a text of three tokens, to see how many there are and of which shape."""
    ids = torch.ones(1, 3, dtype=torch.int64)
    return list(_TextReader(network)(ids, ids))


def _reading(network: Any, text: Sequence[torch.Tensor]) -> Any:
    ids = torch.ones(2, 3, dtype=torch.int64)
    graph = traced(_TextReader(network), (ids, ids))
    for port, name in zip(graph.inputs, READING_INPUTS, strict=True):
        name_port(port, name, [-1, -1])
    for port, name in zip(graph.outputs, kept_names(TEXT, len(text) // 2), strict=True):
        name_port(port, name)
    graph.validate_nodes_and_infer_types()
    return graph


def _writing(network: Any, text: Sequence[torch.Tensor]) -> Any:
    for layer in network.get_decoder().layers:
        layer.encoder_attn.reads_text = True
        for attention in (layer.self_attn, layer.encoder_attn):
            # Scaled once here, not in each step; by a power of two it is the same to the last bit.
            for part in attention.q_proj.parameters():
                part.mul_(attention.scaling)
    dialogues, rows, before = 2, 4, 3
    kept = [torch.zeros(rows, one.shape[1], before, one.shape[3]) for one in text]
    example = {
        "decoder_input_ids": torch.ones(rows, 1, dtype=torch.int64),
        "attention_mask": torch.ones(dialogues, 3, dtype=torch.int64),
        "text": [one.expand(dialogues, -1, -1, -1).contiguous() for one in text],
        "kept": kept,
    }
    graph = traced(_Writer(network), example)
    names = [*WRITING_INPUTS, *kept_names(TEXT, len(text) // 2), *kept_names(PAST, len(text) // 2)]
    for place, (port, name) in enumerate(zip(graph.inputs, names, strict=True)):
        like = text[(place - len(WRITING_INPUTS)) % len(text)].shape
        name_port(port, name, STEP_SHAPES[place] if place < len(WRITING_INPUTS) else [-1, like[1], -1, like[3]])
    for port, name in zip(graph.outputs, ["logits", *kept_names(PRESENT, len(text) // 2)], strict=True):
        name_port(port, name)
    graph.validate_nodes_and_infer_types()
    _keep_inside(graph, rows_of=WRITING_INPUTS[0])
    return graph


def _keep_inside(graph: Any, rows_of: str) -> None:
    """Have a graph keep its keys and values itself, empty at first, in the order that `BEAMS` asks for.

    They are the inputs named `PAST`; there are as many rows of them as of the input ``rows_of``.
    """
    beams = ops.parameter([-1], openvino.Type.i32, name=BEAMS)
    name_port(beams.output(0), BEAMS)
    graph.add_parameters([beams])
    pairs = {}
    for kept in graph.inputs:
        name = kept.get_any_name()
        if not name.startswith(PAST):
            continue
        readers = kept.get_target_inputs()
        ordered = ops.gather(kept, beams, ops.constant(0))
        for reader in readers:
            reader.replace_source_output(ordered.output(0))
        pairs[name] = name.replace(PAST, PRESENT)
    graph.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(graph, pairs)
    rows = ops.gather(ops.shape_of(graph.input(rows_of), output_type="i64"), ops.constant([0]), ops.constant(0))
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            _, heads, _, size = node.get_output_partial_shape(0)
            rest = ops.constant(np.array([heads.get_length(), 0, size.get_length()], np.int64))
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), ops.concat([rows, rest], 0))])
    graph.validate_nodes_and_infer_types()
