"""The files of a model on this machine: weights, their size and hash, and its tokens, counted without torch."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from tokenizers import Tokenizer

from helpers.core.errors import ModelError
from helpers.core.text import file_sha256
from helpers.engines import demo_model, model_cache
from helpers.params import Model, Params
from helpers.params.models import Task
from helpers.samples import prompts

#: What a model folder is made of; anything else, such as pickled weights or code, is left behind.
PARTS = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")
#: The weights themselves: safetensors, or what CTranslate2 and OpenVINO make of them.
WEIGHTS = ("*.safetensors", "model.bin", "openvino.bin")


class TokenCounter:
    """Counts as the model whose ``tokenizer.json`` it is given does."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        # A dialogue that says "<s>" says three characters, not a special token.
        self._tokenizer.encode_special_tokens = True

    def count(self, text: str) -> int:
        """Return the number of tokens of a text, not counting the special ones a model adds around it."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))


def local_folder(model: Model) -> Path:
    """Return the folder with a model's safetensors, fetched from the Hub or built if need be; raises `ModelError`."""
    if model.id in demo_model.FOLDERS:
        return demo_model.ensure(model.id)
    source = Path(model.id)
    if not source.is_dir():
        if source.is_absolute():
            raise ModelError(f"model.id: {source} is not there; give 'demo', a model folder, or a Hub name")
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


def task_of(folder: Path) -> Task:
    """Return the task of a model in a folder, as its configuration says."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return "summarization" if config.get("is_encoder_decoder") else "chat"


def size(folder: Path) -> int:
    """Return the bytes of the weights in a folder: safetensors, or a converted model's own files."""
    return sum(file.stat().st_size for pattern in WEIGHTS for file in folder.glob(pattern))


def tokenizer_file(model: str, revision: str | None = None) -> Path:
    """Return the ``tokenizer.json`` of a model: ``demo``, ``demo-base``, a folder, or a Hub repository name.

    Raises `ModelError` when there is none to be had.
    """
    folder = demo_model.path(model) if model in demo_model.FOLDERS else Path(model)
    if folder is None:
        raise ModelError(f"model '{model}': not built yet, its tokens cannot be counted; run 'helpers demo-model'")
    if folder.is_dir() or folder.is_absolute():
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelError(f"{file}: not there, tokens cannot be counted; save the model's tokenizer there")
        return file
    return _from_hub(model, revision)


def model_hashes(params: Params) -> dict[str, str]:
    """Return the SHA-256 of the prompt, the weights and recorded predictions, as far as they lie on this machine."""
    found = {}
    if params.model.prompt is not None:
        found["prompt_sha256"] = prompts.load_prompt(params.model.prompt).sha256
    if params.backend == "local":
        folder = demo_model.folder(params.model.id)
        if folder.is_dir():
            found["weights_sha256"] = model_cache.weights_sha256(folder)
    if params.replay is not None:
        # the reader gives a better message for a file that cannot be read
        with suppress(OSError):
            found["predictions_sha256"] = file_sha256(Path(params.replay.predictions))
    return found


def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its retries are told once, below
    try:
        return Path(hf_hub_download(model, "tokenizer.json", revision=revision, etag_timeout=5))
    except Exception as error:  # the library raises many kinds; all of them mean: not to be had
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"model '{model}': its tokenizer.json cannot be had from the Hub ({reason}); check the name and "
            "the connection, or give a folder that holds the model"
        ) from None
