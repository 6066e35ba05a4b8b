"""A model's weights in the format of an engine, converted once for each state of them.

``python -m helpers.engines.conversion ENGINE SOURCE FOLDER DTYPE`` is the process that converts: its memory is not
that of the process that serves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from helpers.core.errors import ModelError
from helpers.core.paths import cache
from helpers.engines import model_cache, model_files
from helpers.engines.installed import missing
from helpers.params.models import Engine

#: A conversion that takes longer, seconds, hangs.
LIMIT = 3600
#: What the name of a converted folder calls its engine; another name where what is written for it changes.
SHORT = {"ctranslate2": "ct2", "openvino": "ov5"}
#: What the converter reads of a BART configuration and transformers 5 no longer writes: BART's own layer norms.
BART_NORMS = {"normalize_before": False, "normalize_embedding": True}


def to_stderr(line: str) -> None:
    """Tell a terminal, or a server's log."""
    print(line, file=sys.stderr, flush=True)


def converted(
    source: Path, dtype: str, tell: Callable[[str], None] = to_stderr, *, engine: Engine = "ctranslate2"
) -> Path:
    """Return the folder of a converted model, made when it is not there; ``tell`` hears of the progress.

    Raises `ModelError` when it cannot be converted; nothing is left behind then.
    """
    dtype, folder = _stored(dtype, engine), folder_of(source, dtype, engine)
    # What lies there is whole: it was put in place when it was done.
    if not folder.is_dir():
        model_cache.build_once(
            folder, folder.is_dir, lambda partial: _in_a_process(engine, source, partial, dtype, tell)
        )
    return folder


def folder_of(source: Path, dtype: str, engine: Engine) -> Path:
    """Return where a converted model lies once it is there; raises `ModelError` for a source without weights."""
    name = f"{source.name}-{model_cache.weights_sha256(source)[:12]}-{SHORT.get(engine, engine)}"
    return cache() / "engines" / f"{name}-{_stored(dtype, engine)}"


def _stored(dtype: str, engine: Engine) -> str:
    """Return the type of the stored weights: those of fp32, where they are multiplied in bf16."""
    return "float32" if (engine, dtype) == ("openvino", "bfloat16") else dtype


def to_ctranslate2(source: Path, folder: Path, dtype: str) -> None:
    """Write the model for CTranslate2 into a new folder, in this process."""
    import ctranslate2
    import transformers

    for norm, value in BART_NORMS.items():
        if not hasattr(transformers.BartConfig, norm):
            setattr(transformers.BartConfig, norm, value)
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(folder), quantization=dtype)


def to_openvino(source: Path, folder: Path, dtype: str) -> None:
    """Write the model for OpenVINO into a new folder, in this process; ``int8`` and ``int4`` are its weights alone."""
    from helpers.engines import openvino_chat, openvino_seq2seq

    (openvino_chat if model_files.task_of(source) == "chat" else openvino_seq2seq).write(source, folder, dtype)


def _in_a_process(engine: Engine, source: Path, folder: Path, dtype: str, tell: Callable[[str], None]) -> None:
    if reason := missing(engine):
        raise ModelError(reason)
    began = time.monotonic()
    tell(f"{engine}: converting {source.name} to {dtype} (once)")
    command = [sys.executable, "-m", "helpers.engines.conversion", engine, str(source), str(folder), dtype]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ModelError(f"model.id: {engine} did not convert {source.name} within {LIMIT:g} s") from None
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ModelError(f"model.id: {engine} cannot convert {source.name}: {why}")
    tell(f"{engine}: converted in {time.monotonic() - began:.0f} s")


#: Who converts for an engine; one that reads safetensors needs nobody.
CONVERTERS = {"ctranslate2": to_ctranslate2, "openvino": to_openvino}

if __name__ == "__main__":
    CONVERTERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
