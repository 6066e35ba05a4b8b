"""The packaged handler: alone in a clean process, and behind the local server over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from helpers.cli.main import main
from helpers.core.errors import ModelError, RequestError
from helpers.engines.handler import HandlerBackend
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Params
from helpers.params.files import load_params
from helpers.serving import packaging
from tests.local_server import served

SHORT, OTHER = "Ann: Lunch at noon?\nBo: Yes, at noon.", "Cy: Who brings the plan?"
LONG = "Ann: Lunch at noon?\nBo: Yes.\n" * 40
FEW = Generation(max_new_tokens=12, num_beams=2)
#: Runs a handler as the toolkit does, one JSON body per line, and proves that it is self-contained.
ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from handler import EndpointHandler
handler = EndpointHandler(sys.argv[1])
for line in sys.stdin:
    try:
        print(json.dumps(handler(json.loads(line))))
    except ValueError as error:
        print(json.dumps({"error": str(error)}))
assert "helpers" not in sys.modules
"""


def params_of(folder: Path, engine: str = "transformers") -> Params:
    model = [f"model.id={folder}", f"model.engine={engine}", "model.context_tokens=48"]
    return load_params(
        "endpoint", [*model, "generation.max_new_tokens=12", "generation.num_beams=2", "instance.size=x4"]
    )


