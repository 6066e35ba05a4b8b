"""What needs other versions of our packages lives in an environment of its own, made by ``make engines``."""

from __future__ import annotations

import os
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from helpers.core.errors import ModelError
from helpers.core.paths import PROJECT
from helpers.params.models import Engine, Task

#: An engine and its task → a package that its own environment has and ours has not.
OWN: dict[tuple[Engine, Task], str] = {("openvino", "summarization"): "optimum"}
#: How an engine's package is had, where pip alone would bring what is not wanted.
COMMANDS = {"openvino": "pip install --no-deps -r requirements-openvino-chat.txt"}


def is_here(engine: Engine, task: Task) -> bool:
    """Return whether this process can import what an engine needs for a task."""
    return find_spec(OWN.get((engine, task), engine)) is not None


def interpreter(engine: Engine, task: Task) -> Path:
    """Return the Python that can run an engine for a task; raises `ModelError` with the way to get one."""
    if is_here(engine, task):
        return Path(sys.executable)
    python, is_own = PROJECT / ".engines" / engine / "bin" / "python", (engine, task) in OWN
    if is_own and python.is_file():
        return python
    how = "make engines" if is_own else COMMANDS.get(engine, f"pip install {engine}")
    what = f"what {engine} needs for 'task: {task}'" if is_own else f"the package {engine}"
    raise ModelError(f"{what} is not installed; get it with: {how}")


def engine_versions() -> dict[str, str]:
    """Return the version of every engine that lies in an environment of its own here."""
    found: dict[str, str] = {}
    for engine, _ in OWN:
        packages = [str(path) for path in (PROJECT / ".engines" / engine).glob("lib/python*/site-packages")]
        for installed in distributions(name=engine, path=packages):
            found[engine] = installed.version
    return found


def enter(engine: Engine, task: Task) -> None:
    """Go on as the same process, with the same arguments, under the Python that can run an engine for a task."""
    if (engine, task) in OWN and not is_here(engine, task):
        python = str(interpreter(engine, task))
        os.execv(python, [python, "-m", "helpers", *sys.argv[1:]])  # noqa: S606
