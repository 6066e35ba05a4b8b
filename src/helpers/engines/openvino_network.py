"""A converted model as OpenVINO runs it: prompts or texts read, then token by token for rows that continue from others.

It imports nothing of ours, because a packaged handler carries a copy of it.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino.preprocess import PrePostProcessor

#: The graph of a chat model, and those of a sequence-to-sequence model: one reads texts, the other writes behind them.
CHAT, READING, WRITING = "openvino_chat.xml", "openvino_reading.xml", "openvino_writing.xml"
#: The weights of all graphs of a model.
WEIGHTS = "openvino.bin"
#: Inputs of the graphs; those that write take the keys and values of what was before, too.
CHAT_INPUTS = ("input_ids", "position_ids", "seen", "wanted")
READING_INPUTS, WRITING_INPUTS = ("input_ids", "attention_mask"), ("decoder_input_ids", "attention_mask")
#: The input of a sequence-to-sequence model that says which row's keys and values each row continues from.
BEAMS = "beam_idx"
#: How the names of the keys and values of a text begin, and what a chat model's output of all layers' is called.
TEXT, KEPT = "text", "kept"
#: Places for tokens that are made at a time: with the same number of places a step needs no new preparation.
ROOM = 128
#: Most tokens of a prompt that are read at a time: what all see of each other takes memory by their square.
PART = 256
#: What is computed in, by the type of the weights; where the processor has no bf16 it is fp32.
MATRICES = {"float32": "f32", "bfloat16": "bf16", "float16": "f32", "int8": "bf16", "int4": "bf16"}
#: Seconds from one giving back of memory to the next, while a model is loaded.
OFTEN = 0.02
#: Weights of a row that share a scale, with ``int4``.
GROUP = 64


def properties(dtype: str, *, is_chat: bool, threads: int | None = None) -> dict[str, str]:
    """Return what OpenVINO is told of how to compute a model on this processor."""
    has_bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    computed = MATRICES[dtype] if has_bf16 else "f32"
    # Where a graph keeps keys and values, by default it does so in eight bits, which costs time here and, when a batch
    # of beams outgrows what was set aside for them, gives garbage (seen with 2026.4.1).
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
    """A chat model: a graph reads prompts part by part, and writes the next tokens of all beams of a prompt together.

    What is kept of a prompt is there once for its beams. Behind it stand the tokens that its beams have written, side
    by side, and each beam sees those of its own line alone, so that no step copies what was before it. Source: the tree
    attention of Miao et al. (2023), SpecInfer, https://arxiv.org/abs/2305.09781.
    """

    def __init__(self, folder: Path, told: dict[str, str]) -> None:
        self.computed = told["INFERENCE_PRECISION_HINT"]
        self._graph = _compiled(folder / CHAT, told)
        ports = [port for port in self._graph.model_inputs if port.get_any_name().startswith(TEXT)]
        self._texts, self._type = [port.get_any_name() for port in ports], ports[0].get_element_type()
        self._heads, self._size = (ports[0].get_partial_shape()[place].get_length() for place in (1, 3))
        #: As what numpy holds it; the bits of bf16, which it has not, lie in its float16.
        self._held = openvino.Tensor(self._type, openvino.Shape([0])).data.dtype
        with _Weights(folder / WEIGHTS).copied():  # by what computes, when it is first used
            self.begin([[0]])

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read prompts; returns the scores of the token that comes first, (prompts, vocabulary)."""
        #: The place of each beam's next token, (prompts, beams), how many the prompts take, and how many are taken.
        self._places = np.array([len(prompt) for prompt in prompts])[:, None]
        self._prompts = self._taken = int(self._places.max())
        #: Keys and values, (2 x layers, prompts, heads, places, size), and which of them each beam sees.
        self._kept = np.zeros((len(self._texts), len(prompts), self._heads, 0, self._size), self._held)
        self._seen = np.zeros((len(prompts), 1, 0), bool)
        self._widen(self._taken + 1)
        self._seen |= np.arange(self._seen.shape[2]) < self._places[:, :, None]
        scores = [self._read(place, np.array(prompt, np.int64)) for place, prompt in enumerate(prompts)]
        self._look_at(self._kept)
        return torch.cat(scores)

    def _read(self, place: int, prompt: np.ndarray[Any, Any]) -> torch.Tensor:
        """Read the prompt at a place; returns the scores of the token that comes first, (1, vocabulary)."""
        done, own = 0, self._kept[:, place : place + 1]
        for part in np.array_split(prompt, -(-len(prompt) // PART)):
            end = done + len(part)
            self._look_at(np.ascontiguousarray(own[:, :, :, :done]))
            seen = np.tri(len(part), end, done, dtype=bool)
            # Only what the last token of a prompt says is of use.
            scores, kept = self._compute(part[None], np.arange(done, end)[None], seen[None], [-1])
            own[:, :, :, done:end] = kept
            done = end
        return scores.clone()

    def _compute(self, *inputs: Any) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
        """Run the graph on its `CHAT_INPUTS`; returns the scores of the wanted tokens, and what is kept of all."""
        self._graph.infer(dict(zip(CHAT_INPUTS, map(np.asarray, inputs), strict=True)), share_outputs=True)
        return _scores(self._graph), self._graph.get_tensor(KEPT).data

    def _look_at(self, kept: np.ndarray[Any, Any]) -> None:
        """Have the graph take these keys and values for what was before."""
        self._looked_at = kept  # held here, because the graph only borrows the memory
        for name, one in zip(self._texts, kept, strict=True):
            self._graph.set_tensor(name, openvino.Tensor(one, openvino.Shape(one.shape), self._type))

    def _make_room(self, more: int) -> None:
        """Let go of the written tokens on which no beam's line goes on, and have places for ``more``."""
        written = slice(self._prompts, self._taken)
        kept, seen = self._kept[:, :, :, written], self._seen[:, :, written]
        live = seen.any(axis=1)
        order = np.argsort(~live, axis=1, kind="stable")
        kept[:] = np.take_along_axis(kept, order[None, :, None, :, None], axis=3)
        seen[:] = np.take_along_axis(seen, order[:, None, :], axis=2)
        self._taken = self._prompts + int(live.sum(axis=1).max())
        # Half of the room is free afterwards, so that lines as long as the room do not end up here at every step.
        self._widen(self._taken + max(more, ROOM // 2))

    def _widen(self, places: int) -> None:
        """Have so many places or more, `ROOM` at a time."""
        more = -(-places // ROOM) * ROOM - self._kept.shape[3]
        if more > 0:
            self._kept = np.pad(self._kept, [(0, 0)] * 3 + [(0, more), (0, 0)])
            self._seen = np.pad(self._seen, [(0, 0)] * 2 + [(0, more)])
            self._look_at(self._kept)

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        prompts, order = len(self._places), np.array(rows)
        beams = len(order) // prompts
        if self._taken + beams > self._kept.shape[3]:
            self._make_room(beams)
        new = slice(self._taken, self._taken + beams)
        ids = np.array(tokens, np.int64).reshape(prompts, beams)
        places = self._places.reshape(-1)[order].reshape(prompts, beams)
        seen = self._seen.reshape(-1, self._seen.shape[2])[order].reshape(prompts, beams, -1)
        itself = np.broadcast_to(np.eye(beams, dtype=bool), (prompts, beams, beams))
        scores, kept = self._compute(ids, places, np.concatenate([seen, itself], axis=2), np.arange(beams))
        self._kept[:, :, :, new], seen[:, :, new] = kept, itself
        self._places, self._seen, self._taken = places + 1, seen, new.stop
        return scores


class Seq2SeqNetwork:
    """A sequence-to-sequence model that writes from its token ``start``; ``padding`` fills up its shorter texts."""

    def __init__(self, folder: Path, told: dict[str, str], start: int, padding: int) -> None:
        self._start, self._padding, self.computed = start, padding, told["INFERENCE_PRECISION_HINT"]
        self._reading, self._writing = (_compiled(folder / file, told) for file in (READING, WRITING))
        self._weights = _Weights(folder / WEIGHTS)
        with self._weights.copied():  # by what computes, when it is first used
            self._read([[padding]])
            self.step([start], [0])

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read texts; returns the scores of the token that comes first, (texts, vocabulary)."""
        self._read(prompts)
        self._weights.give_back()  # what a text needed of the embeddings, and what lies around it
        return self.step([self._start] * len(prompts), range(len(prompts)))

    def _read(self, prompts: Sequence[Sequence[int]]) -> None:
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

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read a token for each new row, which continues from the one of ``rows``; returns as `begin`."""
        ids = np.array(tokens, np.int64)[:, None]
        self._writing.infer({WRITING_INPUTS[0]: ids, BEAMS: np.array(rows, np.int32)}, share_outputs=True)
        return _scores(self._writing)


def _scores(request: Any) -> torch.Tensor:
    found = request.get_output_tensor(0).data
    return torch.from_numpy(found.reshape(-1, found.shape[-1]))


def _compiled(file: Path, told: dict[str, str]) -> Any:
    """Return a request to a graph; keys and values go in and out in the type in which it computes."""
    core = openvino.Core()
    graph = core.read_model(file, file.with_name(WEIGHTS))
    prepared = PrePostProcessor(graph)
    if told["INFERENCE_PRECISION_HINT"] == "bf16":
        for ports, find in ((graph.inputs, prepared.input), (graph.outputs, prepared.output)):
            for name in (port.get_any_name() for port in ports):
                if name.startswith((TEXT, KEPT)):
                    find(name).tensor().set_element_type(openvino.Type.bf16)
    return core.compile_model(prepared.build(), "CPU", told).create_infer_request()


class _Weights:
    """A file of weights, which engines map into memory.

    What computes has its own copy from the first use on, in its own order, and the file's would count as memory in use
    for as long as the model is there. Given back, nothing is lost: whatever is read again comes from the file. Only
    Linux tells where a file is mapped.
    """

    def __init__(self, file: Path) -> None:
        self._name = str(file.resolve())

    def give_back(self) -> None:
        """Give back the memory of what was read."""
        with suppress(OSError):  # what cannot be given back is kept, and nothing else changes
            for line in Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines():
                addresses, rights, *_, name = line.split(maxsplit=5)
                if name == self._name and "w" not in rights:
                    begin, end = (int(address, 16) for address in addresses.split("-"))
                    ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)

    @contextmanager
    def copied(self) -> Iterator[None]:
        """Give back what is read, again and again while a model makes its copy: both at once would be the most."""
        ended = threading.Event()

        def repeat() -> None:
            while not ended.wait(OFTEN):
                self.give_back()

        repeating = threading.Thread(target=repeat, name="give-back", daemon=True)
        repeating.start()
        try:
            yield
        finally:
            ended.set()
            repeating.join()
            self.give_back()
