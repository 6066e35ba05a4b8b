"""Greedy and beam search as transformers' ``generate`` does them: ids in, ids out.

It imports nothing of ours, because a packaged handler carries a copy of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

#: Settings of a model's own generation configuration that change which token comes next and are not known here, each
#: with the values that change nothing.
UNKNOWN: dict[str, tuple[Any, ...]] = {
    "bad_words_ids": (None, []),
    "begin_suppress_tokens": (None, []),
    "constraints": (None, []),
    "diversity_penalty": (None, 0, 0.0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1, 1.0),
    "exponential_decay_length_penalty": (None,),
    "force_words_ids": (None, []),
    "guidance_scale": (None, 1, 1.0),
    "num_beam_groups": (None, 1),
    "penalty_alpha": (None, 0, 0.0),
    "renormalize_logits": (None, False),
    "sequence_bias": (None, [], {}),
    "stop_strings": (None, []),
    "suppress_tokens": (None, []),
    "watermarking_config": (None,),
}


class Network(Protocol):
    """What gives the scores of the next token of every row, (rows, vocabulary); it serves one caller at a time."""

    def begin(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read prompts, one row each; what was read before is forgotten."""

    def step(self, tokens: Sequence[int], rows: Sequence[int]) -> torch.Tensor:
        """Read one token for each new row; ``rows`` are those of the last call that they continue from.

        Their order is that of the prompts, with as many for each, and each continues from a row of its own prompt.
        """


@dataclass(frozen=True)
class Rules:
    """How text is generated: at least ``least`` and at most ``most`` tokens, ended by one of ``ends``.

    ``first`` and ``last`` are tokens forced at the first place and at the last possible one.
    """

    num_beams: int
    most: int
    least: int
    ends: tuple[int, ...]
    length_penalty: float = 1.0
    early_stopping: Any = False
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    first: int | None = None
    last: int | None = None


def rules(own: dict[str, Any], given: dict[str, Any], begun: int) -> Rules:
    """Return the rules of settings over a model's own; ``begun`` tokens count as generated to its ``min_length``.

    Raises `ValueError` for a setting of its own that is not known here.
    """
    if found := [name for name, neutral in UNKNOWN.items() if own.get(name) not in neutral]:
        raise ValueError(f"generation_config.json: {', '.join(found)}: not known to this engine")
    merged = {name: value for name, value in {**own, **given}.items() if value is not None}
    ends = merged.get("eos_token_id", ())
    least = merged.get("min_new_tokens", merged.get("min_length", 0) - begun)
    return Rules(
        num_beams=merged.get("num_beams", 1),
        most=merged["max_new_tokens"],
        least=least,
        ends=tuple(ends) if isinstance(ends, list | tuple) else (ends,),
        length_penalty=merged.get("length_penalty", 1.0),
        early_stopping=merged.get("early_stopping", False),
        no_repeat_ngram_size=merged.get("no_repeat_ngram_size", 0),
        repetition_penalty=merged.get("repetition_penalty", 1.0),
        first=merged.get("forced_bos_token_id"),
        last=merged.get("forced_eos_token_id"),
    )


@torch.inference_mode()
def generate(
    network: Network,
    prompts: Sequence[Sequence[int]],
    seen: Sequence[Sequence[int]],
    settings: Sequence[Rules],
    count: int,
) -> list[list[list[int]]]:
    """Return the best sequences of ids for every prompt, best first: ``count``, or as many as there can be.

    ``seen`` are the tokens before the first that is generated, as far as they count as repeated; ``settings`` are the
    rules of each prompt, which differ in ``least`` alone.
    """
    kind = _Greedy if settings[0].num_beams == 1 else _Beams
    searches = [kind(list(before), one) for before, one in zip(seen, settings, strict=True)]
    scores, width = network.begin(prompts), 1
    while True:
        # A prompt is read as one row, from which all of its beams continue.
        for place, search in enumerate(searches):
            if not search.is_done:
                search.advance(scores[place * width : (place + 1) * width])
        if all(search.is_done for search in searches):
            return [search.found(count) for search in searches]
        beams, tokens, rows = settings[0].num_beams, list[int](), list[int]()
        for place, search in enumerate(searches):
            # What has ended stays in the batch, and nobody looks at it.
            tokens += [0] * beams if search.is_done else search.tokens
            rows += [place * width + row for row in ([0] * beams if search.is_done else search.rows)]
        scores, width = network.step(tokens, rows), beams


def decode(
    network: Network,
    rows: Sequence[Sequence[int]],
    groups: Sequence[Sequence[int]],
    settings: tuple[dict[str, Any], dict[str, Any]],
    *,
    start: int | None,
    count: int,
) -> list[list[list[int]]]:
    """Return `generate`'s sequences for each row of ids; ``groups`` are the places of those that are read together.

    ``settings`` are the model's own and those given. With a ``start`` text is generated from that token, else behind
    the row that was read.
    """
    made: dict[int, list[list[int]]] = {}
    for places in groups:
        prompts = [rows[place] for place in places]
        seen = prompts if start is None else [[start]] * len(prompts)
        each = [rules(*settings, len(before)) for before in seen]
        made.update(zip(places, generate(network, prompts, seen, each, count), strict=True))
    return [made[place] for place in range(len(rows))]


