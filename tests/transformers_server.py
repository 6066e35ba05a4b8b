"""A real `transformers serve` on loopback, with the demonstration's base, in an environment that has what it needs.

The package is this environment's; what its extra ``serving`` asks for beyond that comes from the package index into a
folder of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from helpers.app.launch import free_port
from helpers.engines import demo_model
from tests.environment import clean_environment

#: What the extra asks for and this environment lacks, as it was tried.
PINS = {"openai": "3.57.0"}
SERVE = "import sys; from transformers.cli.transformers import main; sys.exit(main())"


def missing() -> list[str]:
    """Return what the extra asks for and this environment does not have, pinned."""
    wanted = [Requirement(line) for line in requires("transformers") or []]
    extra = [one for one in wanted if one.marker and not one.marker.evaluate({"extra": ""})]
    return [
        f"{one.name}=={PINS[one.name]}" for one in extra if one.marker.evaluate({"extra": "serving"}) and not _has(one)
    ]


def _has(wanted: Requirement) -> bool:
    try:
        return version(wanted.name) in wanted.specifier
    except PackageNotFoundError:
        return False


@contextmanager
def transformers_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve until the block ends; give the address and the folder of the model."""
    packages = folder / "packages"
    if lacking := missing():
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*command, "--target", str(packages), *lacking], check=True, timeout=300, capture_output=True)
    model, port = demo_model.ensure("demo-base"), free_port("127.0.0.1", 0)
    env = clean_environment(PYTHONPATH=str(packages), HF_HUB_OFFLINE="1", HF_HOME=str(folder / "hub"))
    env |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # other tests run beside it on the same cores
    arguments = ["serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    arguments += ["--dtype", "float32"]  # processors without bfloat16 take ten times as long for it
    log, url = folder / "server.log", f"http://127.0.0.1:{port}"
    with log.open("w") as messages:
        process = subprocess.Popen([sys.executable, "-c", SERVE, *arguments], env=env, stdout=messages, stderr=messages)
    try:
        deadline = time.monotonic() + 180
        while not _is_up(url):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        yield url, model
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