@pytest.fixture(scope="module", params=["transformers", "ctranslate2", "openvino"])
def packaged(request: pytest.FixtureRequest, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository of each engine; what they answer is compared with one and the same reference."""
    out = tmp_path_factory.mktemp("package") / "repository"
    packaging.write(params_of(tiny_folder, request.param), out)
    return out


@pytest.fixture(scope="module")
def alone(packaged: Path) -> Any:
    """Ask the handler in a process that has only its folder."""

    def ask(*bodies: object) -> list[Any]:
        done = subprocess.run(
            [sys.executable, "-I", "-W", "error::UserWarning", "-c", ALONE, str(packaged)],
            input="\n".join(json.dumps(body) for body in bodies), capture_output=True, text=True, timeout=120,
            check=True, cwd=packaged, env={"HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def test_the_repository_is_complete(packaged: Path) -> None:
    names = {path.name for path in packaged.iterdir()}
    assert names >= {
        "handler.py",
        "summariser.json",
        "README.md",
        "config.json",
    }
    engine = json.loads((packaged / "summariser.json").read_text())["engine"]
    assert ("model.safetensors" in names) == (engine == "transformers")
    assert ("batching.py" in names) == (engine != "transformers")
    assert "helpers" not in (packaged / "handler.py").read_text()
    assert "Nothing was measured" in (packaged / "README.md").read_text()
    # torch and transformers are the container's own, and another version of either would break its toolkit
    needed = (packaged / "requirements.txt").read_text().splitlines() if "requirements.txt" in names else []
    assert [line.split("==")[0] for line in needed] == ([] if engine == "transformers" else [engine])


def test_alone_it_answers_as_the_local_backend_does(alone: Any, tiny: TransformersBackend) -> None:
    expected = [tiny.summarise([text], FEW)[0].summary for text in (SHORT, OTHER, LONG)]
    one, several, cut = alone({"inputs": SHORT}, {"inputs": [OTHER, SHORT]}, {"inputs": LONG})
    assert one == [{"summary_text": expected[0]}]
    assert several == [{"summary_text": expected[1]}, {"summary_text": expected[0]}]
    assert cut == [{"summary_text": expected[2]}]


WRONG = [
    ({}, "needs an 'inputs' key"),
    ({"inputs": 3}, "must be a text or a list of texts"),
    ({"inputs": []}, "must be a text or a list of texts"),
    ({"inputs": ["a"] * 65}, "send at most 64"),
    ({"inputs": "a", "parameters": {"temperature": 1}}, "unknown parameter temperature; known: num_beams"),
    ({"inputs": "a", "parameters": {"num_beams": 0}}, "'num_beams' must be a number from 1 to 32"),
    ({"inputs": "a", "parameters": {"num_beams": 10**6}}, "'num_beams' must be a number from 1 to 32"),
    ({"inputs": "a", "parameters": {"max_new_tokens": "9"}}, "'max_new_tokens' must be a number from 1 to "),
    ({"inputs": "a", "parameters": {"max_new_tokens": 10**6}}, "'max_new_tokens' must be a number from 1 to "),
    ({"inputs": "a", "parameters": {"no_repeat_ngram_size": -1}}, "'no_repeat_ngram_size' must be a number from 0"),
    ({"inputs": "a", "parameters": {"length_penalty": "x"}}, "'length_penalty' must be a number"),
    ({"inputs": "a", "parameters": []}, None),
    ({"inputs": "a", "parameters": [1]}, "'parameters' must be an object"),
]


def test_what_it_cannot_do_it_says(alone: Any) -> None:
    for (body, message), answer in zip(WRONG, alone(*(body for body, _ in WRONG)), strict=True):
        assert ("error" not in answer) if message is None else (message in answer["error"]), body


def test_over_http_it_keeps_the_wire_protocol(packaged: Path, tiny: TransformersBackend) -> None:
    with served(lambda: HandlerBackend(packaged), FEW) as server:
        deadline = 100
        while httpx2.get(f"{server.url}/health").status_code == 503 and deadline:
            deadline -= 1
        one = httpx2.post(server.url, json={"inputs": SHORT, "parameters": {"truncation": True}}, timeout=30)
        assert one.json() == [{"summary_text": tiny.summarise([SHORT], FEW)[0].summary}]
        assert len(httpx2.post(server.url, json={"inputs": [SHORT, OTHER]}, timeout=30).json()) == 2
        refused = httpx2.post(server.url, json={"inputs": SHORT, "parameters": {"max_new_tokens": 10**6}}, timeout=30)
        assert (refused.status_code, "error" in refused.json()) == (400, True)


def test_a_chat_model_answers_as_the_local_backend_does(
    demo: TransformersBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    command = ["endpoint", "package", "--params", "demo", "--set", "model.context_tokens=256", "--out", str(out)]
    command += ["--engine", "transformers", "--dtype", "float32"]
    assert main(command) == 2
    assert "model.rerank: the handler answers with its likeliest beam" in capsys.readouterr().err
    command += ["--set", "model.rerank=false"]
    assert main(command) == 0
    backend, few = HandlerBackend(out), Generation(max_new_tokens=12)
    for dialogue in (SHORT, LONG):
        assert backend.summarise([dialogue], few)[0].summary == demo.summarise([dialogue], few)[0].summary
    backend.close()
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_foreign_handler_is_held_to_the_protocol(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no handler\.py"):
        HandlerBackend(tmp_path)
    (tmp_path / "handler.py").write_text("raise ImportError('no such engine')")
    with pytest.raises(ModelError, match="cannot be loaded: ImportError: no such engine"):
        HandlerBackend(tmp_path)
    (tmp_path / "handler.py").write_text(
        "class EndpointHandler:\n def __init__(self, path): pass\n def __call__(self, data): return [{'x': 1}]\n"
    )
    with pytest.raises(RequestError, match="did not return one summary_text per input"):
        HandlerBackend(tmp_path).summarise([SHORT], FEW)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--model", "/nowhere"], "not there"),
        (["--push", "team/x", "--model", "TINY"], "set HF_TOKEN"),
        (["--params", "endpoint", "--set", "generation.extra={seed: 7}", "--model", "TINY"], "generation.extra: the"),
    ],
)
def test_a_package_that_cannot_be_made_is_one_message(
    arguments: list[str], why: str, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    given = [str(tiny_folder) if part == "TINY" else part for part in arguments]
    code = main(["endpoint", "package", *given, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err.splitlines()[-1]
    assert (code, said.startswith("helpers endpoint: ")) in ((1, True), (2, True))
    assert why in said
