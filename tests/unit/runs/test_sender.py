"""Asking: every attempt is logged, retries only where they help, and nobody asks for ever where nobody is."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from helpers.backends.base import Answer
from helpers.core.errors import Failure, RequestError
from helpers.params import Generation
from helpers.runs.earlier import Earlier, Unsettled
from helpers.runs.findings import Findings
from helpers.runs.request_log import RequestLog, TextForm
from helpers.runs.results.deploy_check import Probe
from helpers.runs.sender import Limits, RequestSender


class Scripted:
    """Answers by a script; the last line of it for ever."""

    kind = "scripted"

    def __init__(self, *script: Answer | RequestError) -> None:
        self.script, self.asked = list(script), 0

    def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
        line = self.script[min(self.asked, len(self.script) - 1)]
        self.asked += 1
        if isinstance(line, RequestError):
            raise line
        return [line]

    def close(self) -> None:
        pass


GOOD = Answer("A summary.", service_time=0.5)
BUSY = RequestError(Failure.SERVER_ERROR, "HTTP 500", status=500, retryable=True)
REFUSED = RequestError(Failure.BAD_REQUEST, "HTTP 400", status=400)
LATER = RequestError(Failure.RATE_LIMITED, "HTTP 429", status=429, retryable=True, retry_after=61)
ASLEEP = RequestError(Failure.COLD, "HTTP 503", status=503, retryable=True)
GONE = RequestError(Failure.CONNECTION, "refused", retryable=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.runs.sender._wait", lambda state: 0)


def sender(tmp_path: Path, *script: Answer | RequestError, **more: object) -> RequestSender:
    log = RequestLog(tmp_path / "log.jsonl")
    return RequestSender(Scripted(*script), Generation(), log, "02", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "kinds", "answered"),
    [
        ((GOOD,), ["ok"], True),
        ((BUSY, BUSY, GOOD), ["server_error", "server_error", "ok"], True),
        ((BUSY,), ["server_error"] * 3, False),
        ((REFUSED, GOOD), ["ok", "bad_request"], False),
        ((REFUSED,), ["server_error"] * 4, False),
        ((REFUSED, REFUSED, GOOD), ["server_error", "server_error", "ok"], True),
    ],
)
def test_attempts(tmp_path: Path, script: tuple[Answer | RequestError, ...], kinds: list[str], answered: bool) -> None:
    asking = sender(tmp_path, *script, limits=Limits(3))
    outcome = asking.ask("s", "Ann: hi")
    records = asking.log.read()
    assert [r.kind for r in records] == kinds
    own = [r for r in records if r.sample == "s"]
    assert [r.attempt for r in own] == list(range(1, len(own) + 1))
    assert len({r.request for r in own}) == 1
    assert outcome is not None
    assert (outcome.answer is not None) is answered


@pytest.mark.parametrize("dialogue", ["", "  \n", "word " * 20])
def test_an_input_that_is_not_sound_is_blamed_without_a_probe(tmp_path: Path, dialogue: str) -> None:
    asking = sender(tmp_path, REFUSED, count_tokens=lambda text: len(text.split()), context_tokens=10)
    asking.ask("s", dialogue)
    assert [r.kind for r in asking.log.read()] == ["bad_request"]


def test_a_wait_that_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    asking = sender(tmp_path, LATER, GOOD, limits=Limits(3, retry_timeout=60))
    outcome = asking.ask("s", "Ann: hi")
    assert outcome is not None
    assert [r.kind for r in asking.log.read()] == ["rate_limited"]


def test_a_cold_start_has_records_of_its_own(tmp_path: Path) -> None:
    asking = sender(tmp_path, ASLEEP, ASLEEP, GOOD, limits=Limits(2))
    outcome = asking.ask("s", "Ann: hi")
    assert outcome is not None
    assert [(r.phase, r.kind) for r in asking.log.read()] == [
        ("steady", "cold"), ("cold", "cold"), ("cold", "ok"), ("steady", "ok"),
    ]  # fmt: skip


def test_a_service_that_does_not_wake_is_down(tmp_path: Path) -> None:
    asking = sender(tmp_path, ASLEEP, limits=Limits(3, wake_timeout=0.2))
    assert asking.ask("s", "Ann: hi")
    assert asking.down_kind == "cold"
    assert asking.ask("t", "Ann: hi") is None


def test_what_was_settled_before_an_interruption_is_not_asked_again(tmp_path: Path) -> None:
    first = sender(tmp_path, GOOD, BUSY, GONE, BUSY)
    names = ("answered", "failed", "nobody home", "broken off")
    told = {name: first.ask(name, "Ann: hi") for name in names}
    requests = {name: outcome.record.request for name, outcome in told.items() if outcome}
    records = {(r.phase, r.sample, r.repeat): r for r in first.log.read()}
    unsettled = Unsettled(frozenset({requests["nobody home"]}), frozenset({requests["broken off"]}))
    again = sender(tmp_path, Answer("Another."), earlier=Earlier(records, unsettled))
    found = {name: again.ask(name, "Ann: hi") for name in names}
    assert found["answered"] == told["answered"]
    assert (found["failed"].record, found["failed"].answer) == (told["failed"].record, None)  # type: ignore[union-attr]
    assert again.backend.asked == 2  # type: ignore[attr-defined]
    counting = [(r.sample, r.kind) for r in again.log.read()]
    assert counting == [
        ("answered", "ok"), ("failed", "server_error"), ("nobody home", "connection"), ("nobody home", "ok"),
        ("broken off", "ok"),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["hash", "redacted"])
def test_an_answer_that_is_not_kept_is_recalled_by_what_was_found_in_it(tmp_path: Path, form: TextForm) -> None:
    def asking(**more: object) -> RequestSender:
        log = RequestLog(tmp_path / "log.jsonl", form)
        findings = Findings(tmp_path / "findings.jsonl")
        return RequestSender(Scripted(GOOD), Generation(), log, "02", findings=findings, **more)  # type: ignore[arg-type]

    first = asking()
    known, unknown = first.ask("known", "Ann: hi"), first.ask("unknown", "Ann: hi")
    assert known is not None
    assert unknown is not None
    first.keep(known, Probe(name="p", expectation="e", passed=True, kind="ok", detail="d"))
    records = {(r.phase, r.sample, r.repeat): r for r in first.log.read()}
    again = asking(earlier=Earlier(records))
    recalled = again.ask("known", "Ann: hi")
    assert recalled is not None
    assert (recalled.answer, (recalled.found or {})["name"]) == (None, "p")
    assert recalled.mark == (known.mark if form == "hash" else None)
    assert again.ask("unknown", "Ann: hi", text=False).record.request == unknown.record.request  # type: ignore[union-attr]
    assert again.backend.asked == 0  # type: ignore[attr-defined]
    assert again.ask("unknown", "Ann: hi").answer == GOOD  # type: ignore[union-attr]
    assert [r.sample for r in again.log.read()] == ["known", "unknown"], "asked anew, the first counts no longer"
    assert "A summary." not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_a_deployment_that_is_gone_is_not_asked_for_ever(tmp_path: Path) -> None:
    asking = sender(tmp_path, GOOD, GONE)
    outcomes = [asking.ask(str(i), "Ann: hi") for i in range(10)]
    assert [o is not None for o in outcomes] == [True] * 4 + [False] * 6
    assert asking.down_since == asking.log.read()[-1].started_at
    assert asking.down_kind == "connection"


def test_failures_that_are_not_absence_do_not_end_the_asking(tmp_path: Path) -> None:
    asking = sender(tmp_path, BUSY)
    assert all(asking.ask(str(i), "Ann: hi") for i in range(10))
    assert asking.down_since is None


def test_a_spent_budget_ends_the_asking(tmp_path: Path) -> None:
    asking = sender(tmp_path, GOOD, may_send=lambda: "budget.requests=1 is spent")
    assert asking.ask("s", "Ann: hi") is None
    assert asking.stopped == "budget.requests=1 is spent"
    assert asking.log.read() == []


def test_tokens_are_the_backends_else_counted_else_unknown(tmp_path: Path) -> None:
    known = Answer("A summary.", 7, 3, 0, 0.5)
    records = []
    for script, more in ((known, {}), (GOOD, {"count_tokens": len, "context_tokens": 4}), (GOOD, {})):
        outcome = sender(tmp_path, script, **more).ask("s", "Ann: hi")
        assert outcome is not None
        records.append(outcome.record)
    assert [(r.input_tokens, r.output_tokens, r.lost_tokens) for r in records] == [
        (7, 3, 0),
        (7, 10, None),
        (None, None, None),
    ]
    assert [r.tokens_by for r in records] == ["server", "text", "server"]
    assert [r.counted("output_tokens") for r in records] == [3, None, None]
    half = sender(tmp_path, Answer("A summary.", None, 3, service_time=0.5), count_tokens=len).ask("s", "Ann: hi")
    assert half is not None
    assert (half.record.input_tokens, half.record.output_tokens, half.record.tokens_by) == (7, 3, "text")


def test_what_a_server_took_from_its_cache_leaves_the_steady_state(tmp_path: Path) -> None:
    fresh, known = (Answer("A summary.", 90, 3, None, 0.5, cached_tokens=n) for n in (40, 80))
    asking = sender(tmp_path, fresh, known, shared_tokens=30)
    for name in ("fresh", "known"):
        asking.ask(name, "Ann: hi")
    assert [(r.phase, r.is_judged) for r in asking.log.read()] == [("steady", True), ("cached", False)]
    unsure = sender(tmp_path / "unsure", GOOD, may_be_cached=True)
    unsure.log.path.parent.mkdir()
    told = [unsure.ask("s", "Ann: hi"), unsure.ask("s", "Ann: hi", phase="warmup")]
    assert [one.record.phase for one in told if one] == ["cached", "warmup"]


def test_what_a_server_says_is_cleaned_before_it_is_logged(tmp_path: Path) -> None:
    class Odd:
        kind = "odd"

        def summarise(self, dialogues: Sequence[str], generation: Generation) -> list[Answer]:
            if "refuse" in dialogues[0]:
                raise RequestError(Failure.BAD_REQUEST, "HTTP 400", said="no\0 \ud83d")
            return [Answer("a\0b \ud83d\x1b[31m", finish="st\0op\n")]

        def close(self) -> None: ...

    sender = RequestSender(Odd(), Generation(), RequestLog(tmp_path / "log.jsonl"), page="02")
    answered, refused = sender.ask("a", "Ann: hi"), sender.ask("b", "refuse")
    assert answered
    assert answered.answer
    assert refused
    assert (answered.answer.summary, answered.record.finish) == ("a␀b �␛[31m", "st␀op")
    assert [record.replaced for record in RequestLog(tmp_path / "log.jsonl").read()] == [3, 0]
    assert refused.record.message == "HTTP 400: no␀ �"


def test_a_service_that_holds_a_request_until_its_limit_has_not_come_up(tmp_path: Path) -> None:
    asleep = RequestError(Failure.COLD, "HTTP 503", status=503, retryable=True)
    held = RequestError(Failure.TIMEOUT, "no complete answer within 600 s", retryable=True)
    asking = sender(tmp_path, asleep, held, limits=Limits(3))
    asking.ask("s", "Ann: hi")
    assert asking.down_since is not None
    assert asking.ask("t", "Bo: hi") is None


def test_a_dialogue_that_a_service_refuses_once_it_is_up_says_nothing_against_the_service(tmp_path: Path) -> None:
    asleep = RequestError(Failure.COLD, "HTTP 503", status=503, retryable=True)
    asking = sender(tmp_path, asleep, REFUSED, GOOD, REFUSED, GOOD, limits=Limits(3))
    asking.ask("s", "Ann: hi")
    assert asking.down_since is None
    assert [record.kind for record in asking.log.read()] == ["cold", "ok", "bad_request", "ok", "bad_request"]
