"""Send a request and time it, again where that can help: every attempt becomes one record, failures never raise.

The clock (``perf_counter_ns``) times the call only; tokens are counted and records written after it stops.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import tenacity
from pydantic import BaseModel

from helpers.backends.base import Answer, Backend, RecordedBackend
from helpers.core.errors import UNREACHABLE, Failure, RequestError
from helpers.core.text import cleaned, on_a_line, visible
from helpers.params import Generation, Params
from helpers.runs.earlier import DOWN_AFTER, Earlier
from helpers.runs.findings import Findings
from helpers.runs.request_log import Phase, Record, RequestLog, settings_hash

#: Sent when a server refuses (400) an input that looks sound: one that refuses this as well is itself at fault.
KNOWN_GOOD_ID = "known-good"
KNOWN_GOOD = "Ann: Shall we have lunch at noon?\nBo: Yes, at noon, and bring the plan."

#: What an answer says of how it was made, as the log keeps it.
TOLD = (
    "cached_tokens", "reasoning_tokens", "finish", "thought", "first_token", "inter_token", "chunks", "longest_gap",
)  # fmt: skip
#: Tokens of a dialogue that may be in a prompt computed before: caches hold blocks, dialogues begin alike.
ALIKE = 16
#: Longest wait between two attempts that the server did not ask for, seconds.
LONGEST_WAIT = 20.0
#: When an attempt was sent, by the calendar and on the monotonic clock, and when it was done.
_Clock = tuple[datetime, int, int]


@dataclass(frozen=True)
class Outcome:
    """A request's last attempt, and its answer when there is one.

    Of one that was answered before the run was interrupted, and whose text is not kept, there is no ``answer`` but what
    its page had ``found`` in it.
    """

    record: Record
    answer: Answer | None
    found: Mapping[str, Any] | None = None

    @property
    def mark(self) -> str | None:
        """What tells one answer from another: the SHA-256 of its text, where that is known."""
        if self.answer is not None:
            return hashlib.sha256(self.answer.summary.encode()).hexdigest()
        return self.record.summary if self.record.text_form == "hash" else None


@dataclass(frozen=True)
class Limits:
    """How often and how long one request is tried: attempts, and seconds for all of them and for a waking service."""

    attempts: int = 1
    retry_timeout: float = 900.0
    wake_timeout: float = 600.0


@dataclass(frozen=True)
class _Request:
    """One request in flight; ``began`` is when it should have been sent, on the monotonic clock."""

    sample: str
    dialogue: str
    phase: Phase
    repeat: int
    supersedes: str | None
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    began: int = field(default_factory=time.perf_counter_ns)


@dataclass
class RequestSender:
    """Sends requests of one page and logs each attempt.

    ``count_tokens`` counts the tokens of a text, or is ``None`` when the tokenizer is not to be had.
    ``may_send`` says why no further request may be sent (a spent budget), or nothing. ``down_since`` is
    set once the deployment has stopped answering; from then on requests are not sent. ``earlier`` holds what this
    page has logged before the run was interrupted, and ``findings`` what it found in answers whose text is not kept.
    ``shared_tokens`` are what all prompts have in common: an answer for which more was taken from a cache leaves the
    steady state, and so does every one where it ``may_be_cached`` without a word.
    """

    backend: Backend
    generation: Generation
    log: RequestLog
    page: str
    limits: Limits = field(default_factory=Limits)
    count_tokens: Callable[[str], int] | None = None
    context_tokens: int | None = None
    may_send: Callable[[], str] = lambda: ""
    earlier: Earlier = field(default_factory=Earlier)
    findings: Findings | None = None
    variant: str = ""
    shared_tokens: int = 0
    may_be_cached: bool = False
    down_since: datetime | None = None
    down_kind: str = ""
    stopped: str = ""
    _failed_in_a_row: int = field(default=0, init=False)

    def ask(
        self,
        sample: str,
        dialogue: str,
        *,
        phase: Phase = "steady",
        repeat: int = 0,
        attempts: int | None = None,
        text: bool = True,
    ) -> Outcome | None:
        """Request one summary, again where that can help; ``None`` when sending has ended for this run.

        A request sent before an interruption is recalled instead, if its record is enough or the ``text`` is known.
        """
        if phase != "cold" and (known := self.recall(phase, sample, repeat, text=text)):
            return known
        request = _Request(sample, dialogue, phase, repeat, self.earlier.superseded((phase, sample, repeat)))
        if not self.admit(request.id):
            return None
        most, outcome = attempts or self.limits.attempts, None
        with suppress(RequestError):
            for retry in retrying(self.limits, most):
                with retry:
                    number = retry.retry_state.attempt_number
                    outcome, error = self._attempt(request, number)
                    if error:
                        self._wake(request, error, last=number >= most)
                        raise error
        if outcome is not None and self.down_since is None:
            self._watch(outcome.record)
        return outcome

    def ask_all(self, name: str, dialogues: Sequence[str], repeat: int = 0) -> Record | None:
        """Ask once for all summaries in one request; its record counts the tokens of all and holds no text."""
        if known := self.recall("steady", name, repeat, text=False):
            return known.record
        request, answer = _Request(name, "", "steady", repeat, self.earlier.superseded(("steady", name, repeat))), None
        if not self.admit(request.id):
            return None
        answers, error, clock = self._timed(request, 1, dialogues)
        if answers:
            into, out = (sum(getattr(a, field) or 0 for a in answers) for field in ("input_tokens", "output_tokens"))
            answer = Answer("", into, out, service_time=answers[0].service_time)
        return self._log(request, 1, clock, answer, error)

    def admit(self, request: str) -> bool:
        """Count a request before it is sent; false when it may not be, and sending has ended for this run."""
        self.stopped = self.stopped or self.may_send()
        if self.down_since or self.stopped:
            return False
        self.log.begin(request)
        return True

    def recall(self, phase: Phase, sample: str, repeat: int = 0, *, text: bool = True) -> Outcome | None:
        """Return what became of a request before the run was interrupted, if it need not be made again.

        An answer whose ``text`` is needed is recalled with it, or with what was found in it.
        """
        record = self.earlier.settled((phase, sample, repeat))
        if record is None or not record.ok:
            return Outcome(record, None) if record else None
        if record.text_form == "full" and record.summary is not None:
            names = (*TOLD, "lost_tokens", "service_time", "status", "replaced")
            told: dict[str, Any] = {name: record.counted(name) for name in ("input_tokens", "output_tokens")}
            return Outcome(record, Answer(record.summary, **told, **{name: getattr(record, name) for name in names}))
        found = self.findings.get(record.request) if self.findings else None
        return Outcome(record, None, found) if found is not None or not text else None

    def keep(self, outcome: Outcome, found: BaseModel) -> None:
        """Write down what was found in an answer whose text the log does not keep."""
        if self.findings and self.log.text_form != "full" and outcome.found is None:
            self.findings.put(outcome.record.request, found)

    def ended(self) -> dict[str, Any]:
        """Return why sending ended early, as the fields of a page's result."""
        return {"failure": self.down_kind, "down_since": self.down_since, "stopped": self.stopped}

    def _attempt(self, request: _Request, number: int) -> tuple[Outcome, RequestError | None]:
        """Try once and log it."""
        answers, error, clock = self._timed(request, number, [request.dialogue])
        answer = answers[0] if answers else None
        if error:
            error = self._blamed(request, error)
        return Outcome(self._log(request, number, clock, answer, error), answer), error

    def _timed(
        self, request: _Request, number: int, dialogues: Sequence[str]
    ) -> tuple[list[Answer], RequestError | None, _Clock]:
        """Make one attempt; an interrupted one is logged as cancelled before the interruption goes on."""
        sent_at, sent = datetime.now(UTC), time.perf_counter_ns()
        answers: list[Answer] = []
        error: RequestError | None = None
        try:
            answers = self._answers(request, dialogues)
        except RequestError as failed:
            error = failed
        except BaseException as interruption:
            cancelled = RequestError(Failure.CANCELLED, f"interrupted by {type(interruption).__name__}")
            self._log(request, number, (sent_at, sent, time.perf_counter_ns()), None, cancelled)
            raise
        clock = (sent_at, sent, time.perf_counter_ns())
        return [without_controls(answer) for answer in answers], error, clock

    @property
    def _is_recorded(self) -> bool:
        return isinstance(self.backend, RecordedBackend)

    def _answers(self, request: _Request, dialogues: Sequence[str]) -> list[Answer]:
        """Return the backend's answers; what was recorded belongs to a dialogue's id, and to no probe."""
        if isinstance(self.backend, RecordedBackend) and request.phase != "probe":
            return [self.backend.answer(request.sample)]
        return self.backend.summarise(dialogues, self.generation)

    def _log(
        self, request: _Request, number: int, clock: _Clock, answer: Answer | None, error: RequestError | None
    ) -> Record:
        sent_at, sent, done = clock
        timed = answer is None or answer.service_time is not None
        record = Record(
            request=request.id,
            attempt=number,
            page=self.page,
            phase=self._phase(request, answer),
            sample=request.sample,
            repeat=request.repeat,
            started_at=sent_at,
            kind=error.kind if error else "ok",
            status=error.status if error else (answer.status if answer else None),
            message=self.told(error),
            # A replayed answer has only the time that was recorded with it.
            service_time=(done - sent) / 1e9 if answer is None else answer.service_time,
            response_time=(done - request.began) / 1e9 if timed else None,
            settings=settings_hash(dict(self.generation.sent())),
            supersedes=request.supersedes,
            variant=self.variant,
            **self._tokens(request.dialogue, answer),
        )
        self.log.append(record)
        return record

    def told(self, error: RequestError | None) -> str:
        """Return what may be told of an error: a server's own words may repeat a dialogue that is private."""
        if error is None:
            return ""
        return visible(str(error) if self.log.text_form == "full" else error.private)

    def _blamed(self, request: _Request, error: RequestError) -> RequestError:
        """Return an error with the right party blamed: the toolkit answers 400 to its own faults as well.

        A 400 to an input that passes our own check is the server's fault if it fails on a known good one too.
        """
        if error.status != 400 or error.kind is not Failure.BAD_REQUEST or not self._is_sound(request.dialogue):
            return error
        if request.dialogue != KNOWN_GOOD:
            probe = self.ask(KNOWN_GOOD_ID, KNOWN_GOOD, phase="probe", attempts=1)
            if probe is None or probe.answer is not None:
                return error
        return RequestError(Failure.SERVER_ERROR, error.private, said=error.said, status=400, retryable=True)

    def _is_sound(self, dialogue: str) -> bool:
        if not dialogue.strip():
            return False
        if self.count_tokens is None or self.context_tokens is None:
            return True
        return self.count_tokens(dialogue) <= self.context_tokens

    def _wake(self, request: _Request, error: RequestError, *, last: bool) -> None:
        """Wait for a service that is down, so that its cold start has records of its own and is nobody's service time.

        A service that does not come up within the limit is down for this run.
        """
        if error.kind is not Failure.COLD or request.phase == "cold" or last or self._is_recorded:
            return
        first, _ = wait_until_up(self, request.sample, request.dialogue, self.limits.wake_timeout)
        # A service that holds a request until it is up, and is not up in time, has let it run into its limit.
        if first and first.record.kind in (*UNREACHABLE, Failure.TIMEOUT):
            self.down_since, self.down_kind = first.record.started_at, first.record.kind
            error.retryable = False

    def _tokens(self, dialogue: str, answer: Answer | None) -> dict[str, Any]:
        if answer is None:
            return {}
        told = {name: getattr(answer, name) for name in (*TOLD, "lost_tokens", "replaced", "summary")}
        sent, made = answer.input_tokens, answer.output_tokens
        if self.count_tokens is not None and (sent is None or made is None):
            sent = self.count_tokens(dialogue) if sent is None else sent
            made = self.count_tokens(answer.summary) if made is None else made
            told["tokens_by"] = "text"
        return {"input_tokens": sent, "output_tokens": made, **told}

    def _phase(self, request: _Request, answer: Answer | None) -> Phase:
        """Return the phase of an attempt: what was not computed again is not steady state."""
        if answer is None or request.phase != "steady":
            return request.phase
        return "cached" if self.may_be_cached or is_from_cache(answer, self.shared_tokens) else "steady"

    def _watch(self, record: Record) -> None:
        found_nobody = record.kind in UNREACHABLE and not self._is_recorded
        self._failed_in_a_row = self._failed_in_a_row + 1 if found_nobody else 0
        if self._failed_in_a_row >= DOWN_AFTER:
            self.down_since, self.down_kind = record.started_at, record.kind


