"""A chat model as OpenVINO computes it: traced once, keys and values kept inside, weights in lower precision.

The graph takes `INPUTS` and `BEAMS`, which says whose keys and values each row continues from, and gives the scores
of every row's next token.
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
from transformers.cache_utils import DynamicLayer

from helpers.engines.openvino_options import GROUP

INPUTS = ("input_ids", "attention_mask", "position_ids")
BEAMS = "beam_idx"
GRAPH = "openvino_model.xml"


def write(source: Path, folder: Path, dtype: str) -> None:
    """Write the chat model in ``source`` into a new folder; ``int8`` and ``int4`` are its weights alone."""
    network = transformers.AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
    ).eval()
    graph = _traced(network)
    _keep_inside(graph)
    folder.mkdir(parents=True)
    openvino.save_model(_compressed(graph, dtype), folder / GRAPH, compress_to_fp16=False)


class _Step(torch.nn.Module):
    """One step of a network, with all that it keeps as inputs and as outputs."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        kept: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, ...]:
        before, new = kept[0].shape[2], input_ids.shape[1]
        # The mask that transformers makes itself cannot be traced.
        columns, rows = torch.arange(attention_mask.shape[1]), torch.arange(new) + before
        earlier = columns[None, :] <= rows[:, None]
        seen = earlier[None, None] & (attention_mask != 0)[:, None, None, :]
        # Padding sees itself: of nothing at all there is no average.
        seen = seen | (columns[None, :] == rows[:, None])
        cache = transformers.DynamicCache()
        cache.layers = [_layer(keys, values) for keys, values in zip(kept[::2], kept[1::2], strict=True)]
        output = self._network(
            input_ids=input_ids,
            attention_mask=seen,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        layers = output.past_key_values.layers
        return (output.logits, *(tensor for layer in layers for tensor in (layer.keys, layer.values)))


def _layer(keys: torch.Tensor, values: torch.Tensor) -> DynamicLayer:
    """Return a layer of a cache that holds this; one that begins empty would be traced as such."""
    layer = DynamicLayer()
    layer.keys, layer.values, layer.dtype, layer.device = keys, values, keys.dtype, keys.device
    layer.is_initialized = True
    return layer


def _traced(network: Any) -> Any:
    """Return the graph of one step, every length in it free; keys and values are its inputs and outputs."""
    config = network.config
    heads, size = config.num_key_value_heads, getattr(config, "head_dim", None)
    size = size or config.hidden_size // config.num_attention_heads
    rows, before, new = 2, 3, 2
    example = {
        "input_ids": torch.ones(rows, new, dtype=torch.int64),
        "attention_mask": torch.ones(rows, before + new, dtype=torch.int64),
        "position_ids": torch.arange(before, before + new).expand(rows, new),
        "kept": [torch.zeros(rows, heads, before, size) for _ in range(2 * config.num_hidden_layers)],
    }
    with torch.inference_mode():
        graph = openvino.convert_model(_Step(network), example_input=example)
    kept = [f"{side}.{layer}" for layer in range(config.num_hidden_layers) for side in ("key", "value")]
    for place, name in enumerate((*INPUTS, *(f"past_{name}" for name in kept))):
        shape = [-1, -1] if place < len(INPUTS) else [-1, heads, -1, size]
        _name(graph.inputs[place], name)
        graph.inputs[place].get_node().set_partial_shape(openvino.PartialShape(shape))
    for output, name in zip(graph.outputs, ("logits", *(f"present_{name}" for name in kept)), strict=True):
        _name(output, name)
    graph.validate_nodes_and_infer_types()
    return graph


def _keep_inside(graph: Any) -> None:
    """Have a graph keep its keys and values itself, empty at first, in the order that `BEAMS` asks for."""
    beams = ops.parameter([-1], openvino.Type.i32, name=BEAMS)
    _name(beams.output(0), BEAMS)
    graph.add_parameters([beams])
    pairs = {}
    for kept in graph.inputs[len(INPUTS) : -1]:
        readers = kept.get_target_inputs()
        ordered = ops.gather(kept, beams, ops.constant(0))
        for reader in readers:
            reader.replace_source_output(ordered.output(0))
        pairs[kept.get_any_name()] = kept.get_any_name().replace("past", "present")
    graph.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(graph, pairs)
    rows = ops.gather(ops.shape_of(graph.input(INPUTS[0]), output_type="i64"), ops.constant([0]), ops.constant(0))
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            _, heads, _, size = node.get_output_partial_shape(0)
            rest = ops.constant(np.array([heads.get_length(), 0, size.get_length()], np.int64))
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), ops.concat([rows, rest], 0))])
    graph.validate_nodes_and_infer_types()


def reader(graph: Any) -> tuple[Any, list[str]]:
    """Return a graph as one that reads prompts: it begins with nothing and gives away what it would have kept.

    The second is the name under which the graph keeps each of its further outputs, those behind the scores. OpenVINO
    computes the attention inside a graph that keeps keys and values by single rows, which a long prompt has thousands
    of: read this way, 2,000 tokens took a sixth of the time (2026.4.1).
    """
    reading = graph.clone()
    kept = {sink.get_attributes()["variable_id"]: ops.result(sink.input_value(0)) for sink in reading.get_sinks()}
    for node in reading.get_ops():
        if node.get_type_name() == "ReadValue":
            node.output(0).replace(node.input_value(0))
    for sink in reading.get_sinks():
        reading.remove_sink(sink)
    for variable in reading.get_variables():
        reading.remove_variable(variable)
    reading.add_results(list(kept.values()))
    reading.validate_nodes_and_infer_types()
    return reading, list(kept)


def _compressed(graph: Any, dtype: str) -> Any:
    if dtype == "float32":
        return graph
    import nncf

    mode = nncf.CompressWeightsMode
    if dtype == "int8":
        return nncf.compress_weights(graph, mode=mode.INT8_ASYM)
    return nncf.compress_weights(graph, mode=mode.INT4_ASYM, group_size=GROUP)


def _name(port: Any, name: str) -> None:
    port.get_tensor().set_names({name})
    port.get_node().set_friendly_name(name)
