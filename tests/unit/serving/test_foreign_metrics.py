"""The figures of servers under whatever names each gives them: written by hand from what each documents."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.serving.foreign_metrics import FIGURES, read_figures

VLLM = """\
# HELP vllm:num_requests_running Requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 7.0
vllm:num_requests_waiting{engine="1",model_name="m"} 0.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.5
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.3
# TYPE vllm:gpu_cache_usage_perc gauge
vllm:gpu_cache_usage_perc{engine="0",model_name="m"} 0.9
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="m"} 1000.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 40.0
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{le="0.1",engine="0",model_name="m"} 4.0
vllm:time_to_first_token_seconds_bucket{le="+Inf",engine="0",model_name="m"} 4.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="m"} 0.2
vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} 4.0
"""
OLDER_VLLM = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="m"} 1.0
# TYPE vllm:gpu_cache_usage_perc gauge
vllm:gpu_cache_usage_perc{model_name="m"} 0.25
# TYPE vllm:prompt_tokens counter
vllm:prompt_tokens_total{model_name="m"} 12.0
"""
LLAMA = """\
# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 130
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 24
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 4
# TYPE llamacpp:kv_cache_usage_ratio gauge
llamacpp:kv_cache_usage_ratio 0.125
"""
TGI = """\
# TYPE tgi_queue_size gauge
tgi_queue_size 5
# TYPE tgi_batch_current_size gauge
tgi_batch_current_size 8
# TYPE tgi_request_input_length histogram
tgi_request_input_length_bucket{le="512"} 3
tgi_request_input_length_bucket{le="+Inf"} 4
tgi_request_input_length_sum 900
tgi_request_input_length_count 4
# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{le="+Inf"} 4
tgi_request_generated_tokens_sum 200
tgi_request_generated_tokens_count 4
"""
SGLANG = """\
sglang:num_running_reqs{model_name="m"} 2.0
sglang:num_queue_reqs{model_name="m"} 1.0
sglang:token_usage{model_name="m"} 0.4
sglang:prompt_tokens_total{model_name="m"} 10.0
sglang:generation_tokens_total{model_name="m"} 5.0
"""
OURS = """\
inf_batch_current_size 2
inf_queue_size 1
# TYPE summariser_tokens_total counter
summariser_tokens_total{type="input"} 300.0
summariser_tokens_total{type="output"} 30.0
process_cpu_seconds_total 9.5
summariser_cpu_cores 2.0
process_resident_memory_bytes 1e+08
"""
DCGM = """\
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",modelName="x"} 80
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-b",modelName="x"} 40
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VLLM, {"running": 5, "queue": 7, "cache_use": 0.4, "input_tokens": 1000, "output_tokens": 40}),
        (OLDER_VLLM, {"running": 1, "cache_use": 0.25, "input_tokens": 12}),
        (LLAMA, {"running": 1, "queue": 4, "cache_use": 0.125, "input_tokens": 130, "output_tokens": 24}),
        (TGI, {"running": 8, "queue": 5, "input_tokens": 900, "output_tokens": 200}),
        (SGLANG, {"running": 2, "queue": 1, "cache_use": 0.4, "input_tokens": 10, "output_tokens": 5}),
        (
            OURS,
            {"running": 2, "queue": 1, "input_tokens": 300, "output_tokens": 30, "cpu_seconds": 9.5, "cores": 2,
             "memory_bytes": 1e8},
        ),
        (DCGM, {"gpu_use": 0.6}),
        ("nvidia_smi_utilization_gpu_ratio 0.7\n", {"gpu_use": 0.7}),
        ("vllm:num_requests_running NaN\n", {}),
        ("inf_queue_size one", {}),
        ('{"queue": 3}', {}),
    ],
    ids=["vllm", "older vllm", "llama.cpp", "tgi", "sglang", "ours", "dcgm", "nvidia-smi", "no number", "torn", "json"],
)  # fmt: skip
def test_figures_are_read_by_whatever_name_a_server_has_for_them(text: str, expected: dict[str, float]) -> None:
    assert read_figures(text) == pytest.approx(expected)


@given(st.text(max_size=200))
def test_no_text_breaks_it_and_what_is_kept_is_a_number_of_a_known_name(text: str) -> None:
    found = read_figures(text)
    assert found.keys() <= FIGURES.keys()
    assert all(isfinite(value) for value in found.values())
