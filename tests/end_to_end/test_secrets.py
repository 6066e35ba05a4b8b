"""A planted token and a private dialogue appear in nothing that a report leaves behind or says."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.core.paths import PROJECT
from tests.conftest import Finished, Report, shown_on_a_page
from tests.scripted_server import Play, ScriptedServer, answer, echo, summary

TOKEN = "hf_pl[a]nted.(token)+"
CANARY = "Quetzalcoatlus"
QUICK = ["--set", "load.repeats=1", "--set", "load.count=5", "--set", "endpoint.attempts=1",
         "--set", "measure.warmup=1", "--set", "endpoint.wake_timeout=1",
         "--only", "01", "--only", "02"]  # fmt: skip


def report(helpers: Report, server: ScriptedServer, *more: str, **environment: str) -> Finished:
    home = {"HF_ENDPOINT_URL": server.url, "HF_TOKEN": TOKEN}
    return helpers("report", "params/endpoint.yaml", *QUICK, *more, environment=home | environment)


def files(found: Finished) -> Iterator[tuple[Path, str]]:
    for base in (found.run, found.out):
        for path in base.rglob("*") if base else ():
            if path.is_file():
                yield path, path.read_text(encoding="utf-8", errors="replace")


def holding(found: Finished, word: str) -> list[str]:
    return [str(path) for path, text in files(found) if word in text] + (["the terminal"] if word in found.told else [])


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(summary(f"You sent Bearer {TOKEN} to me."), id="in an answer"),
        pytest.param(answer(500, {"error": f"{TOKEN} is odd"}), id="in a fault", marks=pytest.mark.slow),
        pytest.param(answer(401, TOKEN), id="in a refusal"),
    ],
)
def test_a_token_that_a_server_repeats(helpers: Report, play: Play) -> None:
    with ScriptedServer(play) as server:
        found = report(helpers, server, "--set", "privacy.text=full")
    assert any(TOKEN.encode() in request for request in server.requests), "it was sent"
    assert holding(found, "nted.(token)") == []
    assert len(list(files(found))) > 5


def test_a_token_in_a_traceback_and_in_a_cell(helpers: Report, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    shutil.copytree(PROJECT / "notebooks", folder)
    path = folder / "01-deploy-check.ipynb"
    notebook = json.loads(path.read_text())
    shown_on_a_page(notebook)[-1]["source"] = "import os\nprint(os.environ)\nraise ValueError(os.environ['HF_TOKEN'])"
    path.write_text(json.dumps(notebook))
    with ScriptedServer(summary("Ann and Bo meet.")) as server:
        found = report(helpers, server, HELPERS_NOTEBOOKS=str(folder))
    assert found.code == 1
    assert "raised ValueError: [redacted]" in found.told
    assert holding(found, "nted.(token)") == []


@pytest.mark.slow
def test_a_token_goes_to_no_second_server(helpers: Report) -> None:
    with ScriptedServer(summary("Ann and Bo meet.")) as other, ScriptedServer(summary()) as home:
        report(helpers, home, "--set", f"endpoint.url={other.url}", "--set", "privacy.text=full", "--only", "01")
    assert other.requests
    assert all(TOKEN.encode() not in request for request in other.requests)
    with (
        ScriptedServer(summary("Ann and Bo meet.")) as other,
        ScriptedServer(answer(308, "", [f"Location: {other.url}/"])) as home,
    ):
        report(helpers, home, "--only", "01")
    assert other.requests == []


@pytest.mark.parametrize("form", ["hash", pytest.param("redacted", marks=pytest.mark.slow)])
def test_a_private_dialogue_is_in_no_artefact(helpers: Report, tmp_path: Path, form: str) -> None:
    samples = tmp_path / "samples.jsonl"
    lines = [
        {"id": f"s{i}", "dialogue": f"Ann: Did you see the {CANARY}?\nBo: Yes, twice.", "summary": f"A {CANARY}."}
        for i in range(3)
    ]
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = answer(422, {"error": f"cannot summarise: Ann: Did you see the {CANARY}?"})
    noise = answer(200, f"<html>Did you see the {CANARY}?</html>")
    with ScriptedServer(*[echo] * 14, told, noise, echo) as server:  # type: ignore[list-item]
        found = report(
            helpers, server, "--set", f"samples.source={samples}", "--set", f"privacy.text={form}", WANDB_MODE="offline"
        )
    assert "tracking: kept for W&B" in found.told
    assert found.code == 0, found.told
    assert any(CANARY.encode() in request for request in server.requests)
    assert holding(found, CANARY) == []
