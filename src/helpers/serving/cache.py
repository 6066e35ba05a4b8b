"""Answers remembered word for word, so that the same question is not computed twice; never while measuring."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from helpers.backends.base import Answer
from helpers.core.text import stable_hash
from helpers.params import Cache, Generation, Model


class AnswerCache:
    """The newest answers of one model, found by text and generation settings, bounded in number and in age.

    ``model`` is what `identity` returns. Texts are kept as hashes only. The least recently used answer goes first.
    ``clock`` gives seconds.
    """

    def __init__(self, settings: Cache, model: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._model, self._clock = settings, model, clock
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def find(self, dialogues: Sequence[str], generation: Generation) -> dict[str, Answer]:
        """Return the remembered answers by dialogue, without the time that computing them took."""
        found = {}
        for dialogue in dialogues:
            key = self._key(dialogue, generation)
            made, answer = self._kept.get(key, (0.0, None))
            if answer is None:
                continue
            if self._clock() - made >= self._settings.seconds:
                del self._kept[key]
                continue
            self._kept.move_to_end(key)
            found[dialogue] = replace(answer, service_time=None)
        return found

    def keep(self, dialogues: Sequence[str], generation: Generation, answers: Sequence[Answer]) -> None:
        """Remember answers, and forget the least recently used ones if there are too many."""
        for dialogue, answer in zip(dialogues, answers, strict=True):
            key = self._key(dialogue, generation)
            self._kept[key] = self._clock(), answer
            self._kept.move_to_end(key)
            if len(self._kept) > self._settings.entries:
                self._kept.popitem(last=False)

    def _key(self, dialogue: str, generation: Generation) -> str:
        return stable_hash([self._model, generation.sent(), dialogue])


def identity(model: Model, hashes: Mapping[str, str]) -> str:
    """Return the hash of a model as it answers: its parameters, and ``hashes`` of its weights and prompt."""
    return stable_hash([model.model_dump(mode="json"), dict(hashes)])
