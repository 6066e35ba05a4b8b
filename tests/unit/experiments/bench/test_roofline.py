"""What the bench counts: operations and bytes of BART-large against figures known elsewhere."""

from __future__ import annotations

import pytest

from helpers.experiments.bench.model import Architecture
from helpers.experiments.bench.roofline import Shape, Work, count, encoder_operations, limit, step_weights

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
