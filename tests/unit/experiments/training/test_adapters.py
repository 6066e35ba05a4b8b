"""Adapters as files: the mean of several is one that adds exactly their mean to the base, and stays small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from helpers.experiments.training import adapters

#: The current peft still reads a name that the current transformers has given up.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 20}


def base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES))


@pytest.fixture
def trained(tmp_path: Path) -> list[Path]:
    """Three adapters of rank 2 whose maps are far from their start."""
    folders = []
    for seed in range(3):
        network = get_peft_model(base(), LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"]))
        torch.manual_seed(seed)
        for parameter in network.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter)
        folders.append(tmp_path / f"member-{seed}")
        adapters.save(network, folders[-1])
    return folders


def added(folder: Path) -> dict[str, torch.Tensor]:
    """What an adapter adds to each weight of the base."""
    merged = PeftModel.from_pretrained(base(), folder).merge_and_unload().state_dict()
    return {name: merged[name] - weight for name, weight in base().state_dict().items()}


def test_the_mean_adds_the_mean_of_what_each_adds(trained: list[Path], tmp_path: Path) -> None:
    adapters.average(trained, tmp_path / "mean")
    mean, own = added(tmp_path / "mean"), [added(folder) for folder in trained]
    assert sum(float(delta.abs().max()) > 0.1 for delta in mean.values()) == 4
    for name, delta in mean.items():
        wanted = sum(one[name] for one in own) / len(own)
        assert torch.allclose(delta, wanted, atol=1e-5), name


def test_it_is_kept_in_half_precision_and_names_no_folder_of_this_machine(trained: list[Path], tmp_path: Path) -> None:
    adapters.average(trained, tmp_path / "mean")
    assert {tensor.dtype for tensor in load_file(tmp_path / "mean" / adapters.WEIGHTS).values()} == {torch.float16}
    config = json.loads((tmp_path / "mean" / adapters.CONFIG).read_text())
    assert (config["r"], config["lora_alpha"]) == (6, 4)
    assert config["base_model_name_or_path"] == adapters.BASE_NAME
    assert str(tmp_path) not in json.dumps(config)


def test_the_mean_of_one_is_itself(trained: list[Path], tmp_path: Path) -> None:
    adapters.average(trained[:1], tmp_path / "mean")
    for name, tensor in load_file(trained[0] / adapters.WEIGHTS).items():
        assert torch.equal(load_file(tmp_path / "mean" / adapters.WEIGHTS)[name], tensor)
