"""A model's weights in the format of CTranslate2, converted once for each state of them.

``python -m helpers.backends.conversion SOURCE FOLDER DTYPE`` is the process that converts, so that its memory is not
that of the process that serves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from helpers import demo_model
from helpers.errors import ModelError

#: A conversion that takes longer, seconds, hangs.
LIMIT = 3600
#: The types that page 04 compares.
ENGINE_TYPES = ("float32", "int8")
#: What the converter reads of a BART configuration and transformers 5 no longer writes: BART's own layer norms.
BART_NORMS = {"normalize_before": False, "normalize_embedding": True}


def to_stderr(line: str) -> None:
    """Tell a terminal, or a server's log."""
    print(line, file=sys.stderr, flush=True)


def converted(source: Path, dtype: str, tell: Callable[[str], None] = to_stderr) -> Path:
    """Return the folder of a converted model, made when it is not there; ``tell`` hears of the progress.

    Raises `ModelError` when it cannot be converted; nothing is left behind then.
    """
    name = f"{source.name}-{demo_model.weights_sha256(source)[:12]}-ct2-{dtype}"
    folder = demo_model.cache() / "engines" / name

    def is_built() -> bool:
        return (folder / "model.bin").is_file()

    if is_built():
        return folder
    demo_model.build_once(folder, is_built, lambda partial: _in_a_process(source, partial, dtype, tell))
    return folder


def convert(source: Path, folder: Path, dtype: str) -> None:
    """Write the converted model into a new folder, in this process."""
    import ctranslate2
    import transformers

    for norm, value in BART_NORMS.items():
        if not hasattr(transformers.BartConfig, norm):
            setattr(transformers.BartConfig, norm, value)
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(folder), quantization=dtype)


def _in_a_process(source: Path, folder: Path, dtype: str, tell: Callable[[str], None]) -> None:
    began = time.monotonic()
    tell(f"ctranslate2: converting {source.name} to {dtype} (once)")
    command = [sys.executable, "-m", "helpers.backends.conversion", str(source), str(folder), dtype]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ModelError(f"model.id: ctranslate2 cannot convert {source.name}: {why}")
    tell(f"ctranslate2: converted in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
