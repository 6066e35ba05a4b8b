"""What servers say of themselves at ``/metrics``, whatever each of them calls it: ours beside those of others.

The names are those that vLLM, llama.cpp, TGI and SGLang document, and of a GPU those of the exporters of NVIDIA's DCGM
and of nvidia-smi.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample as Exposed

from helpers.serving.metrics import CORES, CPU, TOKENS


@dataclass(frozen=True)
class ServerFigure:
    """What a figure is called, each name with what makes its unit ours; the first that a server gives counts.

    A server that gives it for several models, engines or devices gives their sum or their mean.
    """

    names: Mapping[str, float]
    over_all: Literal["sum", "mean"] = "sum"

    def of(self, exposed: Mapping[str, list[Exposed]]) -> float | None:
        """Return the figure, if the server gives it."""
        for name, factor in self.names.items():
            values = [factor * one.value for one in exposed.get(name, ()) if math.isfinite(one.value)]
            if values:
                return sum(values) if self.over_all == "sum" else fmean(values)
        return None


#: The figures that are kept. Requests: how many are computed and how many wait. Cache use and GPU use: shares, 0 to 1.
#: Tokens, processor time (seconds) and the core count: since the start of the server.
FIGURES: Mapping[str, ServerFigure] = {
    "running": ServerFigure({
        "inf_batch_current_size": 1, "vllm:num_requests_running": 1, "llamacpp:requests_processing": 1,
        "tgi_batch_current_size": 1, "sglang:num_running_reqs": 1,
    }),
    "queue": ServerFigure({
        "inf_queue_size": 1, "vllm:num_requests_waiting": 1, "llamacpp:requests_deferred": 1,
        "tgi_queue_size": 1, "sglang:num_queue_reqs": 1,
    }),
    "cache_use": ServerFigure({
        "vllm:kv_cache_usage_perc": 1, "vllm:gpu_cache_usage_perc": 1, "llamacpp:kv_cache_usage_ratio": 1,
        "sglang:token_usage": 1,
    }, "mean"),
    "input_tokens": ServerFigure({
        f'{TOKENS}_total{{type="input"}}': 1, "vllm:prompt_tokens_total": 1, "llamacpp:prompt_tokens_total": 1,
        "tgi_request_input_length_sum": 1, "sglang:prompt_tokens_total": 1,
    }),
    "output_tokens": ServerFigure({
        f'{TOKENS}_total{{type="output"}}': 1, "vllm:generation_tokens_total": 1,
        "llamacpp:tokens_predicted_total": 1, "tgi_request_generated_tokens_sum": 1,
        "sglang:generation_tokens_total": 1,
    }),
    "gpu_use": ServerFigure({"DCGM_FI_DEV_GPU_UTIL": 0.01, "nvidia_smi_utilization_gpu_ratio": 1}, "mean"),
    "cpu_seconds": ServerFigure({CPU: 1}),
    "cores": ServerFigure({CORES: 1}),
    "memory_bytes": ServerFigure({"process_resident_memory_bytes": 1}),
}  # fmt: skip


def read_figures(text: str) -> dict[str, float]:
    """Return what is kept of a server's figures, by our names; of a text in another form nothing."""
    exposed: dict[str, list[Exposed]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                exposed.setdefault(sample.name, []).append(sample)
                for label, value in sample.labels.items():
                    exposed.setdefault(f'{sample.name}{{{label}="{value}"}}', []).append(sample)
    except (ValueError, KeyError, IndexError):
        return {}
    found = {name: figure.of(exposed) for name, figure in FIGURES.items()}
    return {name: value for name, value in found.items() if value is not None}
