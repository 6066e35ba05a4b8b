"""OpenVINO for chat models: the same tokens where the arithmetic is the same."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
import transformers

from helpers.core.errors import ModelError
from helpers.engines import model_files, openvino_chat, openvino_network
from helpers.engines.factory import load_local
from helpers.engines.openvino import OpenVINOBackend
from helpers.engines.openvino_network import CHAT as GRAPH
from helpers.engines.openvino_network import ROOM, WEIGHTS, load
from helpers.engines.transformers import TransformersBackend
from helpers.params import Generation, Model
from tests.contract.engines.test_transformers import LONG
from tests.resident import resident

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


def read_at_once(backend: OpenVINOBackend, ids: list[int]) -> torch.Tensor:
    return backend._network.begin([ids]).clone()


def test_a_prompt_is_read_at_once_as_it_would_be_read_in_steps(exact: OpenVINOBackend) -> None:
    ids, network = list(range(100, 140)), exact._network
    whole = read_at_once(exact, ids)
    network.begin([ids[:20]])
    for place in range(20, 39):
        network.step([ids[place]], [0])
    rows = network.step([ids[39]] * 3, [0] * 3)
    torch.testing.assert_close(rows, whole.expand(3, -1), atol=1e-3, rtol=0)


def test_a_prompt_is_read_in_parts_as_it_would_be_read_at_once(
    exact: OpenVINOBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, prompts = exact._network, [list(range(100, 100 + length)) for length in (1, 16, 17, 33)]

    def read() -> tuple[torch.Tensor, torch.Tensor]:
        first = network.begin(prompts).clone()
        return first, network.step([7, 8] * 4, [0, 0, 1, 1, 2, 2, 3, 3]).clone()

    whole, runs, compute = read(), [], network._compute
    monkeypatch.setattr(openvino_network, "PART", 16)
    monkeypatch.setattr(network, "_compute", lambda ids, *rest: runs.append(ids.shape) or compute(ids, *rest))
    for parted, at_once in zip(read(), whole, strict=True):
        torch.testing.assert_close(parted, at_once, atol=1e-3, rtol=0)
    assert runs == [(1, 1), (1, 16), (1, 9), (1, 8), (1, 11), (1, 11), (1, 11), (4, 2)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where a file is mapped")
def test_the_mapped_weights_count_as_memory_no_longer(exact: OpenVINOBackend) -> None:
    """What computes has its own copy of them, whatever the length of a text."""
    exact.summarise([LONG], Generation(max_new_tokens=4, num_beams=4))
    assert 0 <= resident("smollm2-135m-dialogues", WEIGHTS) < 0.1 * 538e6


def test_a_beam_sees_its_own_line_and_no_other_however_long(exact: OpenVINOBackend) -> None:
    """All beams' tokens stand side by side; more of them than there are places are made room for."""
    prompts, beams, chance = [list(range(100, 120)), list(range(200, 209))], 3, random.Random(0)
    exact._network.begin(prompts)
    lines = [list(prompt) for prompt in prompts]
    for _ in range(ROOM // beams + 2):
        width = len(lines) // len(prompts)
        rows = [place * width + chance.randrange(width) for place in range(len(prompts)) for _ in range(beams)]
        tokens = [chance.randrange(1000, 2000) for _ in rows]
        scores = exact._network.step(tokens, rows)
        lines = [[*lines[row], token] for row, token in zip(rows, tokens, strict=True)]
    last = scores.clone()
    assert len({tuple(line) for line in lines}) == len(lines)
    alone = torch.cat([read_at_once(exact, line) for line in lines])
    torch.testing.assert_close(last, alone, atol=1e-3, rtol=0)


def test_matrices_in_half_precision_give_nearly_the_same(exact: OpenVINOBackend) -> None:
    ids = list(range(100, 140))
    whole = read_at_once(exact, ids)
    half = load_local(Model(**CHAT, engine="openvino", dtype="float16"))
    assert isinstance(half, OpenVINOBackend)
    torch.testing.assert_close(read_at_once(half, ids), whole, atol=0.1, rtol=0)
    assert half._network.computed == "f32"
    half._network.begin([ids[:-1]])
    torch.testing.assert_close(half._network.step([ids[-1]], [0]), whole, atol=0.1, rtol=0)


SMALL: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3, "tie_word_embeddings": False,
}  # fmt: skip
PROMPTS = ([5, 9, 44, 17, 2, 8, 30], [7, 21, 3])


def small(kind: str, folder: Path, dtype: str = "float32", **more: Any) -> tuple[Any, Any]:
    """Write a model of random weights; returns it and its network by OpenVINO."""
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(kind, **SMALL | more), dtype=torch.float32
    ).eval()
    model.save_pretrained(folder / "source")
    openvino_chat.write(folder / "source", folder / "converted", dtype)
    return model, load(folder / "converted", dtype, start=None)


