"""What the bench counts: operations and bytes of BART-large against figures known elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from helpers.experiments.bench.model import Architecture, read_decoder
from helpers.experiments.bench.roofline import (
    Shape,
    Work,
    count,
    count_decoder,
    encoder_operations,
    limit,
    step_weights,
)

LARGE = Architecture()


def test_operations_and_bytes_are_those_counted_by_hand() -> None:
    assert step_weights(LARGE) == pytest.approx(227.6e6, rel=1e-3)
    assert [round(step_weights(LARGE) * size / 1e6) for size in (4, 2, 1)] == [911, 455, 228]
    assert [round(encoder_operations(LARGE, n) / 1e9) for n in (60, 200, 800)] == [18, 62, 273]
    work = count(LARGE, Shape((200,), 60), beams=4)
    assert work.step_values == pytest.approx(step_weights(LARGE), rel=0.05)
    # int8 weights at 45 GB/s and bf16 matrices at 392 billion operations a second
    assert limit(work, operations=392e9, bandwidth=45e9, size=1) == pytest.approx(0.5, abs=0.05)


def test_each_part_waits_for_its_operations_or_its_bytes() -> None:
    work = Work(prefill_operations=100, prefill_values=10, steps=5, step_operations=20, step_values=30)
    assert limit(work, operations=10, bandwidth=1e9, size=1) == pytest.approx(100 / 10 + 5 * 20 / 10)
    assert limit(work, operations=1e9, bandwidth=10, size=2) == pytest.approx(10 * 2 / 10 + 5 * 30 * 2 / 10)
    assert limit(work, operations=10, bandwidth=10, size=1) == pytest.approx(10 + 5 * 3)


def test_a_batch_reads_the_weights_once_and_computes_for_every_text() -> None:
    one, eight = (count(LARGE, Shape((200,) * n, 32), beams=4) for n in (1, 8))
    assert eight.prefill_operations == 8 * one.prefill_operations
    assert eight.step_operations == 8 * one.step_operations
    assert eight.prefill_values == one.prefill_values
    assert eight.step_values < 1.3 * one.step_values


def test_a_decoder_alone_reads_every_matrix_of_the_network_once_a_step(tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=300, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    config.save_pretrained(tmp_path)
    matrices = sum(weights.numel() for weights in network.parameters() if weights.ndim == 2)
    architecture = read_decoder(tmp_path)
    assert architecture is not None
    work = count_decoder(architecture, Shape((40,), 10), beams=4)
    kept = 2 * 3 * 16 * (40 + 4 * 5.5)  # two of 2 heads of 8 values, in 3 layers, of the text and of what is written
    assert work.step_values == matrices + kept
    assert work.prefill_values == matrices
    assert work.step_operations > 2 * 4 * matrices
    assert read_decoder(tmp_path / "nowhere") is None