class _Greedy:
    """The likeliest next token, one after the other."""

    def __init__(self, seen: list[int], rules: Rules) -> None:
        self._seen, self._rules, self.rows = seen, rules, [0]
        self._made: list[int] = []
        self.is_done = False

    @property
    def tokens(self) -> list[int]:
        """The token that each row reads next."""
        return self._made[-1:]

    def advance(self, scores: torch.Tensor) -> None:
        """Take the scores of the next token, (1, vocabulary)."""
        allowed = _allowed(scores.float().clone(), [self._made], self._seen, self._rules)
        self._made.append(int(allowed[0].argmax()))
        self.is_done = self._made[-1] in self._rules.ends or len(self._made) >= self._rules.most

    def found(self, count: int) -> list[list[int]]:
        return [self._made] * count


class _Beams:
    """As many texts as there are beams that go on, and as many of the best that have ended."""

    def __init__(self, seen: list[int], rules: Rules) -> None:
        self._seen, self._rules = seen, rules
        self._going: list[list[int]] = [[]]
        self._scores = torch.zeros(1)
        self._ended: list[tuple[float, list[int]]] = []
        self.rows: list[int] = []
        self.is_done = False

    @property
    def tokens(self) -> list[int]:
        """The token that each row reads next."""
        return [made[-1] for made in self._going]

    def advance(self, scores: torch.Tensor) -> None:
        """Take the scores of the next token of every row, (rows, vocabulary)."""
        rules, beams = self._rules, self._rules.num_beams
        likely = _allowed(torch.log_softmax(scores.float(), -1), self._going, self._seen, rules)
        likely += self._scores[:, None]
        # Even where all of the best end there, enough others are left to go on.
        kept = min(max(2, 1 + len(rules.ends)) * beams, likely.numel())
        values, places = torch.topk(likely.flatten(), kept)
        rows, tokens = (places // likely.shape[1]).tolist(), (places % likely.shape[1]).tolist()
        made = [[*self._going[row], token] for row, token in zip(rows, tokens, strict=True)]
        length = len(made[0])
        ends = [token in rules.ends or length >= rules.most for token in tokens]
        ended = [one for one in range(min(beams, kept)) if ends[one] and values[one] > -torch.inf]
        self._keep_ended([(values[one], made[one]) for one in ended], length)
        going = [one for one in range(kept) if not ends[one]][:beams]
        if len(going) < beams:  # at the last possible token, or with fewer words than beams
            self.is_done = True
            return
        self._going, self.rows = [made[one] for one in going], [rows[one] for one in going]
        self._scores = values[going]
        self.is_done = not self._can_improve(length)

    def found(self, count: int) -> list[list[int]]:
        return [made for _, made in self._ended[:count]] or self._going[:1]

    def _keep_ended(self, ended: list[tuple[Any, list[int]]], length: int) -> None:
        scored = [(float(score / length**self._rules.length_penalty), made) for score, made in ended]
        # Of equal scores the earlier stays before the later.
        self._ended = sorted([*self._ended, *scored], key=lambda one: -one[0])[: self._rules.num_beams]

    def _can_improve(self, length: int) -> bool:
        if len(self._ended) < self._rules.num_beams:
            return True
        if self._rules.early_stopping is True:
            return False
        if self._rules.early_stopping == "never" and self._rules.length_penalty > 0:
            length = self._rules.most
        return float(self._scores[0] / length**self._rules.length_penalty) > self._ended[-1][0]


def _allowed(scores: torch.Tensor, made: Sequence[list[int]], seen: list[int], rules: Rules) -> torch.Tensor:
    """Return scores, changed in place, without what the rules forbid after what was ``made`` in each row."""
    length = len(made[0])
    if rules.last is not None and length == rules.most - 1:
        return _only(scores, rules.last)
    if rules.first is not None and length == 0 and len(seen) == 1:
        return _only(scores, rules.first)
    for row, own in zip(scores, made, strict=True):
        before = [*seen, *own]
        if rules.repetition_penalty != 1.0:
            told, penalty = sorted({token for token in before if token < len(row)}), rules.repetition_penalty
            row[told] = torch.where(row[told] < 0, row[told] * penalty, row[told] / penalty)
        if rules.no_repeat_ngram_size > 0:
            row[sorted(_completing(before, rules.no_repeat_ngram_size))] = -torch.inf
    if length < rules.least:
        scores[:, list(rules.ends)] = -torch.inf
    return scores


def _only(scores: torch.Tensor, token: int) -> torch.Tensor:
    scores[:] = -torch.inf
    scores[:, token] = 0.0
    return scores


def _completing(tokens: Sequence[int], size: int) -> Collection[int]:
    """Return the tokens that would repeat a run of ``size``."""
    if len(tokens) < size:
        return ()
    start = list(tokens[len(tokens) - size + 1 :])
    return {
        tokens[place + size - 1]
        for place in range(len(tokens) - size + 1)
        if list(tokens[place : place + size - 1]) == start
    }
