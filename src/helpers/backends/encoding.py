"""From a dialogue to the token ids a model reads, cut so that they fit, with what was lost counted.

Text of a dialogue is only ever text: a ``<|im_end|>`` or ``</s>`` somebody typed is no control token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from helpers.core.errors import Failure, ModelError, RequestError
from helpers.samples.prompts import Prompt

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

    Raises `ModelError` if the tokenizer has no chat template that shows the user's text as it is.
    """

    def __init__(self, tokenizer: Any, prompt: Prompt, limit: int) -> None:
        if not tokenizer.chat_template:
            raise ModelError("the model's tokenizer has no chat template; choose an instruction-tuned model")
        turns = prompt.messages(PLACE)
        parts = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True).split(PLACE)
        if len(parts) != 2:
            raise ModelError("the model's chat template must show the user's text once; choose another model")
        self._tokenizer = tokenizer
        self._before, self._after = (tokenizer(part, add_special_tokens=False).input_ids for part in parts)
        self._limit = limit

    def encode(self, dialogue: str, max_new_tokens: int) -> Encoded:
        """Return the ids of the whole prompt; raises `RequestError` when there is no room for a dialogue."""
        frame = len(self._before) + len(self._after)
        room = self._limit - frame - max_new_tokens
        if room <= 0:
            raise RequestError(
                Failure.BAD_REQUEST,
                f"max_new_tokens={max_new_tokens} and the prompt's {frame} tokens leave no room for a "
                f"dialogue in a context of {self._limit}; lower max_new_tokens or shorten the prompt",
            )
        ids = _plain(self._tokenizer, dialogue)
        return Encoded([*self._before, *ids[:room], *self._after], len(ids), max(0, len(ids) - room))


def _plain(tokenizer: Any, text: str) -> list[int]:
    found = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)
    return list(found.input_ids)
