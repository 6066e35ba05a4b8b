"""What this machine can do at the most: bytes read and operations of matrices per second, measured.

The best of several tries counts, with the threads that the engines are given.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import psutil

from helpers.bench.result import Machine
from helpers.engines.variant_server import missing_instructions

#: Bytes that are read at once, far more than any cache holds.
READ = 1 << 29
#: Rows and columns of the matrices that are multiplied.
SIDE = 2048
TRIES = 7
TYPES = ("float32", "bfloat16", "int8")


def threads() -> int:
    """Return how many threads every engine gets: one for each core that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


def measure(most: int) -> Machine:
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
