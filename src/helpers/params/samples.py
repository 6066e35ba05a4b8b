"""Which dialogues are sent, how their file is read, what they are compared and scored with, and what may be kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from helpers.params.base import Count, Positive, Section

#: A change of a dialogue that must not change what its summary says.
Change = Literal["renamed", "typos", "filler"]


class Replay(Section):
    """Recorded predictions: a file with one row per dialogue, where its columns are, and how its text is encoded."""

    predictions: str
    id: str = "id"
    prediction: str = "prediction"
    latency: str | None = None
    encoding: str | None = None


class Columns(Section):
    """Where a samples file keeps what; ``references`` may name several columns or one holding a list.

    What is not given is found by the names that known data sets have (`helpers.samples.formats.PRESETS`).
    """

    id: str | None = "id"
    dialogue: str = "dialogue"
    references: tuple[str, ...] = ("summary",)
    domain: str | None = None
    length: str | None = None
    key_facts: str | None = None


class Samples(Section):
    """The dialogues: ``bundled:SPLIT``, a file (CSV, JSON Lines, JSON, Parquet, also ``.gz``), or ``hub:OWNER/NAME``.

    Beside its splits the bundled corpus has ``quick``, the ten of ``demo`` and twenty of ``test``.
    ``encoding`` is that of a text file that is not UTF-8, such as cp1252. A row that cannot be used is set aside and
    counted; ``strict`` refuses the file instead.
    """

    source: str = "bundled:demo"
    split: str = "validation"
    revision: str | None = None
    n: Positive | None = None
    seed: int = 0
    encoding: str | None = None
    strict: bool = False
    columns: Columns = Columns()


class Baseline(Section):
    """Recorded predictions to compare with, and the ``samples`` on which they are compared with one another."""

    predictions: str | None = None
    untuned: str | None = None
    zero_shot: str | None = None
    samples: str | None = None


class JudgeEndpoint(Section):
    """A model behind a chat endpoint that judges whether summaries are faithful and usable, once it has qualified.

    The address may also come from ``HELPERS_JUDGE_URL``; ``HELPERS_JUDGE_TOKEN`` goes to the origin of that address
    alone. It qualifies by ``planted`` errors of each kind and by ``references`` untouched ones. No more than
    ``requests`` are sent; time limits and attempts are those of ``endpoint``. Texts go to it where ``privacy.text`` is
    ``full``, and elsewhere only with ``send_private``. ``extra`` are further fields of the request as the server names
    them, such as ``response_format``.
    """

    url: Annotated[str, Field(pattern=r"^https?://[^/\s@]+")] | None = None
    served_model: str
    requests: Positive = 500
    planted: Positive = 20
    references: Positive = 150
    max_new_tokens: Positive = 512
    extra: dict[str, Any] = Field(default_factory=dict)
    send_private: bool = False


class Scoring(Section):
    """What ROUGE takes for words, folders with local models for scores by meaning, and a judge.

    ``tokenizer`` is that of any script (``unicode``) or the one of `rouge_score`, which sees ``a-z0-9`` alone. A model
    that is ``null`` is not measured, and the page says so.
    """

    tokenizer: Literal["unicode", "rouge_score"] = "unicode"
    embedding_model: str | None = None
    bertscore_model: str | None = None
    bertscore_layer: Positive | None = None
    nli_model: str | None = None
    judge: JudgeEndpoint | None = None


class Privacy(Section):
    """What may be written of dialogues and summaries: the text, a placeholder, or a hash."""

    text: Literal["full", "redacted", "hash"] = "full"


class Robustness(Section):
    """How many ``dialogues`` of page 02 are sent again with each of ``changes``, which may not change their summaries.

    ``renamed``: speakers have other names; ``typos``: a few words are misspelled; ``filler``: greetings, "um", "you
    know". 0 dialogues, the default, send none; ``seed`` chooses names, words and places.
    """

    dialogues: Count = 0
    changes: Annotated[tuple[Change, ...], Field(min_length=1)] = get_args(Change)
    seed: int = 0

    @model_validator(mode="after")
    def _once(self) -> Self:
        if twice := sorted({change for change in self.changes if self.changes.count(change) > 1}):
            raise ValueError(f"'changes' names {', '.join(twice)} more than once; name each change once")
        return self
