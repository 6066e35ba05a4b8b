"""What the bench computes, BART-large with seeded random weights or a folder of real ones, and texts to read."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from helpers.core.console import quiet
from helpers.core.errors import InputError, ModelError
from helpers.core.paths import cache
from helpers.engines import model_cache
from helpers.engines.model_files import TokenCounter, tokenizer_file
from helpers.params import Samples
from helpers.samples.dataset import load_samples

#: In the vocabulary before any word, in BART's own order: the ids 0 to 3.
SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
#: Special tokens that the tokenizers of BART put around a text.
AROUND = 2
#: Added to the logit of every special token: a seeded model writes words only, so that all it writes is counted.
NEVER = -10_000.0
#: Standard deviation of a weight times the root of the width: BART's own 0.02 at a width of 1024.
SPREAD = 0.64
#: Where each number of an architecture is found in a BART configuration.
FIELDS = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "width": "d_model",
    "encoder_layers": "encoder_layers",
    "decoder_layers": "decoder_layers",
    "heads": "encoder_attention_heads",
    "inner": "encoder_ffn_dim",
}


@dataclass(frozen=True)
class Architecture:
    """The shape of a BART: the defaults are those of BART-large, 406 M parameters."""

    name: str = "bart-large"
    vocabulary: int = 50_265
    positions: int = 1024
    width: int = 1024
    encoder_layers: int = 12
    decoder_layers: int = 12
    heads: int = 16
    inner: int = 4096


@dataclass(frozen=True)
class DecoderArchitecture:
    """The shape of a decoder alone as Llama's: attention whose keys and values may be narrower, and a gated layer."""

    vocabulary: int
    width: int
    kept_width: int
    layers: int
    inner: int


def read_decoder(folder: Path) -> DecoderArchitecture | None:
    """Return the shape of the decoder in a model folder; ``None`` where its configuration is of another kind."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        heads = int(config["num_attention_heads"])
        size = int(config.get("head_dim") or config["hidden_size"] // heads)
        return DecoderArchitecture(
            vocabulary=int(config["vocab_size"]),
            width=int(config["hidden_size"]),
            kept_width=size * int(config.get("num_key_value_heads") or heads),
            layers=int(config["num_hidden_layers"]),
            inner=int(config["intermediate_size"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_architecture(folder: Path) -> Architecture:
    """Return the shape of the BART in a model folder; raises `InputError` when it holds no such model."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        found = {field: int(config[name]) for field, name in FIELDS.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--model {folder}: no configuration of a BART in it ({error!r}), whose operations the bench counts; "
            "give a folder with config.json, safetensors weights and a tokenizer.json of a BART model"
        ) from None
    return Architecture(name=folder.name, **found)


def seeded(architecture: Architecture, seed: int = 0) -> Path:
    """Return the folder of a model with random weights, always the same, and a vocabulary of one token per word.

    It is built once, in the cache. Raises `ModelError` when it cannot be.
    """
    folder = cache() / "models" / f"{architecture.name}-seeded-{seed}"

    def is_built() -> bool:
        try:
            return bool(json.loads((folder / "architecture.json").read_text()) == asdict(architecture))
        except (OSError, ValueError):
            return False

    def make(partial: Path) -> None:
        try:
            _write(architecture, seed, partial)
        except OSError as error:
            raise ModelError(
                f"{folder}: cannot be written ({error.strerror}); BART-large takes 1.6 GB, and HELPERS_CACHE names "
                "another folder for it"
            ) from None

    model_cache.build_once(folder, is_built, make)
    return folder


def _write(architecture: Architecture, seed: int, folder: Path) -> None:
    import torch
    from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig, PreTrainedTokenizerFast

    ends = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    shape = {name: getattr(architecture, field) for field, name in FIELDS.items()}
    shape |= {"decoder_attention_heads": architecture.heads, "decoder_ffn_dim": architecture.inner}
    spread = {"init_std": SPREAD / architecture.width**0.5}
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BartForConditionalGeneration(
            BartConfig(**shape, **ends, **spread, forced_eos_token_id=None, num_labels=1)
        )
        network.final_logits_bias[0, : len(SPECIAL)] = NEVER
        network.generation_config = GenerationConfig(**ends)
        network.save_pretrained(folder)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=_tokenizer(architecture.vocabulary), model_max_length=architecture.positions, **SPECIAL
        )
        tokenizer.save_pretrained(folder)
    (folder / "architecture.json").write_text(json.dumps(asdict(architecture)))


def _tokenizer(vocabulary: int) -> object:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing

    words = [*SPECIAL.values(), *(_word(number) for number in range(len(SPECIAL), vocabulary))]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=SPECIAL["unk_token"]))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    ends = [(SPECIAL[name], words.index(SPECIAL[name])) for name in ("bos_token", "eos_token")]
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return tokenizer


def _word(number: int) -> str:
    return f"w{number}"


def texts(folder: Path, lengths: Sequence[int], architecture: Architecture, *, is_seeded: bool) -> list[str]:
    """Return one text for each length, which the model reads as exactly that many tokens, special ones included.

    Seeded words for a seeded model, dialogues of the bundled corpus for a real one. Raises `InputError`.
    """
    counter = TokenCounter(tokenizer_file(str(folder)))
    if is_seeded:
        order = random.Random(0)  # noqa: S311
        words = [_word(order.randrange(len(SPECIAL), architecture.vocabulary)) for _ in range(max(lengths))]
    else:
        words = " ".join(sample.dialogue for sample in load_samples(Samples(source="bundled:test"))).split()
    return [_cut(words, length - AROUND, counter) for length in lengths]


def _cut(words: Sequence[str], tokens: int, counter: TokenCounter) -> str:
    """Return words that are exactly ``tokens`` long; where they are not, the next beginning is tried."""
    for start in range(min(len(words), 200)):
        low, high = 1, min(tokens, len(words) - start)
        while low < high:  # the longest that is not too long
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high)
                if counter.count(" ".join(words[start : start + middle])) <= tokens
                else (low, middle - 1)
            )
        text = " ".join(words[start : start + low])
        if counter.count(text) == tokens:
            return text
    raise InputError(f"--shape: no text of exactly {tokens} tokens can be made with this tokenizer; try another length")
