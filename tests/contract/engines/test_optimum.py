"""OpenVINO for sequence-to-sequence models, in an environment of its own: the same tokens and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.backends.base import Backend
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines.environments import engine_versions, interpreter, is_here
from helpers.engines.factory import load_local
from helpers.engines.served import ServedBackend
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model
from tests.contract.engines.test_ctranslate2 import SETTINGS
from tests.contract.engines.test_transformers import TEXTS

pytestmark = [pytest.mark.openvino, pytest.mark.slow, pytest.mark.usefixtures("own_cache")]


@pytest.fixture(scope="module")
def exact(published: Path, own_cache: Path) -> Iterator[Backend]:
    backend = load_local(Model(id=str(published), threads=1, engine="openvino"))
    yield backend
    backend.close()


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_equal_arithmetic_gives_equal_tokens(published: Path, exact: Backend, settings: dict[str, Any]) -> None:
    reference, generation = TransformersBackend(Model(id=str(published), threads=1)), Generation(**settings)
    for text in TEXTS:
        (want,), (got,) = reference.summarise([text], generation), exact.summarise([text], generation)
        assert (got.summary, got.output_tokens) == (want.summary, want.output_tokens)
        assert (got.input_tokens, got.lost_tokens) == (want.input_tokens, want.lost_tokens)
    batch = [answer.summary for answer in exact.summarise(TEXTS, generation)]
    assert batch == [answer.summary for answer in reference.summarise(TEXTS, generation)]


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "int4"])
def test_fewer_bits_answer_a_batch_as_they_answer_its_texts_alone(published: Path, dtype: Any) -> None:
    generation = Generation(max_new_tokens=40, min_new_tokens=40, num_beams=4, no_repeat_ngram_size=0)
    with closing(load_local(Model(id=str(published), threads=1, engine="openvino", dtype=dtype))) as backend:
        alone = [backend.summarise([text], generation)[0] for text in TEXTS]
        batch = backend.summarise(TEXTS, generation)
    # The first token and the last are the model's own; garbage would hold more of those.
    assert {answer.output_tokens for answer in (*alone, *batch)} == {38}


def test_it_is_one_process_under_its_own_python_and_its_death_is_a_failed_request(published: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    backend = load_local(Model(id=str(published), threads=1, engine="openvino"))
    assert isinstance(backend, ServedBackend)
    assert not is_here("openvino", "summarization")
    assert engine_versions()["openvino"]
    (server,) = (child for child in psutil.Process().children(recursive=True) if child.pid not in before)
    assert server.cmdline()[0] == str(interpreter("openvino", "summarization"))
    with pytest.raises(RequestError, match="min_new_tokens=9 is above max_new_tokens=3") as refused:
        backend.summarise(["x"], Generation(max_new_tokens=3, min_new_tokens=9))
    assert refused.value.kind is Failure.BAD_REQUEST
    server.kill()
    with pytest.raises(RequestError) as caught:
        backend.summarise(["x"], Generation())
    assert caught.value.kind is Failure.CONNECTION
    backend.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"dtype": "float16"},
            "openvino computes float32, bfloat16, int8, int4 on 'device: cpu' here, and not float16",
        ),
        ({"id": "/nowhere/model"}, "/nowhere/model is not there"),
    ],
)
def test_what_cannot_run_says_so(published: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_local(Model(**{"id": str(published), "engine": "openvino"} | fields))
