"""Where the weights of a model lie on this machine, and how large they are."""

from __future__ import annotations

from pathlib import Path

from helpers import demo_model
from helpers.errors import ModelError
from helpers.params import Model

#: What a model folder is made of; anything else, such as pickled weights or code, is left behind.
PARTS = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")
#: The weights themselves: safetensors, or what CTranslate2 and OpenVINO make of them.
WEIGHTS = ("*.safetensors", "model.bin", "openvino_*.bin")


def local_folder(model: Model) -> Path:
    """Return the folder with a model's safetensors, fetched from the Hub or built if need be; raises `ModelError`."""
    if model.id in demo_model.FOLDERS:
        return demo_model.ensure(model.id)
    source = Path(model.id)
    if not source.is_dir():
        if source.is_absolute():
            raise ModelError(f"model.id: {source} is not there; give a model folder, or a Hub name")
        import huggingface_hub

        try:
            source = Path(
                huggingface_hub.snapshot_download(model.id, revision=model.revision, allow_patterns=list(PARTS))
            )
        except Exception as error:  # its transport raises many kinds; all of them mean: no model
            raise ModelError(f"model.id: {model.id} cannot be had from the Hub: {error}") from error
    if not list(source.glob("*.safetensors")):
        raise ModelError(
            f"model.id: {model.id} has no *.safetensors weights, and no other kind is packaged or converted"
        )
    return source


def size(folder: Path) -> int:
    """Return the bytes of the weights in a folder: safetensors, or a converted model's own files."""
    return sum(file.stat().st_size for pattern in WEIGHTS for file in folder.glob(pattern))