@pytest.mark.filterwarnings("ignore")  # of the tracer, which otherwise works in a process of its own
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("llama", {"num_key_value_heads": 4, "tie_word_embeddings": True}),
        pytest.param("qwen2", {}, marks=pytest.mark.slow),  # with biases
        ("qwen3", {"head_dim": 32}),  # which norms queries and keys
        pytest.param("mistral", {"sliding_window": 256}, marks=pytest.mark.slow),  # as wide as all there can be
        pytest.param("gpt2", {"n_positions": 256, "n_embd": 64, "n_layer": 2, "n_head": 4}, marks=pytest.mark.slow),
    ],
)
def test_models_of_other_kinds_give_equal_scores(kind: str, more: dict[str, Any], tmp_path: Path) -> None:
    model, network = small(kind, tmp_path, **more)

    @torch.inference_mode()
    def scores(lines: Sequence[list[int]]) -> torch.Tensor:
        return torch.cat([model(torch.tensor([line])).logits[:, -1] for line in lines])

    torch.testing.assert_close(network.begin(PROMPTS), scores(PROMPTS), atol=1e-3, rtol=0)
    lines = [[*PROMPTS[place], token] for place, token in ((0, 4), (0, 6), (1, 4), (1, 6))]
    torch.testing.assert_close(network.step([4, 6, 4, 6], [0, 0, 1, 1]), scores(lines), atol=1e-3, rtol=0)
    lines = [[*lines[row], 11 + row] for row in (1, 1, 2, 3)]
    torch.testing.assert_close(network.step([12, 12, 13, 14], [1, 1, 2, 3]), scores(lines), atol=1e-3, rtol=0)


@pytest.mark.filterwarnings("ignore")
def test_half_precision_is_of_matrices_alone(tmp_path: Path) -> None:
    """Of places that are rounded, the far ones would turn away."""
    model, _ = small("llama", tmp_path, "float16")
    folder, matrices = tmp_path / "converted", sum(p.numel() for p in model.parameters() if p.dim() == 2)
    graph = openvino.Core().read_model(folder / GRAPH, folder / WEIGHTS)
    constants = [node.data for node in graph.get_ops() if node.get_type_name() == "Constant"]
    halves = [data for data in constants if data.dtype == np.float16]
    assert {data.ndim for data in halves} == {2}
    assert sum(data.size for data in halves) == matrices
    assert 2 * matrices < model_files.size(folder) < 2 * matrices * 1.2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "dtype", ["float16", "int4", *(pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("bfloat16", "int8"))]
)
def test_lower_precision_reads_prompts_together_as_it_reads_them_alone(dtype: str, tmp_path: Path) -> None:
    _, network = small("llama", tmp_path, dtype)
    alone = []
    for prompt in PROMPTS:
        network.begin([prompt])
        for token in range(ROOM // 2 + 2):
            last = network.step([token % 60, 1 + token % 60], [0, 0])
        alone.append(last.clone())
    network.begin(PROMPTS)
    for token in range(ROOM // 2 + 2):
        last = network.step([token % 60, 1 + token % 60] * 2, [0, 0, 2, 2] if token else [0, 0, 1, 1])
    near = 0.05 * float(last.abs().max())
    torch.testing.assert_close(last, torch.cat(alone), atol=near, rtol=0)


@pytest.mark.filterwarnings("ignore")
def test_long_answers_make_room_seldom_and_leave_the_prompt_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, network = small("llama", tmp_path, "float32")
    rooms, make_room = list[bool](), network._make_room

    def counted(more: int) -> None:
        before = network._kept
        make_room(more)
        rooms.append(network._kept is before)

    monkeypatch.setattr(network, "_make_room", counted)
    network.begin(PROMPTS[:1])
    first = network._kept[:, :, :, : len(PROMPTS[0])].copy()
    for token in range(ROOM):  # one line goes on, and those beside it end at once
        network.step([token % 60, 1, 2, 3], [0, 0, 0, 0])
    assert 2 <= len(rooms) <= 6
    assert rooms[0], "where half of the room is free again, nothing is copied anew"
    np.testing.assert_array_equal(network._kept[:, :, :, : len(PROMPTS[0])], first)


def test_an_attention_that_is_not_known_is_refused(tmp_path: Path) -> None:
    config = transformers.MistralConfig(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, sliding_window=16,
    )  # fmt: skip
    transformers.MistralForCausalLM(config).save_pretrained(tmp_path / "windowed")
    with pytest.raises(ValueError, match="MistralAttention: sliding_window: not known to this engine"):
        openvino_chat.write(tmp_path / "windowed", tmp_path / "converted", "float32")


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
    with pytest.raises(ModelError, match="on 'device: cpu' here, and not float16 on cuda"):
        load_local(Model(**CHAT, engine="openvino", dtype="float16", device="cuda"))
    with pytest.raises(ModelError, match="demo is a model for 'chat', and not for 'summarization'"):
        load_local(Model(id="demo", engine="openvino"))
