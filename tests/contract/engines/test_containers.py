"""A packaged repository in the vendor's container: other versions of transformers, each in an environment of its own.

The versions come from the package index, without what they need: torch and the rest are this environment's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model, Params
from helpers.params.files import load_params
from helpers.serving import packaging

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: Versions of transformers with the tokenizers and the hub client that each of them asks for; none is this environment.
CONTAINERS = {
    packaging.OLDEST: ("tokenizers==0.21.4", "huggingface-hub==0.36.0"),
    "4.57.6": ("tokenizers==0.22.1", "huggingface-hub==0.36.0"),
    "": (),
}
TEXTS = ["Ann: Lunch at noon?\nBo: Yes, at noon.", "Cy: Who brings the plan?", "Ann: Lunch at noon?\nBo: Yes.\n" * 40]
SETTINGS = {"max_new_tokens": 12, "num_beams": 2}
KINDS = [("transformers", "float32"), ("transformers", "bfloat16"), ("transformers", "int8"),
         ("ctranslate2", "float32"), ("ctranslate2", "int8"),
         ("openvino", "float32"), ("openvino", "float16"), ("openvino", "int8"), ("openvino", "int4")]  # fmt: skip
#: Loads each repository as the toolkit does; says with which version, in which type it computes, and what it answers.
ASK = """
import json, sys, transformers
folders, texts, settings = json.loads(sys.argv[1])
for folder in folders:
    for name in ("handler", "batching", "ct2_decoding", "openvino_network", "token_search"):
        sys.modules.pop(name, None)
    sys.path.insert(0, folder)
    from handler import EndpointHandler
    handler = EndpointHandler(folder)
    found = [one["summary_text"] for text in texts for one in handler({"inputs": text, "parameters": settings})]
    print(json.dumps([transformers.__version__, handler.dtype, found]))
    sys.path.remove(folder)
assert "helpers" not in sys.modules
"""


@pytest.fixture(scope="module")
def chat_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer chat model whose positions are none that a version would take by default."""
    folder = tmp_path_factory.mktemp("tiny-llama")
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    tokenizer.chat_template = (
        "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}<s>assistant:"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        initializer_range=0.6, rope_parameters={"rope_type": "default", "rope_theta": 37.0},
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def params_of(folder: Path, engine: str, dtype: str) -> Params:
    chat = ["model.task=chat", "model.prompt=tuned", "model.context_tokens=256"] if "llama" in folder.name else []
    model = [f"model.id={folder}", f"model.engine={engine}", f"model.dtype={dtype}", "model.context_tokens=48", *chat]
    return load_params("endpoint", [*model, "instance.size=x4"])


@pytest.fixture(scope="module")
def repositories(tiny_folder: Path, chat_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The repository of each kind of model, engine and type."""
    folder, found = tmp_path_factory.mktemp("repositories"), []
    for source in (tiny_folder, chat_folder):
        for engine, dtype in KINDS:
            found.append(folder / f"{source.name}-{engine}-{dtype}")
            packaging.write(params_of(source, engine, dtype), found[-1])
    return found


@pytest.fixture(scope="module")
def expected(tiny_folder: Path, chat_folder: Path) -> list[str]:
    """What each model answers here in fp32."""
    answers = []
    for source in (tiny_folder, chat_folder):
        model: Model = params_of(source, "transformers", "float32").model
        backend = TransformersBackend(model)
        answers += [backend.summarise([text], Generation(**SETTINGS))[0].summary for text in TEXTS]
    return answers


@pytest.fixture(scope="module", params=CONTAINERS, ids=lambda version: version or "this one")
def container(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """A version of transformers, and the environment of a process that finds it before this one's."""
    version = request.param
    environment = {"HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"], "TOKENIZERS_PARALLELISM": "false"}
    if version:
        folder = tmp_path_factory.mktemp("container")
        wanted = [f"transformers=={version}", *CONTAINERS[version]]
        subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps",
             "--target", str(folder), *wanted], check=True, timeout=300, capture_output=True,
        )  # fmt: skip
        environment["PYTHONPATH"] = str(folder)
    return version, environment


def test_every_repository_loads_and_answers(
    container: tuple[str, dict[str, str]], repositories: list[Path], expected: list[str]
) -> None:
    version, environment = container
    folders = [str(folder) for folder in repositories]
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([folders, TEXTS, SETTINGS])],
        capture_output=True, text=True, timeout=600, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == [version or rows[0][0]] * len(folders)
    for folder, (_, dtype, answers), (_, declared) in zip(repositories, rows, KINDS * 2, strict=True):
        assert declared in dtype, f"{folder.name}: declared {declared}, computes in {dtype}"
        assert all(answers), folder.name
        if declared == "float32":
            half = len(TEXTS)
            same = expected[half:] if "llama" in folder.name else expected[:half]
            assert answers == same, folder.name


def test_serve_runs_the_handler_in_that_container(
    container: tuple[str, dict[str, str]], repositories: list[Path], expected: list[str], tmp_path: Path
) -> None:
    _, environment = container
    paths = [environment.get("PYTHONPATH", ""), str(Path(packaging.__file__).parents[2])]
    command = ["serve", "endpoint", "--handler", str(repositories[0]), "--port", "0"]
    log = tmp_path / "log"
    with log.open("w") as messages:
        server = subprocess.Popen(
            [sys.executable, "-m", "helpers", *command],
            env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HOME": str(tmp_path)},
            stdout=subprocess.PIPE, stderr=messages, text=True,
        )  # fmt: skip
    try:
        assert server.stdout is not None
        address = next((word for word in server.stdout.readline().split() if word.startswith("http")), "")
        assert address, log.read_text()[-2000:]
        with httpx2.Client(base_url=address, timeout=60) as client:
            for _ in range(240):
                if client.get("/health").status_code == 200:
                    break
                assert server.poll() is None, log.read_text()[-2000:]
                time.sleep(0.25)
            body = {"inputs": TEXTS[0], "parameters": SETTINGS}
            assert client.post("/", json=body).json() == [{"summary_text": expected[0]}]
    finally:
        server.terminate()
        server.communicate(timeout=30)
