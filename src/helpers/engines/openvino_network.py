"""A converted model as OpenVINO runs it: prompts or texts read, then token by token for rows that continue from others.

It imports nothing of ours, because a packaged handler carries a copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

#: A chat model's graph and its inputs, then a sequence-to-sequence model's two.
CHAT, CHAT_INPUTS = "openvino_model.xml", ("input_ids", "attention_mask", "position_ids")
READING, READING_INPUTS = "openvino_encoder.xml", ("input_ids", "attention_mask")
WRITING, WRITING_INPUTS = "openvino_decoder.xml", ("decoder_input_ids", "attention_mask")
#: The input that says which row's keys and values each row continues from.
BEAMS = "beam_idx"
#: How the names of the keys and values of a text begin.
TEXT = "text"
#: What is computed in, by the type of the weights; where the processor has no bf16 it is fp32.
MATRICES = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16", "int4": "bf16"}
#: Weights of a row that share a scale, with ``int4``.
GROUP = 64


def properties(dtype: str, *, is_chat: bool, threads: int | None = None) -> dict[str, str]:
    """Return what OpenVINO is told of how to compute a model on this processor."""
    has_bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    computed = MATRICES[dtype] if has_bf16 else "f32"
    # By default keys and values are kept in eight bits, which costs time here and, when a batch of beams outgrows what
    # was set aside for them, gives garbage (seen with 2026.4.1).
    told = {"INFERENCE_PRECISION_HINT": computed, "KV_CACHE_PRECISION": computed, "PERFORMANCE_HINT": "LATENCY"}
    # A thread that is bound to its processor waits for whatever else runs there: beside one busy process on two
    # processors, four summaries took 29 s with threads bound and 15 s without, where alone they take 9 s either way.
    told |= {"ENABLE_CPU_PINNING": "NO"}
    if not is_chat and dtype in ("int8", "int4"):
        # Inputs are quantized in groups, as the weights are: in larger ones than those of four bits, what BART-large
        # computes was not quantized at all and took twice as long; OpenVINO's own 32 took 4 % longer.
        told["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(GROUP)
    return told | ({"INFERENCE_NUM_THREADS": str(threads)} if threads else {})


class ChatNetwork:
    """A chat model: a prompt is read in a graph of its own, and the other goes on from there."""

    def __init__(self, folder: Path, told: dict[str, str]) -> None:
        core = openvino.Core()
        graph = core.read_model(folder / CHAT)
        reading, self._names = reader(graph)
        self._reading = core.compile_model(reading, "CPU", told).create_infer_request()
        self._writing = core.compile_model(graph, "CPU", told).create_infer_request()

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read prompts of one length; returns the scores of the token that comes first, (prompts, vocabulary)."""
        ids = np.array(prompts, np.int64)
        self._length = ids.shape[1]
        places = np.broadcast_to(np.arange(self._length), ids.shape)
        self._reading.infer(dict(zip(CHAT_INPUTS, (ids, np.ones_like(ids), places), strict=True)))
        kept = {name: self._reading.get_output_tensor(place) for place, name in enumerate(self._names, 1)}
        for state in self._writing.query_state():
            state.state = kept[state.name]
        return _scores(self._reading)

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        ids, places = np.array(tokens, np.int64)[:, None], np.full((len(tokens), 1), self._length)
        self._length += 1
        seen = np.ones((len(tokens), self._length), np.int64)
        inputs = dict(zip(CHAT_INPUTS, (ids, seen, places), strict=True))
        self._writing.infer({**inputs, BEAMS: np.array(rows, np.int32)})
        return _scores(self._writing)


class Seq2SeqNetwork:
    """A sequence-to-sequence model that writes from its token ``start``; ``padding`` fills up its shorter texts."""

    def __init__(self, folder: Path, told: dict[str, str], start: int, padding: int) -> None:
        self._start, self._padding = start, padding
        self._reading, self._writing = (_compiled(folder / file, told) for file in (READING, WRITING))

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read texts; returns the scores of the token that comes first, (texts, vocabulary)."""
        ids = np.full((len(prompts), max(map(len, prompts))), self._padding, np.int64)
        seen = np.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)], seen[row, : len(prompt)] = prompt, 1
        self._reading.infer(dict(zip(READING_INPUTS, (ids, seen), strict=True)))
        # They stay as they are for all steps: one row for each text, whatever its beams.
        for port in self._reading.model_outputs:
            self._writing.set_tensor(port.get_any_name(), self._reading.get_tensor(port))
        self._writing.set_tensor(WRITING_INPUTS[1], openvino.Tensor(seen))
        self._writing.reset_state()
        return self.step([self._start] * len(prompts), range(len(prompts)))

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        ids = np.array(tokens, np.int64)[:, None]
        self._writing.infer({WRITING_INPUTS[0]: ids, BEAMS: np.array(rows, np.int32)})
        return _scores(self._writing)


def _scores(request: Any) -> torch.Tensor:
    return torch.from_numpy(request.get_output_tensor(0).data[:, -1])


def _compiled(file: Path, told: dict[str, str]) -> Any:
    """Return a request to a graph; keys and values pass between two in the type in which both compute."""
    core = openvino.Core()
    graph = core.read_model(file)
    prepared = PrePostProcessor(graph)
    if told["INFERENCE_PRECISION_HINT"] == "bf16":
        for ports, find in ((graph.inputs, prepared.input), (graph.outputs, prepared.output)):
            for name in (port.get_any_name() for port in ports):
                if name.startswith(TEXT):
                    find(name).tensor().set_element_type(openvino.Type.bf16)
    return core.compile_model(prepared.build(), "CPU", told).create_infer_request()


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
