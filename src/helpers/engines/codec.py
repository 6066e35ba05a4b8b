"""What every engine does around its computing: dialogues to ids, limits checked, ids to answers.

Text of a dialogue is only ever text: a ``<|im_end|>`` or ``</s>`` somebody typed is no control token. What was cut so
that the rest fits is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers.backends.base import Answer
from helpers.core.errors import Failure, ModelError, RequestError
from helpers.params import Generation, Model
from helpers.samples.prompts import Prompt, load_prompt
from helpers.scorers.failures import output_failures

#: Stands for the dialogue while the frame of a chat prompt is rendered.
PLACE = "⟦dialogue⟧"


@dataclass(frozen=True)
class Encoded:
    """Token ids for one dialogue; ``sent`` tokens were in it, ``lost`` of them are not in ``ids``."""

    ids: list[int]
    sent: int
    lost: int


class PlainEncoder:
    """For encoder-decoder models: the dialogue and the model's special tokens, at most ``limit`` in all."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        self._tokenizer = tokenizer
        # For an empty text a tokenizer gives exactly the special tokens it puts around any text.
        self._room = limit - len(tokenizer("").input_ids)
        self._limit = limit

    def encode(self, dialogue: str, max_new_tokens: int) -> Encoded:
        """Return the ids of a dialogue, cut from its end; what is generated needs no room in the encoder."""
        sent = len(_plain(self._tokenizer, dialogue))
        cut = self._tokenizer(dialogue, truncation=True, max_length=self._limit, split_special_tokens=True)
        return Encoded(cut.input_ids, sent, max(0, sent - self._room))


class ChatEncoder:
    """For chat models: prompt, dialogue and summary share ``limit`` tokens, and only the dialogue is cut.

    ``before`` and ``after`` are the tokens around it. Raises `ModelError` if the tokenizer has no chat template that
    shows the user's text as it is.
    """

    def __init__(self, tokenizer: Any, prompt: Prompt, limit: int) -> None:
        if not tokenizer.chat_template:
            raise ModelError("the model's tokenizer has no chat template; choose an instruction-tuned model")
        turns = prompt.messages(PLACE)
        parts = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True).split(PLACE)
        if len(parts) != 2:
            raise ModelError("the model's chat template must show the user's text once; choose another model")
        self._tokenizer = tokenizer
        self.before, self.after = (list(tokenizer(part, add_special_tokens=False).input_ids) for part in parts)
        self._limit = limit

    def encode(self, dialogue: str, max_new_tokens: int) -> Encoded:
        """Return the ids of the whole prompt; raises `RequestError` when there is no room for a dialogue."""
        frame = len(self.before) + len(self.after)
        room = self._limit - frame - max_new_tokens
        if room <= 0:
            raise RequestError(
                Failure.BAD_REQUEST,
                f"max_new_tokens={max_new_tokens} and the prompt's {frame} tokens leave no room for a "
                f"dialogue in a context of {self._limit}; lower max_new_tokens or shorten the prompt",
            )
        ids = _plain(self._tokenizer, dialogue)
        return Encoded([*self.before, *ids[:room], *self.after], len(ids), max(0, len(ids) - room))


def _plain(tokenizer: Any, text: str) -> list[int]:
    found = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)
    return list(found.input_ids)


class Codec:
    """Tokens of one model, ``config`` and ``tokenizer`` being transformers' own; dialogues are cut at their end."""

    def __init__(self, model: Model, tokenizer: Any, config: Any) -> None:
        self.tokenizer = tokenizer
        self._longest_answer = positions(config, "decoder")
        self._special = set(tokenizer.all_special_ids)
        self._rerank = model.rerank
        limit = min(model.context_tokens, positions(config, "encoder"))
        self._encoder: ChatEncoder | PlainEncoder
        if model.task == "chat":
            self._encoder = ChatEncoder(tokenizer, load_prompt(model.prompt or ""), limit)
        else:
            self._encoder = PlainEncoder(tokenizer, limit)

    def encode(self, dialogues: Sequence[str], generation: Generation) -> list[Encoded]:
        """Return the ids of each dialogue; raises `RequestError` (bad_request) for settings out of range."""
        problems = []
        least, most, penalty = generation.min_new_tokens or 0, generation.max_new_tokens, generation.length_penalty
        if least > most:
            problems.append(f"min_new_tokens={least} is above max_new_tokens={most}")
        if most > self._longest_answer:
            problems.append(f"max_new_tokens={most} is above the model's {self._longest_answer}")
        if penalty is not None and not math.isfinite(penalty):
            problems.append(f"length_penalty={penalty} is not a finite number")
        problems += [f"'{name}' is not known to the engines here; leave it out" for name in generation.extra]
        if problems:
            raise RequestError(Failure.BAD_REQUEST, "; ".join(problems))
        return [self._encoder.encode(dialogue, most) for dialogue in dialogues]

    def candidates(self, generation: Generation) -> int:
        """Return how many sequences an engine is to return for each dialogue, best first."""
        return generation.num_beams if self._rerank else 1

    def answers(
        self,
        found: Sequence[Sequence[list[int]]],
        dialogues: Sequence[str],
        encoded: Sequence[Encoded],
        seconds: float,
    ) -> list[Answer]:
        """Return the answer to each dialogue; ``found`` are the candidates as generated ids, best first.

        It is the first in which the output checks find no failure, or the first of all. ``seconds`` is what the
        batch took.
        """
        return [
            self._answer(self._chosen([self._own(ids) for ids in candidates], dialogue), item, seconds)
            for candidates, dialogue, item in zip(found, dialogues, encoded, strict=True)
        ]

    def _own(self, ids: list[int]) -> list[int]:
        return [token for token in ids if token not in self._special]

    def _chosen(self, candidates: Sequence[list[int]], dialogue: str) -> list[int]:
        if len(candidates) == 1:
            return candidates[0]
        return next((ids for ids in candidates if not output_failures(self._text(ids), dialogue)), candidates[0])

    def _text(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)).strip()

    def _answer(self, ids: list[int], encoded: Encoded, seconds: float) -> Answer:
        return Answer(
            summary=self._text(ids),
            input_tokens=encoded.sent,
            output_tokens=len(ids),
            lost_tokens=encoded.lost,
            service_time=seconds,
        )


def positions(config: Any, side: str) -> int:
    """Return how many positions a side of the model has; very many where it has no such limit."""
    for name in (f"max_{side}_position_embeddings", "max_position_embeddings"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return 1 << 30
