"""Count tokens with a model's own tokenizer, without torch."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from helpers import demo_model
from helpers.errors import ModelError


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
