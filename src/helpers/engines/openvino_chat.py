"""A chat model as OpenVINO computes it: traced once, keys and values kept inside, weights in lower precision.

The graph takes `CHAT_INPUTS` and `openvino_network.BEAMS`, and gives the scores of every row's next token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino
import torch
import transformers

from helpers.engines.openvino_graph import PAST, PRESENT, cache_layer, compressed, keep_inside, kept_names, name_port
from helpers.engines.openvino_network import CHAT, CHAT_INPUTS


def write(source: Path, folder: Path, dtype: str) -> None:
    """Write the chat model in ``source`` into a new folder; ``int8`` and ``int4`` are its weights alone."""
    network = transformers.AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
    ).eval()
    graph = _traced(network)
    keep_inside(graph, rows_of=CHAT_INPUTS[0])
    folder.mkdir(parents=True)
    openvino.save_model(compressed(graph, dtype), folder / CHAT, compress_to_fp16=False)


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
        cache.layers = [cache_layer(keys, values) for keys, values in zip(kept[::2], kept[1::2], strict=True)]
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
    layers = config.num_hidden_layers
    for place, name in enumerate((*CHAT_INPUTS, *kept_names(PAST, layers))):
        name_port(graph.inputs[place], name, [-1, -1] if place < len(CHAT_INPUTS) else [-1, heads, -1, size])
    for output, name in zip(graph.outputs, ("logits", *kept_names(PRESENT, layers)), strict=True):
        name_port(output, name)
    graph.validate_nodes_and_infer_types()
    return graph
