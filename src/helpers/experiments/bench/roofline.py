"""How many operations and bytes one request needs, and how long a machine takes for them at the least.

A multiplication with its addition is two operations. Every matrix is read once for a step and for all that is in the
batch; the keys and values of the encoder's output are computed and read once for all beams. Layer norms, softmax and
the search itself are not counted, so that no engine whose weights have as many bytes can be faster than the limit.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from helpers.core.machine import usable_cores
from helpers.engines.variant_server import missing_instructions
from helpers.experiments.bench.model import Architecture, DecoderArchitecture
from helpers.experiments.bench.result import Machine

#: Bytes that are read at once, far more than any cache holds.
READ = 1 << 29
#: Rows and columns of the matrices that are multiplied.
SIDE = 2048
TRIES = 7
TYPES = ("float32", "bfloat16", "int8")


@dataclass(frozen=True)
class Shape:
    """What one request reads and writes: tokens in, one number per text, and the tokens written for each."""

    inputs: tuple[int, ...]
    output: int

    @property
    def name(self) -> str:
        """How results and the command line call it: ``200x60``, or ``batch8x32`` for texts of several lengths."""
        return f"{self.inputs[0]}x{self.output}" if len(self.inputs) == 1 else f"batch{len(self.inputs)}x{self.output}"


@dataclass(frozen=True)
class Work:
    """What a request takes: once for its texts, then ``steps`` times for the tokens; ``values`` are weights and caches.

    Operations and values of one step are those of the middle one: the caches grow evenly.
    """

    prefill_operations: float
    prefill_values: float
    steps: int
    step_operations: float
    step_values: float


def encoder_weights(a: Architecture) -> int:
    """Return the weights in the encoder's matrices: four of attention and two of the inner layer each."""
    return a.encoder_layers * (4 * a.width**2 + 2 * a.width * a.inner)


def step_weights(a: Architecture) -> int:
    """Return the weights that one step of the decoder reads: all its matrices but keys and values of the encoder's
    output, which are made once, and the projection onto the vocabulary."""
    return a.decoder_layers * (6 * a.width**2 + 2 * a.width * a.inner) + a.vocabulary * a.width


def memory_weights(a: Architecture) -> int:
    """Return the weights that make keys and values of the encoder's output."""
    return a.decoder_layers * 2 * a.width**2


def encoder_operations(a: Architecture, tokens: int) -> float:
    """Return the operations that encode one text: its matrices, and attention of every token to every token."""
    return 2.0 * tokens * encoder_weights(a) + 4.0 * tokens**2 * a.width * a.encoder_layers


def count(a: Architecture, shape: Shape, beams: int) -> Work:
    """Return what a request of a shape takes at a number of beams."""
    rows, middle = len(shape.inputs) * beams, (shape.output + 1) / 2
    read = sum(shape.inputs)
    attended = a.width * a.decoder_layers * (beams * read + rows * middle)
    return Work(
        prefill_operations=sum(encoder_operations(a, n) + 2.0 * n * memory_weights(a) for n in shape.inputs),
        prefill_values=encoder_weights(a) + memory_weights(a),
        steps=shape.output,
        step_operations=2.0 * rows * step_weights(a) + 4.0 * attended,
        step_values=step_weights(a) + 2.0 * a.width * a.decoder_layers * (read + rows * middle),
    )


def count_decoder(a: DecoderArchitecture, shape: Shape, beams: int) -> Work:
    """Return what a request takes of a decoder alone, which reads the text once for all beams."""
    weights = a.layers * (2 * a.width**2 + 2 * a.width * a.kept_width + 3 * a.width * a.inner)
    projection = a.vocabulary * a.width
    rows, middle, read = len(shape.inputs) * beams, (shape.output + 1) / 2, sum(shape.inputs)
    attended = a.width * a.layers * (beams * read + rows * middle)
    return Work(
        # of causal attention half is computed, and of the text's tokens only the last is projected
        prefill_operations=sum(
            2.0 * n * weights + 2.0 * n**2 * a.width * a.layers + 2.0 * projection for n in shape.inputs
        ),
        prefill_values=weights + projection,
        steps=shape.output,
        step_operations=2.0 * rows * (weights + projection) + 4.0 * attended,
        step_values=weights + projection + 2.0 * a.kept_width * a.layers * (read + rows * middle),
    )


def limit(work: Work, *, operations: float, bandwidth: float, size: int) -> float:
    """Return the fewest seconds that a machine takes: each part waits for its operations or for its bytes.

    ``operations`` and ``bandwidth`` (bytes) are per second, ``size`` is the bytes of one value.
    """
    prefill = max(work.prefill_operations / operations, work.prefill_values * size / bandwidth)
    step = max(work.step_operations / operations, work.step_values * size / bandwidth)
    return prefill + work.steps * step


def threads() -> int:
    """Return how many threads every engine gets: one for each core that this process may use."""
    allowed = usable_cores()
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def measure_machine(most: int) -> Machine:
    """Return the limits of this machine with ``most`` threads, and its bandwidth with one."""
    import torch

    before = torch.get_num_threads()
    try:
        bandwidth = {}
        for number in sorted({1, most}):
            torch.set_num_threads(number)
            bandwidth[str(number)] = _bandwidth() / 1e9
        rates = {dtype: _rate(dtype) / 1e9 for dtype in TYPES if not missing_instructions(dtype, "cpu")}
    finally:
        torch.set_num_threads(before)
    return Machine(threads=most, memory_gb=bandwidth, matrix_gflops=rates)


def _bandwidth() -> float:
    """Return bytes read per second by what decoding does: a matrix times a vector."""
    import torch

    matrix, vector = torch.ones(READ // 4 // 4096, 4096), torch.ones(4096)
    return READ / _best(lambda: torch.mv(matrix, vector))


def _rate(dtype: str) -> float:
    """Return operations per second of a matrix product; of int8, with the quantizing of what is multiplied."""
    import torch

    if dtype == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linear: Any = torch.ao.nn.quantized.dynamic.Linear
            layer = linear(SIDE, SIDE)
            rows = torch.rand(SIDE, SIDE)
            return 2.0 * SIDE**3 / _best(lambda: layer(rows))
    left = torch.rand(SIDE, SIDE, dtype=getattr(torch, dtype))
    return 2.0 * SIDE**3 / _best(lambda: left @ left)


def _best(work: Callable[[], object]) -> float:
    """Return the shortest of several times, seconds; the first only wakes the threads."""
    import torch

    times = []
    with torch.inference_mode():
        for _ in range(TRIES + 1):
            began = time.perf_counter_ns()
            work()
            times.append((time.perf_counter_ns() - began) / 1e9)
    return min(times[1:])
