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


def load(
    folder: Path, dtype: str, *, start: int | None, padding: int = 0, threads: int | None = None
) -> ChatNetwork | Seq2SeqNetwork:
    """Return the network in a folder: one that writes from a token ``start``, or, without, behind what it reads."""
    told = properties(dtype, is_chat=start is None, threads=threads)
    return ChatNetwork(folder, told) if start is None else Seq2SeqNetwork(folder, told, start, padding)


class ChatNetwork:
    """A chat model: a prompt is read in a graph of its own, and the other goes on from there."""

    def __init__(self, folder: Path, told: dict[str, str]) -> None:
        self.computed = told["INFERENCE_PRECISION_HINT"]
        core = openvino.Core()
        graph = core.read_model(folder / CHAT)
        reading, self._names = reader(graph)
        self._reading = core.compile_model(reading, "CPU", told).create_infer_request()
        self._writing = core.compile_model(graph, "CPU", told).create_infer_request()

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read prompts; returns the scores of the token that comes first, (prompts, vocabulary)."""
        read = [self._read(prompt) for prompt in prompts]
        self._places = np.array([len(prompt) for prompt in prompts])
        longest = int(self._places.max())
        #: Which of the kept keys and values each row attends to: those of shorter prompts begin later.
        self._seen = np.arange(longest)[None, :] >= longest - self._places[:, None]
        for state in self._writing.query_state():
            rows = [kept[state.name] for _, kept in read]
            state.state = openvino.Tensor(rows[0] if len(rows) == 1 else _padded(rows, longest))
        return torch.cat([scores for scores, _ in read])

    def _read(self, prompt: Sequence[int]) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the scores that follow a prompt, and copies of its keys and values."""
        ids = np.array([prompt], np.int64)
        places = np.arange(ids.shape[1])[None]
        inputs = dict(zip(CHAT_INPUTS, (ids, np.ones_like(ids), places), strict=True))
        self._reading.infer(inputs, share_outputs=True)
        kept = (self._reading.get_output_tensor(place).data.copy() for place, _ in enumerate(self._names, 1))
        return _scores(self._reading).clone(), dict(zip(self._names, kept, strict=True))

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        order = np.array(rows, np.int32)
        places = self._places[order]
        self._places, self._seen = places + 1, np.pad(self._seen[order], ((0, 0), (0, 1)), constant_values=True)
        ids = np.array(tokens, np.int64)[:, None]
        inputs = dict(zip(CHAT_INPUTS, (ids, self._seen.astype(np.int64), places[:, None]), strict=True))
        self._writing.infer({**inputs, BEAMS: order}, share_outputs=True)
        return _scores(self._writing)


def _padded(rows: Sequence[Any], longest: int) -> Any:
    """Return keys or values, (1, heads, tokens, size), as rows of one tensor, nothing before the shorter ones."""
    return np.concatenate([np.pad(one, ((0, 0), (0, 0), (longest - one.shape[2], 0), (0, 0))) for one in rows])


class Seq2SeqNetwork:
    """A sequence-to-sequence model that writes from its token ``start``; ``padding`` fills up its shorter texts."""

    def __init__(self, folder: Path, told: dict[str, str], start: int, padding: int) -> None:
        self._start, self._padding, self.computed = start, padding, told["INFERENCE_PRECISION_HINT"]
        self._reading, self._writing = (_compiled(folder / file, told) for file in (READING, WRITING))

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read texts; returns the scores of the token that comes first, (texts, vocabulary)."""
        ids = np.full((len(prompts), max(map(len, prompts))), self._padding, np.int64)
        seen = np.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)], seen[row, : len(prompt)] = prompt, 1
        self._reading.infer(dict(zip(READING_INPUTS, (ids, seen), strict=True)), share_outputs=True)
        # They stay as they are for all steps: one row for each text, whatever its beams.
        for port in self._reading.model_outputs:
            self._writing.set_tensor(port.get_any_name(), self._reading.get_tensor(port))
        self._writing.set_tensor(WRITING_INPUTS[1], openvino.Tensor(seen))
        self._writing.reset_state()
        return self.step([self._start] * len(prompts), range(len(prompts)))

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        ids = np.array(tokens, np.int64)[:, None]
        self._writing.infer({WRITING_INPUTS[0]: ids, BEAMS: np.array(rows, np.int32)}, share_outputs=True)
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
