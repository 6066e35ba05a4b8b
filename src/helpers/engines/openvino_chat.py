"""A chat model as OpenVINO computes it: one graph that reads prompts and writes the answers.

It takes `CHAT_INPUTS` and the keys and values of what was before, and gives the scores of the tokens that are
``wanted`` and `KEPT`, the keys and values of the new ones. These are a part of a prompt, or one token for each of its
beams, side by side as the tokens of one query: what is kept is read once for all of them, and ``seen`` says which of
it each sees.
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

from helpers.engines.openvino_graph import First, kept_names, name_port, save, share_weights, traced
from helpers.engines.openvino_network import CHAT, CHAT_INPUTS, KEPT, TEXT

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
        # How many keys and values there are, and of which shape.
        layers = network(torch.ones(2, 3, dtype=torch.int64), use_cache=True).past_key_values.layers
        network.set_attn_implementation(SHARED)
        graph = _traced(network, [tensor for layer in layers for tensor in (layer.keys, layer.values)])
    _merge(graph)
    _as_language_model(graph)
    save(graph, folder / CHAT, dtype)
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
    """Return what the new tokens of each prompt attend to: what is kept, and those of the new ones that they see."""
    if (more.get("sliding_window") or 0) >= module.config.max_position_embeddings:
        del more["sliding_window"]  # it holds whatever there can be
    if found := [name for name in UNKNOWN if more.get(name) is not None]:
        raise ValueError(f"{type(module).__name__}: {', '.join(found)}: not known to this engine")
    (prompts, heads, tokens, size), kinds = query.shape, key.shape[1]
    keys, values = module.kept
    query = (query * scaling).reshape(prompts, kinds, heads // kinds * tokens, size)
    scores = torch.cat([query @ keys.transpose(2, 3), query @ key.transpose(2, 3)], dim=-1) + attention_mask
    shares, places = torch.softmax(scores, dim=-1), keys.shape[2]
    found = shares[..., :places] @ values + shares[..., places:] @ value
    return found.reshape(prompts, heads, tokens, size).transpose(1, 2), None


class _Step(torch.nn.Module):
    """Some tokens of each prompt, with the keys and values of what was before them as inputs."""

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
        wanted: torch.Tensor,
        kept: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores of what comes next, and the keys and values of the new tokens, (2 x layers, …)."""
        for module in self._layers:
            module.kept = kept[2 * module.layer_idx : 2 * module.layer_idx + 2]
        cache = transformers.DynamicCache()
        cache.layers = [First() for _ in range(self._network.config.num_hidden_layers)]
        output = self._network(
            input_ids=input_ids,
            # As many heads of queries as share keys stand one behind the other.
            attention_mask=torch.where(seen, 0.0, float("-inf"))[:, None].repeat(1, 1, self._queries, 1),
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=wanted,
        )
        layers = output.past_key_values.layers
        return output.logits, torch.stack([tensor for layer in layers for tensor in (layer.keys, layer.values)])


def _traced(network: Any, kept: Sequence[torch.Tensor]) -> Any:
    """Return the graph, every number of prompts, tokens and places free."""
    (prompts, heads, places, size), tokens = kept[0].shape, 4
    example = {
        "input_ids": torch.ones(prompts, tokens, dtype=torch.int64),
        "position_ids": torch.full((prompts, tokens), places),
        "seen": torch.ones(prompts, tokens, places + tokens, dtype=torch.bool),
        "wanted": torch.arange(tokens),
        "kept": list(kept),
    }
    step = _Step(network, heads)
    step(**example)  # an error is told as it is; from within the tracer it would be wrapped up
    graph = traced(step, example)
    names = (*CHAT_INPUTS, *kept_names(TEXT, len(kept) // 2))
    shapes = ([-1, -1], [-1, -1], [-1, -1, -1], [-1], *([-1, heads, -1, size] for _ in kept))
    for port, name, shape in zip(graph.inputs, names, shapes, strict=True):
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
