"""OpenVINO for chat models: the same tokens where the arithmetic is the same."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import openvino
import pytest
import torch

from helpers.core.errors import ModelError
from helpers.engines.conversion import converted
from helpers.engines.factory import load_local
from helpers.engines.model_files import local_folder
from helpers.engines.openvino import OpenVINOBackend
from helpers.engines.openvino_network import CHAT as CHAT_GRAPH
from helpers.engines.openvino_network import reader
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model
from tests.contract.engines.test_transformers import LONG

CHAT = {"id": "demo", "task": "chat", "prompt": "tuned", "context_tokens": 300}
TEXTS = ("Ann: Lunch at noon?\nBo: Yes, at noon, bring the plan.", LONG)
SETTINGS = [
    {"max_new_tokens": 24},
    {"max_new_tokens": 24, "num_beams": 4, "length_penalty": 1.3},
    {"max_new_tokens": 12, "min_new_tokens": 12, "num_beams": 2, "no_repeat_ngram_size": 3},
]


@pytest.fixture(scope="module")
def exact() -> OpenVINOBackend:
    backend = load_local(Model(**CHAT, engine="openvino"))
    assert isinstance(backend, OpenVINOBackend)
    return backend


@pytest.fixture(scope="module")
def reference() -> TransformersBackend:
    return TransformersBackend(Model(**CHAT))


@pytest.mark.parametrize("settings", SETTINGS, ids=json.dumps)
def test_equal_arithmetic_gives_equal_tokens(
    exact: OpenVINOBackend, reference: TransformersBackend, settings: dict[str, Any]
) -> None:
    generation = Generation(**settings)
    for text in TEXTS:
        (want,), (got,) = reference.summarise([text], generation), exact.summarise([text], generation)
        assert (got.summary, got.output_tokens, got.lost_tokens) == (want.summary, want.output_tokens, want.lost_tokens)
    batch = [answer.summary for answer in exact.summarise(TEXTS, generation)]
    assert batch == [answer.summary for answer in reference.summarise(TEXTS, generation)]


def test_no_thread_is_bound_to_a_processor(exact: OpenVINOBackend) -> None:
    """One that is would wait for whatever else runs there, while the other processors are idle."""
    allowed, bound = os.sched_getaffinity(0), set()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exact.summarise, [LONG], Generation(max_new_tokens=16))
        while not answer.done():
            for task in Path("/proc/self/task").iterdir():
                with suppress(ProcessLookupError, FileNotFoundError):
                    bound |= {frozenset(os.sched_getaffinity(int(task.name)))}
    assert bound == {frozenset(allowed)}


def test_a_prompt_is_read_at_once_as_it_would_be_read_in_steps(exact: OpenVINOBackend) -> None:
    """Whole prompts go through a graph of their own; what it gives away, the other goes on from, in every row."""
    ids, network = list(range(100, 140)), exact._network
    whole = network.begin([ids]).clone()
    network.begin([ids[:20]])
    for place in range(20, 39):
        network.step([ids[place]], [0])
    rows = network.step([ids[39]] * 3, [0] * 3)
    torch.testing.assert_close(rows, whole.expand(3, -1), atol=1e-3, rtol=0)

    graph = openvino.Core().read_model(
        converted(local_folder(Model(**CHAT)), "float32", engine="openvino") / CHAT_GRAPH
    )
    kept = {variable.info.variable_id for variable in graph.get_variables()}
    reading, names = reader(graph)
    assert kept == set(names) == {variable.info.variable_id for variable in graph.get_variables()}
    assert not reading.get_variables()
    assert len(reading.outputs) == 1 + len(kept)


def test_prompts_of_unlike_length_are_read_together_as_they_are_alone(exact: OpenVINOBackend) -> None:
    short, long, network = list(range(100, 120)), list(range(200, 240)), exact._network
    alone = []
    for prompt in (short, long):
        first = network.begin([prompt]).clone()
        alone += [first, network.step([7, 8], [0, 0]).clone()]
    together = network.begin([short, long]).clone()
    torch.testing.assert_close(together, torch.cat(alone[::2]), atol=1e-3, rtol=0)
    torch.testing.assert_close(network.step([7, 8, 7, 8], [0, 0, 1, 1]), torch.cat(alone[1::2]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("settings", SETTINGS[:2], ids=json.dumps)
def test_a_batch_that_is_read_together_is_answered_as_its_dialogues_alone(
    exact: OpenVINOBackend, settings: dict[str, Any]
) -> None:
    texts = [TEXTS[0], f"{TEXTS[0]}\nAnn: And who calls the plumber?\nBo: I do, after lunch.", "Cy: Rain?\nDi: No."]
    batch = [answer.summary for answer in exact.summarise(texts, Generation(**settings))]
    assert batch == [exact.summarise([text], Generation(**settings))[0].summary for text in texts]


def test_what_cannot_run_says_so() -> None:
    with pytest.raises(ModelError, match="openvino computes float32, bfloat16, int8, int4 on 'device: cpu' here"):
        load_local(Model(**CHAT, engine="openvino", dtype="float16"))
    with pytest.raises(ModelError, match="demo is a model for 'chat', and not for 'summarization'"):
        load_local(Model(id="demo", engine="openvino"))
