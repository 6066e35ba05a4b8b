"""An engine that needs other versions of our packages lives in an environment of its own, made by ``make engines``."""

from __future__ import annotations

import os
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from helpers.core.errors import ModelError
from helpers.core.paths import PROJECT

#: Engine → a package that its own environment has and ours has not.
OWN = {"openvino": "optimum"}


def is_here(engine: str) -> bool:
    """Return whether this process can import what an engine needs."""
    return find_spec(OWN.get(engine, engine)) is not None


def interpreter(engine: str) -> Path:
    """Return the Python that can run an engine; raises `ModelError` with the way to get one."""
    if is_here(engine):
        return Path(sys.executable)
    python = PROJECT / ".engines" / engine / "bin" / "python"
    if engine in OWN and python.is_file():
        return python
    how = "make engines" if engine in OWN else f"pip install {engine}"
    raise ModelError(f"the package {engine} is not installed; get it with: {how}")


def engine_versions() -> dict[str, str]:
    """Return the version of every engine that lies in an environment of its own here."""
    found = {}
    for engine in OWN:
        packages = [str(path) for path in (PROJECT / ".engines" / engine).glob("lib/python*/site-packages")]
        for installed in distributions(name=engine, path=packages):
            found[engine] = installed.version
    return found


def enter(engine: str) -> None:
    """Go on as the same process, with the same arguments, under the Python that can run an engine."""
    if engine in OWN and not is_here(engine):
        python = str(interpreter(engine))
        os.execv(python, [python, "-m", "helpers", *sys.argv[1:]])  # noqa: S606
