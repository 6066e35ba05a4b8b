"""Real models for the suites: a tiny seeded BART made here, and the demonstration model."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from helpers.backends.base import Backend
from helpers.backends.endpoint import EndpointBackend
from helpers.core.paths import cache
from helpers.engines import demo_model
from helpers.engines.transformers import TransformersBackend
from helpers.experiments.bench import roofline
from helpers.params import Endpoint, Model
from tests.local_server import served

#: Positions of the tiny model; a dialogue over it is cut.
CONTEXT = 48
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
#: Generation settings that BART summarisers are published with.
OWN = {"early_stopping": True, "forced_bos_token_id": 0, "min_length": 6, "length_penalty": 2.0, "num_beams": 4,
       "no_repeat_ngram_size": 3}  # fmt: skip
Loader = Callable[..., TransformersBackend]


@dataclass(frozen=True)
class Seen:
    """One behaviour of the faulty server and its outcome: kinds logged, seconds, bytes at the peak."""

    behaviour: str
    kinds: tuple[str, ...]
    semantic: tuple[str, ...]
    seconds: float
    memory: int


SEEN = pytest.StashKey[list[Seen]]()


@pytest.fixture(scope="session")
def seen(pytestconfig: pytest.Config) -> list[Seen]:
    """What the tests saw of a faulty server, shown as a table when they are done."""
    return pytestconfig.stash.setdefault(SEEN, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of misbehaviours."""
    rows = config.stash.get(SEEN, [])
    if rows:
        terminalreporter.section(f"{len(rows)} behaviours of a faulty server")
        terminalreporter.line(f"{'behaviour':<38} {'seconds':>7} {'MB':>5}  logged")
    for row in rows:
        logged = ", ".join(row.kinds) + (f" ({', '.join(row.semantic)})" if row.semantic else "")
        terminalreporter.line(f"{row.behaviour:<38} {row.seconds:7.2f} {row.memory / 1e6:5.1f}  {logged}")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a one-layer BART, random but always the same, and a tokenizer learnt from a few lines."""
    folder = tmp_path_factory.mktemp("tiny-bart")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    alphabet = ByteLevel.alphabet()
    learner = BpeTrainer(vocab_size=300, special_tokens=list(SPECIAL.values()), initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["Ann: Lunch at noon?\nBo: Yes, at noon, bring the plan."] * 5, learner)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL).save_pretrained(folder)
    torch.manual_seed(3)
    config = BartConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, encoder_layers=1, decoder_layers=1, init_std=0.6,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        max_position_embeddings=CONTEXT, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        decoder_start_token_id=1, forced_eos_token_id=1, num_labels=1,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def published(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with the generation settings that BART summarisers are published with."""
    folder = tmp_path_factory.mktemp("published") / "bart"
    shutil.copytree(tiny_folder, folder)
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | OWN))
    return folder


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the module's own, that still finds the demonstration models."""
    demo_model.ensure()
    folder = tmp_path_factory.mktemp("cache")
    (folder / "models").symlink_to(cache() / "models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPERS_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def load_tiny(tiny_folder: Path) -> Loader:
    """Load the tiny model, with other fields of ``model`` or from a changed folder if need be."""

    def load(folder: Path = tiny_folder, **fields: Any) -> TransformersBackend:
        return TransformersBackend(Model(id=str(folder), threads=1, **fields))

    return load


@pytest.fixture(scope="session")
def demo() -> TransformersBackend:
    """The demonstration model, fetched and built at first use."""
    demo_model.ensure()
    return TransformersBackend(Model(id="demo", task="chat", prompt="tuned", context_tokens=256))


@pytest.fixture(scope="session")
def tiny(load_tiny: Loader) -> TransformersBackend:
    return load_tiny()


@pytest.fixture(scope="session")
def tiny_endpoint(tiny: TransformersBackend) -> Iterator[EndpointBackend]:
    """The tiny model behind the package's own server, asked over HTTP."""
    with served(lambda: tiny) as server, EndpointBackend(server.url, Endpoint()) as client:
        while client.get("/health") != (200, "Ok"):
            time.sleep(0.05)
        yield client


@pytest.fixture(params=["tiny", "tiny_endpoint", "demo"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Every backend that computes, one after the other."""
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs of a bench's test in a folder of its own, with small measurements of the machine."""
    for name, value in {"READ": 1 << 20, "SIDE": 64, "TRIES": 1}.items():
        monkeypatch.setattr(roofline, name, value)
    monkeypatch.setenv("HELPERS_RUNS", str(tmp_path / "runs"))
