"""Engines beside the reference: the same tokens where the arithmetic is the same, and settings read alike."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.core.errors import Failure, ModelError, RequestError
from helpers.engines.batching import alike
from helpers.engines.conversion import converted
from helpers.engines.ctranslate2 import CTranslate2Backend
from helpers.engines.factory import load_local
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model, Samples
from helpers.samples.dataset import load_samples
from tests.contract.engines.test_transformers import LONG, TEXTS

pytestmark = pytest.mark.usefixtures("own_cache")
SETTINGS = [
    {"max_new_tokens": 12},
    {"max_new_tokens": 12, "num_beams": 4, "no_repeat_ngram_size": 0},
    {"max_new_tokens": 20, "num_beams": 2, "no_repeat_ngram_size": 0, "length_penalty": 0.5},
    {"max_new_tokens": 20, "num_beams": 4, "no_repeat_ngram_size": 0, "min_new_tokens": 20},
    {"max_new_tokens": 16, "min_new_tokens": 16},
    {"max_new_tokens": 24, "no_repeat_ngram_size": 2},
]


def both(folder: str, dtype: str = "float32", **fields: Any) -> tuple[Any, Any]:
    model = Model(id=folder, threads=1, **fields)
    return TransformersBackend(model), load_local(model.model_copy(update={"engine": "ctranslate2", "dtype": dtype}))


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_equal_arithmetic_gives_equal_tokens(published: Path, settings: dict[str, Any]) -> None:
    reference, other = both(str(published))
    generation = Generation(**settings)
    for text in filter(None, TEXTS):
        (want,), (got,) = reference.summarise([text], generation), other.summarise([text], generation)
        assert (got.summary, got.output_tokens) == (want.summary, want.output_tokens)
        assert (got.input_tokens, got.lost_tokens) == (want.input_tokens, want.lost_tokens)
    assert other.summarise([""], generation)[0].summary == "", "nothing to read gives nothing here"
    batch = [answer.summary for answer in other.summarise(TEXTS, generation)]
    assert batch == [other.summarise([text], generation)[0].summary for text in TEXTS]


@pytest.mark.slow
def test_a_chat_model_gives_equal_tokens() -> None:
    reference, other = both("demo", task="chat", prompt="tuned", context_tokens=300)
    generation = Generation(max_new_tokens=24)
    for text in ("Ann: Lunch at noon?\nBo: Yes, at noon, bring the plan.", LONG):
        (want,), (got,) = reference.summarise([text], generation), other.summarise([text], generation)
        assert (got.summary, got.output_tokens, got.lost_tokens) == (want.summary, want.output_tokens, want.lost_tokens)
    ragged = ["Ann: Hi.", LONG, "Bo: Lunch at noon?\nAnn: Yes, bring the plan.", "Ann: Hello there, Bo."]
    alone = [other.summarise([text], generation)[0].summary for text in ragged]
    assert [answer.summary for answer in other.summarise(ragged, generation)] == alone
    with pytest.raises(RequestError, match="does not count the prompt's own") as caught:
        other.summarise(["x"], Generation(no_repeat_ngram_size=3))
    assert caught.value.kind is Failure.BAD_REQUEST


@pytest.mark.slow
def test_beams_that_go_on_past_the_first_complete_ones_give_equal_tokens() -> None:
    reference, other = both("demo", task="chat", prompt="tuned", context_tokens=300)
    generation = Generation(num_beams=4, max_new_tokens=64, length_penalty=1.3)
    known = {sample.id: sample.dialogue for sample in load_samples(Samples(source="bundled:train"))}
    for text in (known["support-retail-022"], known["home-and-care-011"]):
        (want,), (got,) = reference.summarise([text], generation), other.summarise([text], generation)
        assert (got.summary, got.output_tokens) == (want.summary, want.output_tokens)


def test_beams_are_reranked_alike_and_only_where_the_first_fails(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = Generation(max_new_tokens=12, num_beams=4, no_repeat_ngram_size=0)
    texts = [text for text in TEXTS if text]
    first = [answer.summary for answer in both(str(published))[0].summarise(texts, generation)]
    failing: set[str] = set()
    monkeypatch.setattr("helpers.engines.codec.output_failures", lambda summary, dialogue: summary in failing)
    for backend in (reranked := both(str(published), rerank=True)):
        assert [answer.summary for answer in backend.summarise(texts, generation)] == first
    failing |= {first[0]}
    second, other = ([one.summary for one in backend.summarise(texts, generation)] for backend in reranked)
    assert second == other
    assert second[0] != first[0]
    assert second[1:] == [text if text != first[0] else second[0] for text in first[1:]]
    monkeypatch.setattr("helpers.engines.codec.output_failures", lambda summary, dialogue: True)
    assert [answer.summary for answer in reranked[0].summarise(texts, generation)] == first, "all fail: the likeliest"
    assert reranked[1].summarise(texts[:1], Generation(max_new_tokens=12))[0].summary


def test_prompts_of_like_length_are_decoded_together() -> None:
    assert alike([30, 5, 29, 200, 6]) == [[1, 4, 2], [0], [3]]
    assert alike([7]) == [[0]]


@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
def test_int8_answers(published: Path, engine: Any) -> None:
    backend = load_local(Model(id=str(published), threads=1, engine=engine, dtype="int8"))
    answers = backend.summarise([text for text in TEXTS if text], Generation(max_new_tokens=12))
    assert all(answer.output_tokens for answer in answers)


def test_a_conversion_is_kept_until_the_weights_change(published: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first = converted(published, "int8")
    capfd.readouterr()
    assert converted(published, "int8") == first
    assert capfd.readouterr().err == ""
    weights = published / "model.safetensors"
    state = weights.read_bytes()
    try:
        weights.write_bytes(state[:-4] + b"\0\0\0\1")
        os.utime(weights)
        assert converted(published, "int8") != first
        assert "converting bart to int8 (once)" in capfd.readouterr().err
    finally:
        weights.write_bytes(state)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dtype": "bfloat16"}, "cannot run bfloat16 with ctranslate2; it offers float32, int8"),
        ({"id": "/nowhere/model"}, "/nowhere/model is not there"),
        ({"device": "cuda"}, "ctranslate2 sees no GPU here"),
    ],
)
def test_what_cannot_run(
    published: Path, fields: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda device: {"float32", "int8"})
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    with pytest.raises(ModelError, match=message):
        CTranslate2Backend(Model(**{"id": str(published), "engine": "ctranslate2"} | fields))


def test_a_model_that_cannot_be_converted_leaves_nothing_behind(
    published: Path, tmp_path: Path, own_cache: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(published, broken)
    (broken / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    with pytest.raises(ModelError, match="ctranslate2 cannot convert broken"):
        converted(broken, "int8")
    assert not list((own_cache / "engines").glob("broken*/*"))


def test_fewer_bits_of_the_reference_are_where_they_should_be(published: Path) -> None:
    backend = TransformersBackend(Model(id=str(published), threads=1, dtype="int8"))
    kinds = {type(layer).__module__ for layer in backend._network.modules() if "linear" in type(layer).__name__.lower()}
    assert any("quantized.dynamic" in kind for kind in kinds)
    assert torch.backends.quantized.engine != "none"
