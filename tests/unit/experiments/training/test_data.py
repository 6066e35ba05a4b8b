"""What the demonstration model learns from: nothing it is tested on, both references at once, names in their places."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain
from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from helpers.engines.codec import Encoded
from helpers.experiments.training.data import Example, batches, collate, encode, renamed, speakers
from helpers.params import Samples
from helpers.samples.dataset import Sample, load_samples
from helpers.scorers.rouge import ngrams, words

#: Runs of eight words that a held-back dialogue may share with the training data, as a share of its own.
MOST_SHARED = 0.02


def split(name: str) -> tuple[Sample, ...]:
    return load_samples(Samples(source=f"bundled:{name}"))


def runs(sample: Sample) -> set[tuple[str, ...]]:
    return set(ngrams(words(sample.dialogue), 8))


def near_copies(held_back: tuple[Sample, ...], learnt: tuple[Sample, ...]) -> Iterator[str]:
    known = set(chain.from_iterable(map(runs, learnt)))
    for sample in held_back:
        own = runs(sample)
        if len(own & known) > MOST_SHARED * len(own):
            yield sample.id


@pytest.mark.parametrize("held_back", ["test", "demo"])
def test_no_dialogue_that_is_asked_about_was_learnt_or_chosen_by(held_back: str) -> None:
    asked, learnt = split(held_back), (*split("train"), *split("validation"))
    assert not {sample.id for sample in asked} & {sample.id for sample in learnt}
    assert list(near_copies(asked, learnt)) == []


def test_no_dialogue_that_is_chosen_by_was_learnt() -> None:
    assert list(near_copies(split("validation"), split("train"))) == []


def test_a_near_copy_is_found() -> None:
    (first, *_), learnt = split("test"), split("train")
    copied = first.model_copy(update={"dialogue": learnt[0].dialogue.replace("4%", "5%")})
    assert list(near_copies((copied,), learnt)) == [first.id]


class Numbers:
    """A tokenizer and an encoder of texts that are token ids already."""

    eos_token_id = 2

    def __call__(self, text: str, **_: object) -> SimpleNamespace:
        return SimpleNamespace(input_ids=[int(number) for number in text.split()])

    def encode(self, dialogue: str, room: int) -> Encoded:
        return Encoded(self(dialogue).input_ids, 0, 0)


def example(dialogue: str, *references: str) -> Example:
    return encode(Sample(id="x", dialogue=dialogue, references=references), Numbers(), Numbers(), 8)  # type: ignore[arg-type]


def test_both_references_are_learnt_as_if_each_stood_alone() -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    network = LlamaForCausalLM(config).eval()
    told = [("5 6 7 8", "11 12", "14"), ("9 10", "16 17 18", "20 21")]
    batch = collate([example(*texts) for texts in told], "cpu")
    pairs = [(Numbers()(d).input_ids, [*Numbers()(r).input_ids, 2]) for d, *both in told for r in both]
    with torch.inference_mode():
        hidden = network.model(input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.places)[0]
        packed = network.lm_head(hidden[batch.rows, batch.asked])
        alone = [network(torch.tensor([[*d, *r[:-1]]])).logits[0, len(d) - 1 :] for d, r in pairs]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-4, rtol=1e-4)
    assert batch.wanted.tolist() == [token for _, reference in pairs for token in reference]


def test_every_example_is_learnt_once_in_batches_of_like_length() -> None:
    examples = [example("1 " * n, "3") for n in (90, 10, 50, 12, 48, 11, 13, 200)]
    lots = list(batches(examples, 3, 120, random.Random(0)))
    assert sorted(len(one.ids) for lot in lots for one in lot) == sorted(len(one.ids) for one in examples)
    assert all(len(lot) == 1 or len(lot) * max(len(one.ids) for one in lot) <= 120 for lot in lots)
    assert max(map(len, lots)) == 3


TOLD = Sample(
    id="x",
    dialogue="Ann: Hi Bo, is Anna there?\nBo: No, Ann. The Boat sails at 7.",
    references=("Ann asks Bo for Anna.", "Bo tells Ann that Anna is out."),
    key_facts=("Ann", "Bo|boat"),
)


def test_speakers_are_renamed_everywhere_and_nothing_else_is() -> None:
    new = renamed(TOLD, ["Ann", "Bo", "Cy", "Di"], random.Random(1))
    first = new.dialogue.partition(":")[0]
    second = {"Cy": "Di", "Di": "Cy"}[first]
    assert new == Sample(
        id="x",
        dialogue=f"{first}: Hi {second}, is Anna there?\n{second}: No, {first}. The Boat sails at 7.",
        references=(f"{first} asks {second} for Anna.", f"{second} tells {first} that Anna is out."),
        key_facts=(first, f"{second}|boat"),
    )


@pytest.mark.parametrize(
    ("change", "names"),
    [({"references": ("Ann asks for her boat.",)}, ["Ann", "Bo", "Cy", "Di"]), ({}, ["Cy", "Di"])],
    ids=["a pronoun tells who is who", "roles are no names"],
)
def test_who_cannot_be_renamed_keeps_the_name(change: dict[str, object], names: list[str]) -> None:
    told = TOLD.model_copy(update=change)
    assert renamed(told, names, random.Random(1)) == told


def test_roles_that_the_references_mention_are_no_names() -> None:
    told = (TOLD, TOLD.model_copy(update={"dialogue": "Vet: Hi.\nAnn: Hi.", "references": ("The vet greets Ann.",)}))
    assert speakers(told) == ["Ann"]
