"""Our greedy and beam search over a network gives the tokens of transformers' own over the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.engines.token_search import generate, rules

VOCABULARY, END, PADDING = 23, (1, 2), 22


class Rereading:
    """A network that reads whole rows at every step."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        self._rows = [list(prompt) for prompt in prompts]
        return self._scores()

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        self._rows = [[*self._rows[row], token] for token, row in zip(tokens, rows, strict=True)]
        return self._scores()

    def _scores(self) -> torch.Tensor:
        scores: torch.Tensor = self._network(torch.tensor(self._rows)).logits[:, -1]
        return scores


def network(seed: int) -> Any:
    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=64, n_embd=16, n_layer=1, n_head=2, initializer_range=1.0,
        bos_token_id=None, eos_token_id=list(END), pad_token_id=PADDING,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).eval()


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    prompts=st.integers(1, 5).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(3, PADDING - 1), min_size=length, max_size=length), min_size=1, max_size=3
        )
    ),
    most=st.integers(1, 14),
    least=st.integers(0, 6),
    own=st.fixed_dictionaries(
        {
            "num_beams": st.integers(1, 5),
            "length_penalty": st.sampled_from([-1.0, 0.0, 0.7, 1.0, 1.3, 2.0]),
            "early_stopping": st.sampled_from([True, False, "never"]),
            "no_repeat_ngram_size": st.integers(0, 3),
            "repetition_penalty": st.sampled_from([1.0, 1.3]),
            "forced_eos_token_id": st.sampled_from([None, 2]),
            "forced_bos_token_id": st.sampled_from([None, 5]),
        }
    ),
)
def test_it_gives_the_tokens_of_transformers(
    seed: int, prompts: list[list[int]], most: int, least: int, own: dict[str, Any]
) -> None:
    model = network(seed)
    own = {**own, "eos_token_id": list(END)}
    asked = {"max_new_tokens": most, "min_new_tokens": min(least, most)}
    count = own["num_beams"]
    theirs = transformers.GenerationConfig(**own, **asked, pad_token_id=PADDING, num_return_sequences=count)
    with torch.inference_mode():
        ids = torch.tensor(prompts)
        rows = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=theirs)[:, ids.shape[1] :]
    found = generate(Rereading(model), prompts, prompts, [rules(own, asked, ids.shape[1])] * len(prompts), count)
    for place, texts in enumerate(found):
        padded = [[*made, *[PADDING] * (rows.shape[1] - len(made))] for made in texts]
        assert padded == rows[place * count : place * count + len(texts)].tolist()
        # Fewer are found where a forced token is the only one.
        assert len(texts) == count or most <= 2


def test_a_setting_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="suppress_tokens: not known to this engine"):
        rules({"suppress_tokens": [3]}, {"max_new_tokens": 3}, 0)
