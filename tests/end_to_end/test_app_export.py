"""The exported Space: started as a Space starts it, with nothing but its folder and what its requirements name."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from helpers.app.export import NEEDED
from helpers.app.launch import free_port
from helpers.cli.main import main
from helpers.core.paths import PROJECT
from helpers.params.files import load_params
from tests.app_process import PLANTED
from tests.environment import clean_environment
from tests.scripted_server import ScriptedServer, summary

pytest.importorskip("gradio")

#: Refuses what the Space's requirements do not bring along.
SITE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "datasets", "statsmodels", "matplotlib",
                                      "evaluate", "nbconvert", "papermill", "wandb", "distributed", "pyarrow"}:
            raise ModuleNotFoundError(f"{name} is not in requirements.txt")
sys.meta_path.insert(0, Refuse())
"""


def exported(folder: Path, *settings: str) -> Path:
    out = folder / "space"
    assert main(["app", "params/endpoint.yaml", "--export", str(out), *settings]) == 0
    return out


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", PLANTED)
    monkeypatch.setenv("HF_ENDPOINT_URL", "https://planted.example.org")


def test_the_folder_is_a_space_and_holds_no_secret(planted: None, tmp_path: Path) -> None:
    out = exported(tmp_path, "--set", "endpoint.url=https://mine.example.org")
    _, front, text = (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    told = yaml.safe_load(front)
    assert (told["sdk"], told["app_file"], told["license"]) == ("gradio", "app.py", "mit")
    assert len(told["short_description"]) <= 60
    assert "HF_ENDPOINT_URL" in text
    assert "Visitors cannot name another server" in text
    pins = dict(line.split("==") for line in (out / "requirements.txt").read_text().splitlines())
    assert tuple(pins) == NEEDED
    assert told["sdk_version"] == pins["gradio"]
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert not any(secret in everything for secret in (PLANTED.encode(), b"planted.example", b"mine.example"))
    assert len(everything) < 3_000_000


def test_a_space_that_asks_a_provider_needs_a_token_alone(planted: None, tmp_path: Path) -> None:
    out = tmp_path / "space"
    assert main(["app", "params/provider.yaml", "--export", str(out)]) == 0
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "`HF_TOKEN`: a token of Hugging Face that may call inference providers" in text
    assert "HF_ENDPOINT_URL" not in text
    assert load_params(str(out / "params.yaml")).provider == "cerebras"


def test_a_folder_with_something_in_it_is_left_alone(
    planted: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "space").mkdir()
    out = exported(tmp_path)
    before = sorted(out.rglob("*"))
    assert main(["app", "params/endpoint.yaml", "--export", str(out)]) == 2
    assert "something lies there already; give a new folder, or an empty one" in capsys.readouterr().err
    assert sorted(out.rglob("*")) == before
    assert main(["app", "params/demo.yaml", "--export", str(tmp_path / "demo")]) == 2
    assert "a Space asks a deployed endpoint" in capsys.readouterr().err


@pytest.mark.slow
def test_the_space_starts_by_itself_and_answers(tmp_path: Path) -> None:
    from gradio_client import Client

    out, port = exported(tmp_path), free_port("0.0.0.0", 0)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    clean = {k: v for k, v in clean_environment().items() if not k.startswith("PYTHON")}
    with ScriptedServer(summary("Ann and Bo meet at noon.")) as server, (tmp_path / "terminal").open("w") as terminal:
        own = {"HF_ENDPOINT_URL": server.url, "HF_TOKEN": PLANTED, "HF_HUB_OFFLINE": "1"}
        own |= {"GRADIO_SERVER_PORT": str(port), "PYTHONPATH": str(tmp_path / "site")}
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=out, env={**clean, **own}, stdout=terminal, stderr=terminal
        )
        try:
            said = _answered(f"http://127.0.0.1:{port}", process)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            found = client.predict("Ann: Lunch at noon?\nBo: Yes.", "", "", 4, 128, api_name="/summarise")
            refused = client.predict("Ann: Hi.", server.url, "mine", 4, 128, api_name="/summarise")
            client.close()
        finally:
            process.terminate()
            process.wait(60)
        sent = server.requests
    assert process.returncode == 0, (tmp_path / "terminal").read_text()
    assert "Dialogue summariser" in said
    assert found[0] == "Ann and Bo meet at noon."
    assert "asks its own server only" in str(refused)
    assert [f"Authorization: Bearer {PLANTED}".encode() in request for request in sent] == [True]
    written = b"".join(path.read_bytes() for path in [*out.rglob("*"), tmp_path / "terminal"] if path.is_file())
    assert PLANTED.encode() not in written
    assert list((out / "runs").glob("app-*/requests.jsonl"))


def _answered(url: str, process: subprocess.Popen[bytes]) -> str:
    """Return the page as soon as the app serves it."""
    until = time.monotonic() + 200
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.5)
    return ""


def test_no_address_and_no_path_of_this_machine_is_published(planted: None, tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"id": "a", "dialogue": "Ann: hi", "summary": "Ann greets."}\n')
    out = exported(
        tmp_path, "--set", "endpoint.metrics=[http://10.0.0.7:9400/metrics]", "--set", f"samples.source={file}",
        "--set", "scoring.judge.url=http://10.0.0.8/v1",
        "--set", "scoring.judge.served_model=m", "--set", f"monitoring.logs=[{file}]",
    )  # fmt: skip
    told = (out / "params.yaml").read_text(encoding="utf-8")
    assert "10.0.0" not in told
    assert str(tmp_path) not in told
    assert str(PROJECT) not in told
    load_params(str(out / "params.yaml"))
