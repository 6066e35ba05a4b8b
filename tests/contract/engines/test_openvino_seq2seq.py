"""OpenVINO for sequence-to-sequence models: the same tokens where the arithmetic is the same, and a text read once."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from helpers.backends.base import Backend
from helpers.core.errors import ModelError
from helpers.engines import openvino_seq2seq
from helpers.engines.factory import load_local
from helpers.engines.openvino_network import load
from helpers.engines.token_search import decode
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
    "dtype", ["int4", *(pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("bfloat16", "float16", "int8"))]
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
            {"device": "cuda"},
            "openvino computes float32, bfloat16, float16, int8, int4 on 'device: cpu' here, and not float32 on cuda",
        ),
        ({"id": "/nowhere/model"}, "/nowhere/model is not there"),
    ],
)
def test_what_cannot_run_says_so(published: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_local(Model(**{"id": str(published), "engine": "openvino"} | fields))


SMALL: dict[str, Any] = {
    "vocab_size": 120, "d_model": 32, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64,
    "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "init_std": 0.5,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of the tracer, which otherwise works in a process of its own
@pytest.mark.parametrize("kind", ["mbart", "pegasus", "marian"])
def test_models_that_are_built_alike_give_equal_tokens(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **SMALL)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config).eval()
    model.save_pretrained(tmp_path / "source")
    openvino_seq2seq.write(tmp_path / "source", tmp_path / "converted", "float32")
    network, ids = load(tmp_path / "converted", "float32", start=2, padding=1), [5, 9, 44, 17, 2]
    told = {"num_beams": 3, "max_new_tokens": 12}
    want = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.int64), **told)
    own = model.generation_config.to_dict()
    assert decode(network, [ids], [[0]], (own, told), start=2, count=1) == [[want[0, 1:].tolist()]]


def test_a_model_that_is_built_otherwise_is_refused(tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=120, d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="t5: only models built like BART can be converted"):
        openvino_seq2seq.write(tmp_path, tmp_path / "converted", "float32")
