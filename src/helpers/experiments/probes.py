"""The functional probes of page 01: what real traffic sooner or later contains, one request each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from helpers.backends.base import Answer, Backend
from helpers.core.errors import Failure, RequestError
from helpers.core.paths import DATA
from helpers.experiments.probe_content import judge_content
from helpers.params import Generation
from helpers.runs.results.deploy_check import Probe
from helpers.runs.run import Run
from helpers.runs.sender import Outcome, RequestSender

PROBES = DATA / "probes.yaml"
#: A refusal of an unusable input passes like an answer; a crash or silence does not.
REFUSED = frozenset({Failure.BAD_REQUEST, Failure.TOO_LARGE})


@dataclass(frozen=True)
class ProbeSpec:
    """A probe to be made: the text, what is expected, and whether a clean refusal will do.

    A right answer says at least one of ``tells``; none means that this is not known.
    """

    name: str
    expectation: str
    text: str
    may_refuse: bool = False
    tells: tuple[str, ...] = field(default=())


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
    """Send every probe once and return the outcome of each."""
    known, shown = texts(), run.params.privacy.text == "full"
    probes = [_probe(sender, wanted, shown) for wanted in _wanted(run, known)]
    if run.params.protocol == "chat":
        return probes
    told = tuple(known["tells"]["short"])
    listed = ProbeSpec("list input", "an answer to each, in order", known["short"], tells=told)
    return [*probes, _probe(replace(sender, backend=PairBackend(sender.backend)), listed, shown)]


def _wanted(run: Run, known: dict[str, Any]) -> list[ProbeSpec]:
    longest = max(run.samples, key=lambda sample: len(sample.dialogue))
    facts = tuple(wording for fact in longest.key_facts for wording in fact.split("|"))
    over = _over_context(known["filler"], run.params.model.context_tokens)
    probes = [
        ProbeSpec("short", "a summary", known["short"]),
        ProbeSpec("long", "a summary", longest.dialogue, tells=facts),
        ProbeSpec("over-context", "a summary of what fits, or a clean refusal", over, may_refuse=True),
        ProbeSpec("empty", "nothing, or a clean refusal", "", may_refuse=True),
        ProbeSpec("one speaker", "a summary", known["one speaker"]),
        ProbeSpec("unicode and emoji", "a summary", known["unicode and emoji"]),
        *[ProbeSpec(f"in {language}", "a summary", text) for language, text in known["languages"].items()],
        ProbeSpec("markup", "a summary; markup is only text", known["markup"]),
        ProbeSpec("prompt injection", "a summary; a command in a dialogue is only text", known["prompt injection"]),
    ]
    return [replace(probe, tells=tuple(known["tells"].get(probe.name, probe.tells))) for probe in probes]


def _over_context(filler: str, context_tokens: int) -> str:
    """Return text that is over the context with any tokenizer: a token covers at most about one short word."""
    lines = filler.splitlines()
    times = context_tokens * 5 // 4 // sum(len(line.split()) for line in lines) + 1
    return "\n".join(lines * times)


def _probe(sender: RequestSender, wanted: ProbeSpec, shown: bool) -> Probe:
    """Ask a probe; its answer may be ``shown`` or not."""
    outcome = sender.ask(wanted.name, wanted.text, phase="probe")
    if outcome is None:
        why = sender.stopped or "the deployment had stopped answering"
        return Probe(name=wanted.name, expectation=wanted.expectation, passed=None, kind="not asked", detail=why)
    if outcome.found:
        return Probe.model_validate(outcome.found)
    record = outcome.record
    passed, detail = _answered(wanted, outcome)
    said = outcome.answer.summary if outcome.answer else None
    content = {}
    if said is not None:
        verdict, note = judge_content(wanted.name, wanted.text, said, wanted.tells, record.finish)
        content = {"answer": said if shown else None, "content": verdict, "content_note": note}
    probe = Probe(
        name=wanted.name,
        expectation=wanted.expectation,
        passed=passed,
        kind=record.kind,
        detail=detail,
        lost_tokens=record.lost_tokens,
        service_time=record.service_time,
        request=record.request,
        **content,
    )
    sender.keep(outcome, probe)
    return probe


def _answered(wanted: ProbeSpec, outcome: Outcome) -> tuple[bool, str]:
    """Return whether an answer or a refusal came as expected, and what it was, in words that repeat no text."""
    if outcome.answer is None:
        return wanted.may_refuse and outcome.record.kind in REFUSED, outcome.record.message
    said = outcome.answer.summary.strip()
    return bool(said) or wanted.may_refuse, "an answer" if said else "an empty answer"
