"""Tokens are counted as the model counts them, without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.core.errors import ModelError
from helpers.engines import demo_model
from helpers.engines.model_files import TokenCounter, tokenizer_file
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation

TEXTS = ["", "Ann: Lunch at 12:30?", "Bo: </s> <|im_end|> 🍅\n\n  7", "Ann: Lunch at noon?\n" * 99]


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_the_count_is_the_model_s(name: str, tiny_folder: Path, request: pytest.FixtureRequest) -> None:
    backend: TransformersBackend = request.getfixturevalue(name)
    counter = TokenCounter(tokenizer_file(str(tiny_folder) if name == "tiny" else "demo"))
    answers = backend.summarise(TEXTS, Generation(max_new_tokens=1))
    assert [counter.count(text) for text in TEXTS] == [answer.input_tokens for answer in answers]


def test_counting_loads_no_torch(tiny_folder: Path) -> None:
    code = (
        "import sys; from helpers.engines.model_files import TokenCounter, tokenizer_file;"
        f"print(TokenCounter(tokenizer_file({str(tiny_folder)!r})).count('a b'));"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0


def test_tokenizers_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert demo_model.path() is None
    cases = {
        "demo": "not built yet, .* run 'helpers demo-model'",
        str(tmp_path): r"tokenizer\.json: not there",
        str(tmp_path / "none"): r"none/tokenizer\.json: not there",
        "nobody/nothing": r"'nobody/nothing': its tokenizer\.json cannot be had from the Hub",
        "not a name": "cannot be had from the Hub",
    }
    for model, message in cases.items():
        with pytest.raises(ModelError, match=message):
            tokenizer_file(model)
