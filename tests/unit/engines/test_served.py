"""A server that a run starts for itself: what it is told, and what is left of it when its start fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.core.errors import ToolError
from helpers.engines.served import start_server


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Start a process that says something else than an address, and stays; return those that were started."""
    processes: list[Any] = []
    popen = subprocess.Popen

    def other(command: list[str], **options: Any) -> Any:
        says = "import os, time; print('HELPERS_SERVE_TOKEN' in os.environ, flush=True); time.sleep(60)"
        processes.append(popen([sys.executable, "-c", says], **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", other)
    return processes


def test_a_server_that_says_anything_else_first_is_ended(started: list[Any], tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="did not start"):
        start_server(tmp_path / "params.yaml", tmp_path / "server.log")
    assert started[0].poll() is not None


def test_it_has_no_token_of_another_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that is exported for `helpers serve` would have it refuse the run that has started it."""
    told: dict[str, str] = {}

    def seen(command: list[str], **options: Any) -> Any:
        told.update(options["env"])
        raise OSError

    monkeypatch.setenv("HELPERS_SERVE_TOKEN", "a-token-of-mine")
    monkeypatch.setattr(subprocess, "Popen", seen)
    with pytest.raises(OSError):  # noqa: PT011  (its own)
        start_server(tmp_path / "params.yaml", tmp_path / "server.log")
    assert "HELPERS_SERVE_TOKEN" not in told
    assert "PATH" in told
