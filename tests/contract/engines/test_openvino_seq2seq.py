"""OpenVINO for sequence-to-sequence models: the same tokens where the arithmetic is the same, and a text read once."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from helpers.backends.base import Backend
from helpers.core.errors import ModelError
from helpers.engines.factory import load_local
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model
from tests.contract.engines.test_ctranslate2 import SETTINGS
from tests.contract.engines.test_transformers import TEXTS

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def exact(published: Path, own_cache: Path) -> Backend:
    return load_local(Model(id=str(published), threads=1, engine="openvino"))


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_equal_arithmetic_gives_equal_tokens(published: Path, exact: Backend, settings: dict[str, Any]) -> None:
    reference, generation = TransformersBackend(Model(id=str(published), threads=1)), Generation(**settings)
    for text in TEXTS:
        (want,), (got,) = reference.summarise([text], generation), exact.summarise([text], generation)
        assert (got.summary, got.output_tokens) == (want.summary, want.output_tokens)
        assert (got.input_tokens, got.lost_tokens) == (want.input_tokens, want.lost_tokens)
    batch = [answer.summary for answer in exact.summarise(TEXTS, generation)]
    assert batch == [answer.summary for answer in reference.summarise(TEXTS, generation)]


def test_what_is_kept_of_a_text_is_kept_once_for_all_of_its_beams(exact: Any) -> None:
    exact.summarise(TEXTS[:1] * 3, Generation(max_new_tokens=8, num_beams=4))
    writing = exact._network._writing
    rows = {port.get_any_name(): writing.get_tensor(port).shape[0] for port in writing.model_inputs}
    assert {count for name, count in rows.items() if name.startswith("text")} == {3}
    assert rows["decoder_input_ids"] == rows["beam_idx"] == 4 * 3


@pytest.mark.parametrize(
    "dtype", ["int4", *(pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("bfloat16", "int8"))]
)
def test_fewer_bits_answer_a_batch_as_they_answer_its_texts_alone(published: Path, dtype: Any) -> None:
    generation = Generation(max_new_tokens=40, min_new_tokens=40, num_beams=4, no_repeat_ngram_size=0)
    with closing(load_local(Model(id=str(published), threads=1, engine="openvino", dtype=dtype))) as backend:
        alone = [backend.summarise([text], generation)[0] for text in TEXTS]
        batch = backend.summarise(TEXTS, generation)
    # The first token and the last are the model's own; garbage would hold more of those.
    assert {answer.output_tokens for answer in (*alone, *batch)} == {38}


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