def is_from_cache(answer: Answer, shared_tokens: int) -> bool:
    """Whether more of an answer's prompt was taken from a cache than the ``shared_tokens`` of all prompts."""
    return (answer.cached_tokens or 0) > shared_tokens + ALIKE


def limits(params: Params) -> Limits:
    """Return the limits of a run's requests."""
    endpoint = params.endpoint
    return Limits(endpoint.attempts, endpoint.retry_timeout, endpoint.wake_timeout)


def retrying(limits: Limits, attempts: int) -> tenacity.Retrying:
    """Return the attempts of one request: only where a retry can help, bounded in number and in time."""
    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(limits.retry_timeout),
        retry=_can_help,
        wait=_wait,
        reraise=True,
    )


def wait_until_up(sender: RequestSender, sample: str, dialogue: str, limit: float) -> tuple[Outcome | None, bool]:
    """Ask until the first success or for ``limit`` seconds; return the last outcome and whether it was down at first.

    Every try is logged in the phase ``cold``; a failure that waiting cannot mend ends it at once.
    """
    began, was_down = time.monotonic(), False
    while True:
        outcome = sender.ask(sample, dialogue, phase="cold", attempts=1)
        if outcome is None or outcome.record.ok:
            return outcome, was_down
        waited = time.monotonic() - began
        if outcome.record.kind not in (Failure.COLD, Failure.CONNECTION) or waited > limit:
            return outcome, was_down
        was_down = True
        sender.down_since, sender._failed_in_a_row = None, 0
        # Often at first, so that a quick start is timed well; a slow one is known to a twentieth.
        time.sleep(min(max(0.25, waited / 20), 5.0))


def _can_help(state: tenacity.RetryCallState) -> bool:
    """Whether sending again can help; after a 400 that is the server's fault a request is sent once more."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RequestError) or not error.retryable:
        return False
    return error.status != 400 or state.attempt_number < 2


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds before the next attempt: what the server asked for, else exponential with full jitter.

    A wait that does not fit into the time for all attempts is not begun: the request has failed.
    """
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RequestError) else None
    return asked if asked is not None else tenacity.wait_random_exponential(0.5, LONGEST_WAIT)(state)


def without_controls(answer: Answer) -> Answer:
    """Return an answer with what nothing may show replaced, and counted."""
    summary, replaced = cleaned(answer.summary)
    return replace(answer, summary=summary, replaced=replaced, finish=on_a_line(answer.finish))
