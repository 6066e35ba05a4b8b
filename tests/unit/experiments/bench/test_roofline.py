"""What the bench counts: operations and bytes of BART-large against figures known elsewhere, and its arguments."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from helpers.cli.bench import add_arguments, read_plan
from helpers.core.errors import InputError
from helpers.experiments.bench.model import FIELDS, Architecture, read_architecture
from helpers.experiments.bench.roofline import (
    Shape,
    Work,
    count,
    encoder_operations,
    encoder_weights,
    limit,
    memory_weights,
    step_weights,
)

LARGE = Architecture()


def test_the_architecture_is_that_of_bart_large() -> None:
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    shape = {name: getattr(LARGE, field) for field, name in FIELDS.items()}
    with torch.device("meta"):
        network = BartForConditionalGeneration(BartConfig(**shape))
    assert sum(parameter.numel() for parameter in network.parameters()) == 406_291_456
    matrices = [p.numel() for name, p in network.model.encoder.layers.named_parameters() if p.dim() == 2]
    assert encoder_weights(LARGE) == sum(matrices)
    decoder = {name: p.numel() for name, p in network.model.decoder.layers.named_parameters() if p.dim() == 2}
    once = sum(n for name, n in decoder.items() if "encoder_attn.k_proj" in name or "encoder_attn.v_proj" in name)
    assert memory_weights(LARGE) == once
    assert step_weights(LARGE) == sum(decoder.values()) - once + network.lm_head.weight.numel()


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


def plan(*given: str) -> list[str]:
    parser = ArgumentParser()
    add_arguments(parser)
    found = read_plan(parser.parse_args(given))
    return [shape.name for shape in found.shapes] + [variant.name for variant in found.variants]


def test_the_arguments_say_what_is_measured() -> None:
    kinds = [f"{n}x{out}" for out in (32, 60, 128) for n in (60, 200, 800)] + ["batch8x32"]
    assert plan()[: len(kinds)] == kinds
    assert plan("--shape", "200x60", "--batch", "1", "--engine", "ctranslate2-int8") == [
        "200x60", "transformers float32", "ctranslate2 int8",
    ]  # fmt: skip


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        plan("--shape", "200", "--batch", "0", "--rounds", "0", "--limit", "-1", "--engine", "ctranslate-int8")
    assert len(caught.value.problems) == 5
    assert "--engine ctranslate-int8: unknown (did you mean 'ctranslate2-int8'?)" in str(caught.value)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(InputError, match="no configuration of a BART in it"):
        read_architecture(tmp_path)
