"""LoRA adapters as files: saved in fp16, and several trained apart averaged into one of their summed rank."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from helpers.core.console import quiet

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def save(network: Any, folder: Path) -> None:
    """Write the adapter of a network in fp16, which halves it and costs no score."""
    with quiet():
        network.save_pretrained(folder)
    tensors = load_file(folder / WEIGHTS)
    _write(folder, tensors, json.loads((folder / CONFIG).read_text()))


def average(adapters: Sequence[Path], folder: Path) -> None:
    """Write the mean of adapters of one shape into a folder.

    Their maps are concatenated in one of their summed rank. LoRA divides by the rank, so that what it adds to the base
    is exactly the mean of what they add (model soup, Wortsman et al., 2022, https://arxiv.org/abs/2203.05482).
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = [load_file(adapter / WEIGHTS) for adapter in adapters]
    # A is (rank, in), B is (out, rank).
    tensors = {name: torch.cat([one[name] for one in loaded], dim=0 if ".lora_A." in name else 1) for name in loaded[0]}
    config = json.loads((adapters[0] / CONFIG).read_text())
    _write(folder, tensors, config | {"r": config["r"] * len(adapters)})


def keep(source: Path, folder: Path) -> None:
    """Copy an adapter into a folder that is there."""
    for name in (WEIGHTS, CONFIG):
        shutil.copy(source / name, folder / name)


def _write(folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    halved = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    save_file(halved, folder / WEIGHTS, metadata={"format": "pt"})
    # The library writes where the base lay on this machine, and the names of layers in any order.
    config |= {"base_model_name_or_path": BASE_NAME, "target_modules": sorted(config["target_modules"])}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
