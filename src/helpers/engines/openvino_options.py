"""What OpenVINO is told of how to compute a model on this processor."""

from __future__ import annotations

import openvino

from helpers.core.errors import ModelError
from helpers.params import Model

#: What is computed in, by the type of the weights; where the processor has no bf16 it is fp32.
MATRICES = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16", "int4": "bf16"}
#: Weights of a row that share a scale, with ``int4``.
GROUP = 64


def options(model: Model) -> dict[str, str]:
    """Return the properties of a compiled model; raises `ModelError` for a device or type that is not offered."""
    if model.device != "cpu" or model.dtype not in MATRICES:
        raise ModelError(
            f"model.dtype: openvino computes {', '.join(MATRICES)} on 'device: cpu' here, and not {model.dtype} "
            f"on {model.device}"
        )
    has_bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    computed = MATRICES[model.dtype] if has_bf16 else "f32"
    # By default keys and values are kept in eight bits, which costs time here and, when a batch of beams outgrows what
    # was set aside for them, gives garbage (seen with 2026.4.1).
    told = {"INFERENCE_PRECISION_HINT": computed, "KV_CACHE_PRECISION": computed, "PERFORMANCE_HINT": "LATENCY"}
    # A thread that is bound to its processor waits for whatever else runs there: beside one busy process on two
    # processors, four summaries took 29 s with threads bound and 15 s without, where alone they take 9 s either way.
    told |= {"ENABLE_CPU_PINNING": "NO"}
    if model.task == "summarization" and model.dtype in ("int8", "int4"):
        # Inputs are quantized in groups, as the weights are: in larger ones than those of four bits, what BART-large
        # computes was not quantized at all and took twice as long; OpenVINO's own 32 took 4 % longer.
        told["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(GROUP)
    return told | ({"INFERENCE_NUM_THREADS": str(model.threads)} if model.threads else {})
