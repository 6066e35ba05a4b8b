"""Engines that live in an environment of their own, where there is none, and how a server goes on in one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from helpers.cli.main import main
from helpers.core.errors import ModelError
from helpers.engines import environments
from helpers.engines.factory import load_local
from helpers.params import Model


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without engines of their own."""
    monkeypatch.setattr(environments, "PROJECT", tmp_path)
    return tmp_path


def made(project: Path) -> Path:
    python = project / ".engines" / "openvino" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_without_its_environment_it_says_how_to_get_it(project: Path) -> None:
    with pytest.raises(ModelError, match="what openvino needs for 'task: summarization' is not installed"):
        load_local(Model(id="a/bart", engine="openvino"))
    assert environments.interpreter("ctranslate2", "chat") == Path(sys.executable)
    assert environments.engine_versions() == {}


def test_the_server_goes_on_there_with_the_same_arguments(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, replaced = made(project), list[tuple[str, list[str]]]()
    monkeypatch.setattr(os, "execv", lambda file, arguments: replaced.append((file, arguments)))
    monkeypatch.setattr(sys, "argv", ["helpers", "serve", "demo", "--port", "0"])
    environments.enter("openvino", "summarization")
    environments.enter("openvino", "chat")
    environments.enter("transformers", "summarization")
    assert replaced == [(str(python), [str(python), "-m", "helpers", "serve", "demo", "--port", "0"])]


def test_its_version_is_known_without_importing_it(project: Path) -> None:
    packages = made(project).parents[1] / "lib" / "python3.11" / "site-packages" / "openvino-1.2.3.dist-info"
    packages.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: openvino\nVersion: 1.2.3\n")
    assert environments.engine_versions() == {"openvino": "1.2.3"}


def test_it_cannot_be_packaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["endpoint", "package", "--params", "demo", "--set", "model.engine=openvino", "--out", str(tmp_path / "x")]
    assert main(told) == 2
    assert "--engine openvino: has no handler; give transformers or ctranslate2" in capsys.readouterr().err
