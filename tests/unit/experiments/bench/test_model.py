"""The architecture that the bench counts with is that of BART-large."""

from __future__ import annotations

from helpers.experiments.bench.model import FIELDS
from helpers.experiments.bench.roofline import encoder_weights, memory_weights, step_weights
from tests.unit.experiments.bench.test_roofline import LARGE


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
