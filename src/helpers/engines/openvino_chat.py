"""A chat model as OpenVINO computes it: a graph reads prompts, another writes the answers.

The first takes `CHAT_READING` and gives the scores of the next token and `KEPT`, the keys and values of all layers.
The second takes `CHAT_WRITING` and these, and gives the same of one token for each beam. The beams of a prompt stand
side by side as the tokens of one query: what is kept is read once for all of them, and ``seen`` says which of it each
sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openvino
import torch
import transformers
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from helpers.engines.openvino_graph import First, as_language_model, kept_names, merged, name_port, save
from helpers.engines.openvino_network import CHAT_READING, CHAT_WRITING, KEPT, READING, TEXT, WRITING

#: How our attention is called where transformers looks for one.
SHARED = "one_prompt_for_all_beams"
#: What some models' attention has beside keys, values and a mask, and ours has not.
UNKNOWN = ("sliding_window", "softcap", "s_aux")


def write(source: Path, folder: Path, dtype: str) -> None:
    """Write the chat model in ``source`` into a new folder; ``int8`` and ``int4`` are its weights alone."""
    ALL_ATTENTION_FUNCTIONS.register(SHARED, _attention)
    network = transformers.AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
    ).eval()
    with torch.inference_mode():
        kept = _PromptReader(network)(torch.ones(1, 3, dtype=torch.int64))[1]
        network.set_attn_implementation(SHARED)
        writing = _writing(network, kept)
        network.set_attn_implementation("sdpa")
        reading = _reading(network)
    folder.mkdir(parents=True)
    for graph, file in ((reading, READING), (writing, WRITING)):
        merged(graph)
        as_language_model(graph)
        save(graph, folder / file, dtype)


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

    def __init__(self, network: Any) -> None:
        super().__init__()
        self._network = network
        self._layers = [module for module in network.modules() if hasattr(module, "layer_idx")]
        self._queries = network.config.num_attention_heads // network.config.num_key_value_heads

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
    writer = _BeamWriter(network)
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
