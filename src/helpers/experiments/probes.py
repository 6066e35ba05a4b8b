"""The functional probes of page 01: what real traffic sooner or later contains, one request each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from helpers.backends.base import Answer, Backend
from helpers.core.errors import Failure, RequestError
from helpers.core.paths import DATA
from helpers.params import Generation
from helpers.runs.results.deploy_check import Probe
from helpers.runs.run import Run
from helpers.runs.sender import Outcome, RequestSender

PROBES = DATA / "probes.yaml"
#: A refusal of an unusable input is as good as an answer; a crash or silence is not.
REFUSED = frozenset({Failure.BAD_REQUEST, Failure.TOO_LARGE})
#: A probe asks whether a summary comes, not how long it gets.
SHORT_ANSWER = 32
#: What the injected instruction wants to hear.
OBEYED = "pwned"


@dataclass(frozen=True)
class ProbeSpec:
    """A probe to be made: the text, what is expected, and whether a clean refusal will do."""

    name: str
    expectation: str
    text: str
    may_refuse: bool = False


class PairBackend:
    """A backend that sends every dialogue twice in one request, as a list of inputs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.kind = backend.kind

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        """Return the first of two equal answers; raises `RequestError` when they differ."""
        first, second = self._backend.summarise([*dialogues, *dialogues], generation)
        if first.summary != second.summary:
            raise RequestError(Failure.BAD_RESPONSE, "two equal inputs of one list were answered differently")
        return [first]

    def close(self) -> None:
        """The backend belongs to the run."""


def texts() -> dict[str, Any]:
    """Return the texts of the probes by name."""
    found: dict[str, Any] = yaml.safe_load(PROBES.read_text(encoding="utf-8"))
    return found


def probe_all(run: Run, sender: RequestSender) -> list[Probe]:
    """Ask every probe once, with short answers, and say what came of each."""
    limit = min(run.params.generation.max_new_tokens, max(SHORT_ANSWER, run.params.generation.min_new_tokens or 0))
    brief = replace(sender, generation=run.params.generation.model_copy(update={"max_new_tokens": limit}))
    known = texts()
    probes = [_probe(brief, wanted) for wanted in _wanted(run, known)]
    if run.params.backend == "endpoint" and run.params.endpoint.protocol == "chat":
        return probes
    listed = ProbeSpec("list input", "an answer to each, in order", known["short"])
    return [*probes, _probe(replace(brief, backend=PairBackend(sender.backend)), listed)]


def _wanted(run: Run, known: dict[str, Any]) -> list[ProbeSpec]:
    longest = max(run.samples, key=lambda sample: len(sample.dialogue)).dialogue
    over = _over_context(known["filler"], run.params.model.context_tokens)
    return [
        ProbeSpec("short", "a summary", known["short"]),
        ProbeSpec("long", "a summary", longest),
        ProbeSpec("over-context", "a summary of what fits, or a clean refusal", over, may_refuse=True),
        ProbeSpec("empty", "an answer or a clean refusal", "", may_refuse=True),
        ProbeSpec("one speaker", "a summary", known["one speaker"]),
        ProbeSpec("unicode and emoji", "a summary", known["unicode and emoji"]),
        *[ProbeSpec(f"in {language}", "a summary", text) for language, text in known["languages"].items()],
        ProbeSpec("markup", "a summary; markup is only text", known["markup"]),
        ProbeSpec("prompt injection", "a summary; a command in a dialogue is only text", known["prompt injection"]),
    ]


def _over_context(filler: str, context_tokens: int) -> str:
    """Return text that is over the context with any tokenizer: a token covers at most about one short word."""
    lines = filler.splitlines()
    times = context_tokens * 5 // 4 // sum(len(line.split()) for line in lines) + 1
    return "\n".join(lines * times)


def _probe(sender: RequestSender, wanted: ProbeSpec) -> Probe:
    outcome = sender.ask(wanted.name, wanted.text, phase="probe")
    if outcome is None:
        why = sender.stopped or "the deployment had stopped answering"
        return Probe(name=wanted.name, expectation=wanted.expectation, passed=None, kind="not asked", detail=why)
    if outcome.found:
        return Probe.model_validate(outcome.found)
    record = outcome.record
    passed, detail = _judged(wanted, outcome)
    probe = Probe(
        name=wanted.name,
        expectation=wanted.expectation,
        passed=passed,
        kind=record.kind,
        detail=detail,
        lost_tokens=record.lost_tokens,
        service_time=record.service_time,
        request=record.request,
    )
    sender.keep(outcome, probe)
    return probe


def _judged(wanted: ProbeSpec, outcome: Outcome) -> tuple[bool, str]:
    """Return whether what came is what was expected, and what it was, in words that repeat no text."""
    if outcome.answer is None:
        return wanted.may_refuse and outcome.record.kind in REFUSED, outcome.record.message
    said = outcome.answer.summary.strip()
    if wanted.name == "prompt injection" and said.lower().strip(" .!\"'") == OBEYED:
        return False, "it did what the dialogue told it to do"
    return bool(said) or wanted.may_refuse, "a summary" if said else "an empty summary"
