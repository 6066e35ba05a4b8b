"""OpenVINO on this machine: transformers' own ``generate`` over networks that OpenVINO computes.

It runs where `helpers.engine_environment` says: its packages need another transformers than ours.
"""

from __future__ import annotations

from typing import Any

import openvino
import transformers
from optimum.intel import OVModelForCausalLM, OVModelForSeq2SeqLM

from helpers.backends import weights
from helpers.backends.conversion import converted
from helpers.backends.transformers import TransformersBackend, deterministic
from helpers.errors import ModelError
from helpers.params import Model

#: What matrices are computed in, by the type of the weights; where the processor has no bf16 it is fp32.
MATRICES = {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"}


class OpenVINOBackend(TransformersBackend):
    """A converted sequence-to-sequence or chat model that summarises in this process; as `TransformersBackend`.

    ``int8`` are the weights; matrices are multiplied in bf16 where the processor can. Raises `ModelError` when the
    model cannot be had or converted.
    """

    kind = "openvino"

    def load(self, model: Model) -> tuple[Any, Any]:
        """Return network and tokenizer."""
        if model.device != "cpu" or model.dtype not in MATRICES:
            raise ModelError(
                f"model.dtype: openvino computes {', '.join(MATRICES)} on 'device: cpu' here, and not {model.dtype} "
                f"on {model.device}"
            )
        source = weights.local_folder(model)
        family = OVModelForCausalLM if model.task == "chat" else OVModelForSeq2SeqLM
        has_bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        computed = MATRICES[model.dtype] if has_bf16 else "f32"
        told = {
            "INFERENCE_PRECISION_HINT": computed,
            # By default keys and values are kept in eight bits, which costs time here and, when a batch of beams
            # outgrows what was set aside for them, gives garbage (seen with 2026.4.1).
            "KV_CACHE_PRECISION": computed,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if model.threads:
            told["INFERENCE_NUM_THREADS"] = str(model.threads)
        try:
            network = family.from_pretrained(
                converted(source, model.dtype, engine="openvino"), ov_config=told, trust_remote_code=False
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"model.id: {model.id} cannot be loaded by openvino: {error}") from error
        return deterministic(network, tokenizer)

    def read(self, batch: Any, settings: Any) -> dict[str, Any]:
        """Return nothing: this engine keeps keys and values itself and repeats them for its beams."""
        return {}
