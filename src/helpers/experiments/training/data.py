"""What the demonstration model is trained on: dialogues of the corpus with their references in one sequence.

A dialogue is read once and all of its references are learnt from it: they are branches that see the dialogue and
themselves, not one another. Two teach twice as much for about a quarter more tokens.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from helpers.engines.codec import ChatEncoder
from helpers.samples.dataset import Sample

_SPEAKER = re.compile(r"^([^\W\d_][\w'’-]*): ", re.MULTILINE)
#: With one of these in a reference, another name might not fit the person any more.
_GENDERED = re.compile(
    r"\b(he|him|his|she|her|hers|mum|dad|mother|father|sister|brother|son|daughter)\b", re.IGNORECASE
)
#: The branch of padding; it sees the dialogue so that no row of the mask is empty, and nothing sees it.
_PADDING = -1


@dataclass(frozen=True)
class Example:
    """One dialogue: token ``ids``, the ``branch`` of each (0 the dialogue, then one per reference), its place in the
    text (``places``), and which token (``wanted``) is to follow which index (``asked``)."""

    ids: list[int]
    branch: list[int]
    places: list[int]
    asked: list[int]
    wanted: list[int]


@dataclass(frozen=True)
class Batch:
    """Examples padded to one length L; ``mask`` is (batch, 1, L, L), true where a token is seen."""

    ids: torch.Tensor
    mask: torch.Tensor
    places: torch.Tensor
    rows: torch.Tensor
    asked: torch.Tensor
    wanted: torch.Tensor


def encode(sample: Sample, encoder: ChatEncoder, tokenizer: Any, reserve: int) -> Example:
    """Return a sample as token ids; a dialogue is cut so that ``reserve`` tokens are left, as when it is served."""
    start = encoder.encode(sample.dialogue, reserve).ids
    ids, branch, places = list(start), [0] * len(start), list(range(len(start)))
    asked: list[int] = []
    wanted: list[int] = []
    for number, reference in enumerate(sample.references, 1):
        summary = [*tokenizer(reference, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
        # The last token of the dialogue is followed by the first of every reference.
        asked += [len(start) - 1, *range(len(ids), len(ids) + len(summary) - 1)]
        wanted += summary
        ids += summary[:-1]
        branch += [number] * (len(summary) - 1)
        places += range(len(start), len(start) + len(summary) - 1)
    return Example(ids, branch, places, asked, wanted)


def batches(examples: Sequence[Example], size: int, tokens: int, chance: random.Random) -> Iterator[list[Example]]:
    """Yield all examples in random order of batches of like length, ``size`` and ``tokens`` (padded) at most."""
    groups: list[list[Example]] = [[]]
    # The noise in the length puts other examples together each time.
    for example in sorted(examples, key=lambda one: len(one.ids) * chance.uniform(0.95, 1.05)):
        longest = max(len(one.ids) for one in [*groups[-1], example])
        if groups[-1] and (len(groups[-1]) == size or longest * (len(groups[-1]) + 1) > tokens):
            groups.append([])
        groups[-1].append(example)
    chance.shuffle(groups)
    yield from groups


def collate(examples: Sequence[Example], device: str) -> Batch:
    """Return examples as the tensors of one step, on ``device``."""
    length = max(len(one.ids) for one in examples)

    def padded(rows: list[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([row + [filler] * (length - len(row)) for row in rows], device=device)

    branch = padded([one.branch for one in examples], _PADDING)
    asks, sees = branch[:, :, None], branch[:, None, :]
    earlier = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return Batch(
        ids=padded([one.ids for one in examples], 0),
        mask=(earlier & ((sees == 0) | (sees == asks)))[:, None],
        places=padded([one.places for one in examples], 0),
        rows=torch.tensor([row for row, one in enumerate(examples) for _ in one.asked], device=device),
        asked=torch.tensor([index for one in examples for index in one.asked], device=device),
        wanted=torch.tensor([token for one in examples for token in one.wanted], device=device),
    )


def speakers(samples: Sequence[Sample]) -> list[str]:
    """Return the first names that speak in the samples: capitalised single words that nobody uses as a common noun."""
    named = {name for sample in samples for name in _SPEAKER.findall(sample.dialogue)}
    common = {word for sample in samples for word in re.findall(r"\b[a-z][\w'’-]+", " ".join(sample.references))}
    return sorted(name for name in named if len(name) > 2 and name.istitle() and name.lower() not in common)


def renamed(sample: Sample, names: Sequence[str], chance: random.Random) -> Sample:
    """Return a sample with other first names for its speakers, in dialogue, references and key facts alike.

    It stays as it is where a reference says who is a he or a she, which another name might contradict.
    """
    own = [name for name in dict.fromkeys(_SPEAKER.findall(sample.dialogue)) if name in names]
    if not own or any(_GENDERED.search(text) for text in sample.references):
        return sample
    text = sample.model_dump_json()
    others = [name for name in names if not re.search(rf"\b{re.escape(name)}", text)]
    new = dict(zip(own, chance.sample(others, len(own)), strict=True))
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, own))})\b")

    def swapped(text: str) -> str:
        return pattern.sub(lambda found: new[found[0]], text)

    return sample.model_copy(
        update={
            "dialogue": swapped(sample.dialogue),
            "references": tuple(map(swapped, sample.references)),
            "key_facts": tuple(map(swapped, sample.key_facts)),
        }
    )
