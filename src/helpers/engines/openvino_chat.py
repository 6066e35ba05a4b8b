"""A chat model as OpenVINO computes it: a graph reads prompts, another writes the answers.

The first takes `CHAT_READING` and gives the scores of the next token and `KEPT`, the keys and values of all layers.
The second takes `CHAT_WRITING` and these, and gives the same of one token for each beam. The beams of a prompt stand
side by side as the tokens of one query: what is kept is read once for all of them, and ``seen`` says which of it each
sees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
import transformers
from openvino import opset13 as ops
from openvino.op.util import Variable, VariableInfo
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from helpers.engines.openvino_graph import First, kept_names, name_port, save, share_weights
from helpers.engines.openvino_network import CHAT_READING, CHAT_WRITING, KEPT, READING, TEXT, WRITING

#: How our attention is called where transformers looks for one.
SHARED = "one_prompt_for_all_beams"
#: What some models' attention has beside keys, values and a mask, and ours has not.
UNKNOWN = ("sliding_window", "softcap", "s_aux", "sinks", "position_bias")


def write(source: Path, folder: Path, dtype: str) -> None:
    """Write the chat model in ``source`` into a new folder; ``int8`` and ``int4`` are its weights alone."""
    ALL_ATTENTION_FUNCTIONS.register(SHARED, _attention)
    network = transformers.AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
    ).eval()
    with torch.inference_mode():
        kept = _PromptReader(network)(torch.ones(1, 3, dtype=torch.int64))[1]
        for file in (WRITING, READING):
            network.set_attn_implementation(SHARED if file == WRITING else "sdpa")
            graph = _writing(network, kept) if file == WRITING else _reading(network)
            _merge(graph)
            _as_language_model(graph)
            save(graph, folder / file, dtype)
            del graph
    share_weights(folder)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Return what the beams of each prompt attend to: what is kept for all of them, and each its own new token."""
    if (more.get("sliding_window") or 0) >= module.config.max_position_embeddings:
        del more["sliding_window"]  # it holds whatever there can be
    if found := [name for name in UNKNOWN if more.get(name) is not None]:
        raise ValueError(f"{type(module).__name__}: {', '.join(found)}: not known to this engine")
    (prompts, heads, beams, size), kinds = query.shape, key.shape[1]
    keys, values = module.kept
    query = (query * scaling).reshape(prompts, kinds, heads // kinds * beams, size)
    scores = torch.cat([query @ keys.transpose(2, 3), query @ key.transpose(2, 3)], dim=-1) + attention_mask
    shares, places = torch.softmax(scores, dim=-1), keys.shape[2]
    found = shares[..., :places] @ values + shares[..., places:] @ value
    return found.reshape(prompts, heads, beams, size).transpose(1, 2), None


class _PromptReader(torch.nn.Module):
    """Reads a prompt."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = torch.arange(input_ids.shape[1])
        # The mask that transformers makes itself cannot be traced.
        seen = (places[None, :] <= places[:, None])[None, None]
        return _asked(self._network, input_ids, places[None], seen, logits_to_keep=1)


class _BeamWriter(torch.nn.Module):
    """One step of all beams, with what is kept as inputs."""

    def __init__(self, network: Any, heads: int) -> None:
        super().__init__()
        self._network = network
        self._layers = [module for module in network.modules() if hasattr(module, "layer_idx")]
        self._queries = network.config.num_attention_heads // heads

    def forward(
        self,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor,
        seen: torch.Tensor,
        kept: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        for module in self._layers:
            module.kept = kept[2 * module.layer_idx : 2 * module.layer_idx + 2]
        # As many heads of queries as share keys stand one behind the other.
        unseen = torch.where(seen, 0.0, float("-inf"))[:, None].repeat(1, 1, self._queries, 1)
        return _asked(self._network, input_ids, position_ids, unseen)


def _asked(
    network: Any, input_ids: torch.Tensor, position_ids: torch.Tensor, mask: torch.Tensor, **more: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the scores of the next tokens, and the keys and values of the new ones, (2 x layers, …)."""
    cache = transformers.DynamicCache()
    cache.layers = [First() for _ in range(network.config.num_hidden_layers)]
    output = network(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=position_ids,
        past_key_values=cache,
        use_cache=True,
        **more,
    )
    layers = output.past_key_values.layers
    return output.logits, torch.stack([tensor for layer in layers for tensor in (layer.keys, layer.values)])


def _reading(network: Any) -> Any:
    graph = openvino.convert_model(_PromptReader(network), example_input=(torch.ones(1, 3, dtype=torch.int64),))
    return _named(graph, CHAT_READING, [[1, -1]])


def _writing(network: Any, kept: torch.Tensor) -> Any:
    """Return the graph of a step, every number of prompts, beams and places free."""
    prompts, beams, places = 2, 4, kept.shape[3]
    example = {
        "input_ids": torch.ones(prompts, beams, dtype=torch.int64),
        "position_ids": torch.full((prompts, beams), places),
        "seen": torch.ones(prompts, beams, places + beams, dtype=torch.bool),
        "kept": [one.expand(prompts, -1, -1, -1).contiguous() for one in kept],
    }
    writer = _BeamWriter(network, heads=kept.shape[2])
    writer(**example)  # an error is told as it is; from within the tracer it would be wrapped up
    graph = openvino.convert_model(writer, example_input=example)
    shapes = [[-1, -1], [-1, -1], [-1, -1, -1], *([-1, kept.shape[2], -1, kept.shape[4]] for _ in kept)]
    return _named(graph, (*CHAT_WRITING, *kept_names(TEXT, len(kept) // 2)), shapes)


def _named(graph: Any, inputs: Sequence[str], shapes: Sequence[list[int]]) -> Any:
    for port, name, shape in zip(graph.inputs, inputs, shapes, strict=True):
        name_port(port, name, shape)
    for port, name in zip(graph.outputs, ("logits", KEPT), strict=True):
        name_port(port, name)
    graph.validate_nodes_and_infer_types()
    return graph


def _merge(graph: Any) -> None:
    """Make one matrix of those that multiply the same, such as the three of an attention: fewer, longer steps."""
    readers: dict[Any, list[Any]] = defaultdict(list)
    for node in graph.get_ops():
        if node.get_type_name() != "MatMul" or node.input_value(1).get_node().get_type_name() != "Constant":
            continue
        of, told = node.input_value(0), node.get_attributes()
        if told["transpose_b"] and not told["transpose_a"] and len(node.input_value(1).shape) == 2:
            readers[of.get_node().get_name(), of.get_index()].append(node)
    for nodes in readers.values():
        weights = [node.input_value(1).get_node().data for node in nodes]
        if len(nodes) == 1:
            continue
        product = ops.matmul(nodes[0].input_value(0), ops.constant(np.concatenate(weights)), False, True)
        lengths = ops.constant(np.array([len(one) for one in weights], np.int64))
        parts = ops.variadic_split(product, ops.constant(-1), lengths)
        for place, node in enumerate(nodes):
            node.output(0).replace(parts.output(place))
    graph.validate_nodes_and_infer_types()


def _as_language_model(graph: Any) -> None:
    """Have OpenVINO take a graph for a language model: it has a state, and an attention of OpenVINO's own.

    It multiplies the matrices of such a model in another way, which took two thirds of the time for a step of four
    beams (weights in half precision, 2026.4.1). State and attention are there for that alone, and nothing reads them.
    """
    of = VariableInfo()
    of.data_shape, of.data_type, of.variable_id = openvino.PartialShape([1, 1, 1, 16]), openvino.Type.f32, "unread"
    state = Variable(of)
    unread = ops.read_value(ops.constant(np.zeros([1, 1, 1, 16], np.float32)), state)
    graph.add_variables([state])
    graph.add_sinks([ops.assign(ops.scaled_dot_product_attention(unread, unread, unread), state)])
    graph.validate_nodes_and_infer_types()
