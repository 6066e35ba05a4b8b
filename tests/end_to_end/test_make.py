"""What the README starts with make comes up and answers, as the Makefile has it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from helpers.core.paths import PROJECT
from tests.environment import clean_environment
from tests.management_server import TOKEN, Management, managed

#: Seconds until a target's page must be there; a first one may install what it needs.
LIMIT = 240.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def own_python() -> str:
    """Have make use the environment of these tests, whatever its name is."""
    return f"VENV={Path(sys.prefix)}"


@contextmanager
def started(target: str, folder: Path, *told: str, **environment: str) -> Iterator[str]:
    """Run a target until the block ends; gives the address that it prints, once something listens there.

    JupyterLab prints its address before it listens.
    """
    log = folder / "terminal"
    environment |= {"HELPERS_RUNS": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("w") as told_to:
        process = subprocess.Popen(
            ["make", target, own_python(), *told],
            cwd=PROJECT,
            env=clean_environment(**environment),
            stdout=told_to,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + LIMIT
        while not (found := re.search(r"http://(?:127\.0\.0\.1|localhost):\d+\S*", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        while not listens(found[0]):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def listens(address: str) -> bool:
    there = urlsplit(address)
    try:
        with socket.create_connection((there.hostname or "", there.port or 80), timeout=5):
            return True
    except OSError:
        return False


def page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def test_make_app_opens_the_app(tmp_path: Path) -> None:
    with started("app", tmp_path, "PARAMS=params/demo.yaml --port 0") as address:
        assert "Dialogue summariser" in page(address)


def test_make_serve_answers_with_a_summary(tmp_path: Path) -> None:
    with started("serve", tmp_path, "PARAMS=params/demo.yaml --port 0") as address:
        deadline = time.monotonic() + LIMIT
        while '"summary_text"' not in (answer := ask(address, "Ann: Lunch at noon?\nBo: Yes, bring the plan.")):
            assert time.monotonic() < deadline, answer
            time.sleep(0.5)


def ask(address: str, dialogue: str) -> str:
    body = json.dumps({"inputs": dialogue}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def test_make_explore_shows_the_notebooks(tmp_path: Path) -> None:
    settings = {"ServerApp": {"allow_root": True, "open_browser": False}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(settings))
    with started("explore", tmp_path, JUPYTER_CONFIG_DIR=str(tmp_path)) as address:
        origin, _, opened = address.partition("/lab/tree/")
        path, _, token = opened.partition("?token=")
        assert path == "notebooks/00-start.ipynb"
        assert "01-deploy-check.ipynb" in page(f"{origin}/api/contents/notebooks?token={token}")


def test_make_deploy_shows_the_price_and_creates_nothing(tmp_path: Path) -> None:
    management = Management()
    with managed(management) as address:
        done = subprocess.run(
            ["make", "deploy", own_python(), "SET=deployment.namespace=team model.revision=abc123"],
            cwd=PROJECT,
            env=clean_environment(HF_TOKEN=TOKEN, HELPERS_MANAGEMENT_URL=address, HELPERS_CACHE=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert "an hour" in done.stdout
    assert "nothing was created" in done.stdout + done.stderr
    assert not management.endpoints
