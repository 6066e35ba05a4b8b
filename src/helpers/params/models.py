"""Which model answers, with what settings, and what it is compared with: other settings and other engines."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from helpers.params.base import Count, Positive, Seconds, Section
from helpers.params.service import Protocol

Engine = Literal["transformers", "ctranslate2", "openvino"]
Dtype = Literal["float32", "bfloat16", "float16", "int8", "int4"]
Task = Literal["summarization", "chat"]


class Model(Section):
    """Which model answers; ``id`` is ``demo``, ``demo-base``, a folder, or a Hub repository name.

    With ``rerank`` the answer is not the likeliest of the beams but the likeliest in which the output checks find
    no failure.
    """

    id: str
    revision: str | None = None
    task: Task = "summarization"
    prompt: str | None = None
    context_tokens: Positive = 1024
    engine: Engine = "transformers"
    dtype: Dtype = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Positive | None = None
    rerank: bool = False
    description: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.prompt is not None) != (self.task == "chat"):
            raise ValueError("'prompt' goes with 'task: chat', and only with it")
        if (self.engine, self.dtype, self.device) == ("transformers", "int8", "cuda"):
            raise ValueError("'dtype: int8' of 'engine: transformers' runs on 'device: cpu' only")
        _check_int4(self.engine, self.dtype)
        return self


class Generation(Section):
    """Generation settings sent with every request; one that is ``null`` is left to the model's own configuration.

    ``extra`` are further fields of the request as an endpoint's server names them, such as ``seed`` or
    ``chat_template_kwargs``; the engines here know none.
    """

    num_beams: Positive = 1
    max_new_tokens: Positive = 128
    min_new_tokens: Count | None = None
    no_repeat_ngram_size: Count | None = None
    length_penalty: float | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    def sent(self, protocol: Protocol = "summarization") -> dict[str, Any]:
        """Return the settings that a request by a protocol carries, as flat generation arguments.

        A chat server has no beams and is asked for its likeliest words: temperature 0, unless ``extra`` says another.
        """
        if protocol == "chat":
            return {"max_new_tokens": self.max_new_tokens, "temperature": 0, **self.extra}
        return self.model_dump(exclude_none=True, exclude={"extra"}) | self.extra

    def known_here(self) -> Generation:
        """Return the settings that the engines here know."""
        return self.model_copy(update={"extra": {}})

    def in_words(self, rerank: bool, protocol: Protocol = "summarization") -> str:
        """Return how answers are decoded with these settings, as a reader is told it."""
        settings = self.sent(protocol)
        beams, most = settings.pop("num_beams", None), settings.pop("max_new_tokens")
        words = [] if beams is None else [f"{beams} beams" if beams > 1 else "greedy"]
        words += [f"at most {most} new tokens"]
        words += [f"{name.replace('_', ' ')} {value}" for name, value in settings.items()]
        return ", ".join([*words, *(["reranked by the output checks"] if rerank else [])])


class Setting(Section):
    """One way to search for a summary; ``predictions`` are its recorded answers, which its quality is judged by.

    Without ``num_beams`` it is searched for as the run's own are.
    """

    num_beams: Positive | None = None
    max_new_tokens: Positive
    predictions: str | None = None

    @property
    def changed(self) -> dict[str, int]:
        """The settings in which it may differ from the run's own."""
        return {name: value for name in ("num_beams", "max_new_tokens") if (value := getattr(self, name)) is not None}

    @property
    def name(self) -> str:
        """How pages call it."""
        beams = {None: "", 1: "1 beam, "}.get(self.num_beams, f"{self.num_beams} beams, ")
        return f"{beams}{self.max_new_tokens} tokens"

    @property
    def overrides(self) -> tuple[str, ...]:
        """What ``--set`` makes a run answer in this way."""
        return tuple(f"generation.{name}={value}" for name, value in self.changed.items())


class Variant(Section):
    """One way to compute the model; ``predictions`` are its recorded answers, which its quality is judged by.

    With ``timed: false`` its speed is left to a run that has the time for it.
    """

    engine: Engine = "transformers"
    dtype: Dtype = "float32"
    predictions: str | None = None
    timed: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_int4(self.engine, self.dtype)
        return self

    @property
    def name(self) -> str:
        """How pages call it."""
        return f"{self.engine} {self.dtype}"

    @property
    def overrides(self) -> tuple[str, ...]:
        """What ``--set`` makes a run answer in this way."""
        return f"model.engine={self.engine}", f"model.dtype={self.dtype}"


class ComparedWith(Section):
    """How variants or settings are compared: their speed by requests, their quality by recorded answers to ``samples``.

    Every one answers ``dialogues`` dialogues, spread over their lengths, in each of ``rounds`` rounds, until ``limit``
    seconds have passed. Fewer than eight dialogues give no ratio of speeds. The margins are the largest losses that
    count as quality kept: of ROUGE-L, of key-fact recall and of the share of answers that pass the faithfulness checks.
    """

    samples: str | None = None
    dialogues: Positive = 8
    rounds: Positive = 3
    limit: Seconds = 300.0
    margin: Annotated[float, Field(gt=0)] = 0.01
    facts_margin: Annotated[float, Field(gt=0)] = 0.03
    faithful_margin: Annotated[float, Field(gt=0)] = 0.05


class Settings(ComparedWith):
    """The comparison on page 03: the settings that are ``tried`` beside the run's own, which is the reference."""

    tried: tuple[Setting, ...] = ()
    rounds: Positive = 1
    limit: Seconds = 300.0

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [setting.name for setting in self.tried]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'tried' names {' and '.join(twice)} more than once; name each setting once")
        return self

    def beside(self, num_beams: int | None, max_new_tokens: int) -> tuple[Setting, ...]:
        """Return all that are compared, the run's own first; nothing when none is tried.

        Where the protocol has no beams (``None``), a single beam counts as none.
        """
        own, tried = Setting(num_beams=num_beams, max_new_tokens=max_new_tokens), self.tried
        if num_beams is None:
            tried = tuple(one.model_copy(update={"num_beams": None}) if one.num_beams == 1 else one for one in tried)
        first = next((setting for setting in tried if setting.name == own.name), own)
        return (first, *(setting for setting in tried if setting is not first)) if tried else ()


class QuantizationPlan(ComparedWith):
    """The comparison on page 04; the first variant is the reference.

    Speeds are shown from eight dialogues in three whole rounds on: fewer tell the machine's hour, not the engine's.
    ``model`` is compared when the run's own model is not on this machine. With ``all_at_once: false`` the dialogues are
    not sent together as well, which takes a small machine longer than all of them alone. ``time_all`` also times the
    variants with ``timed: false``. ``max_new_tokens`` cuts the answers whose speed is measured, to save time: how fast
    the variants are beside one another is then known, and not what a whole answer takes.
    """

    model: str | None = None
    max_new_tokens: Positive | None = None
    all_at_once: bool = True
    time_all: bool = False
    variants: tuple[Variant, ...] = ()

    def times(self, variant: Variant) -> bool:
        """Return whether the speed of a variant is measured."""
        return variant.timed or self.time_all


def _check_int4(engine: Engine, dtype: Dtype) -> None:
    if dtype == "int4" and engine != "openvino":
        raise ValueError("'dtype: int4' takes 'engine: openvino'")
