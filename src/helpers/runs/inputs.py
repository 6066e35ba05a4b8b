"""What a run reads before any request: its dialogues, and the recorded answers it replays or compares with.

All of it is read whole at the start, so that a file that cannot be used costs no request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers.backends.replay import recorded_answers
from helpers.core.console import say
from helpers.core.errors import SamplesError
from helpers.params import Params
from helpers.params.models import Setting, Variant
from helpers.samples.dataset import Sample, load_samples, load_source, other_samples
from helpers.samples.intake import Intake
from helpers.samples.recorded import Recorded, read_recorded
from helpers.scorers.words import has_word


@dataclass(frozen=True)
class Inputs:
    """All dialogues of the source, and what became of the rows of each file, by the parameter that names it."""

    samples: tuple[Sample, ...]
    intake: dict[str, Intake]

    def tell(self) -> None:
        """Say on the terminal what became of the rows, where there is anything to say."""
        for intake in self.intake.values():
            for line in intake.lines():
                say(line)


@dataclass(frozen=True)
class _Recording:
    """A file of recorded answers, the parameter that names it, and the dialogues it must know."""

    parameter: str
    path: str
    samples: str | None
    is_optional: bool = False


def read_inputs(params: Params) -> Inputs:
    """Return what a run reads; raises `SamplesError` with everything that cannot be used, before any request."""
    source = load_source(params.samples)
    intake, problems = {"samples.source": source.intake}, list[str]()

    unread = _unread(source.samples, params)
    if unread:
        problems.append(
            f"scoring.tokenizer: rouge_score sees no word in the references of {len(unread)} dialogues "
            f"({', '.join(unread[:3]):.80}); leave it at unicode"
        )

    @cache
    def ids(name: str) -> tuple[str, ...]:
        return tuple(sample.id for sample in load_samples(other_samples(params.samples, name)))

    def take(parameter: str, recorded: Recorded, asked: Sequence[str]) -> None:
        recorded.require(asked)
        intake[parameter] = recorded.intake

    try:
        if params.replay is not None:
            asked = [sample.id for sample in source.samples]
            take("replay.predictions", recorded_answers(params.replay), asked)
    except SamplesError as error:
        problems += error.problems
    for recording in _recordings(params):
        if recording.is_optional and not Path(recording.path).is_file():
            continue  # its page says how to make it
        try:
            asked = list(ids(recording.samples)) if recording.samples else []
            take(recording.parameter, read_recorded(recording.path), asked)
        except SamplesError as error:
            problems += [f"{recording.parameter}: {problem}" for problem in error.problems]
    problems += [
        f"monitoring.logs: {Path(log).name} is not there; give a run's requests.jsonl"
        for log in params.monitoring.logs
        if not Path(log).is_file()
    ]
    if problems:
        raise SamplesError(dict.fromkeys(problems))
    return Inputs(source.samples, intake)


def _unread(samples: Sequence[Sample], params: Params) -> list[str]:
    """Return the dialogues that have a reference in which the tokeniser of the run sees no word."""
    tokenizer = params.scoring.tokenizer
    return [s.id for s in samples if not all(has_word(text, tokenizer) for text in s.references)]


def _recordings(params: Params) -> Iterator[_Recording]:
    for name in ("predictions", "untuned", "zero_shot"):
        if path := getattr(params.baseline, name):
            yield _Recording(f"baseline.{name}", path, params.baseline.samples)
    compared: tuple[tuple[str, str | None, Sequence[Setting | Variant]], ...] = (
        ("settings.tried", params.settings.samples, params.settings.tried),
        ("quantization.variants", params.quantization.samples, params.quantization.variants),
    )
    for parameter, samples, ways in compared:
        for way in ways if samples else ():
            if way.predictions:
                yield _Recording(f"{parameter} {way.name}", way.predictions, samples, is_optional=True)
