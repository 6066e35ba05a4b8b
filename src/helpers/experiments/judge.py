"""Page 02, where a judge is named: it judges summaries of known truth first, then those of the run.

Its requests are in ``judge.jsonl`` beside the log of the run, so that no figure of the deployment includes them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError, model_validator

from helpers.backends.endpoint import EndpointBackend
from helpers.backends.judge import open_judge, rubric
from helpers.core.model import Frozen
from helpers.core.text import cleaned
from helpers.experiments.judge_cases import SEED, PlantedCase, ReadCase, ToJudge, planted_cases, read_cases
from helpers.params import Generation, JudgeEndpoint
from helpers.runs.budget import spent
from helpers.runs.findings import NAME as FINDINGS
from helpers.runs.findings import Findings
from helpers.runs.request_log import RequestLog
from helpers.runs.results.base import ErrorKind
from helpers.runs.results.judge import (
    BOTH,
    Against,
    AgainstReaders,
    JudgedSummary,
    JudgePreference,
    JudgeResult,
    JudgeSaid,
    JudgeTrial,
    Question,
)
from helpers.runs.run import Run
from helpers.runs.sender import Outcome, RequestSender, limits
from helpers.samples.recorded import Recorded
from helpers.scorers.planted import PlantedKind
from helpers.stats.intervals import Estimate, mean, rate

LOG, VARIANT, PAGE = "judge.jsonl", "judge", "02"
#: Characters that are kept of the words which a judge finds wrong.
MOST_WORDS = 300
#: A block of code that some models put JSON into.
_FENCED = re.compile(r"\A```(?:json)?\s*(.*?)\s*```\Z", re.DOTALL)


class SummaryAnswer(Frozen):
    """What the rubric asks about one summary; what is usable is faithful."""

    model_config = ConfigDict(strict=True, extra="ignore")

    faithful: bool
    usable: bool
    kind: ErrorKind | None = None
    words: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> SummaryAnswer:
        if self.usable and not self.faithful:
            raise ValueError("usable and not faithful")
        return self


class PairAnswer(Frozen):
    """What the rubric asks about two summaries."""

    model_config = ConfigDict(strict=True, extra="ignore")

    better: Literal["first", "second", "neither"]


def ask_judge(run: Run, own: Sequence[ToJudge], recorded: tuple[Against, Recorded] | None = None) -> JudgeResult | None:
    """Return what the judge says of the run's ``own`` summaries, and what shows whether it may; ``None`` without one.

    ``recorded`` are summaries of the same dialogues that it compares them with.
    """
    judge = run.params.scoring.judge
    if judge is None:
        return None
    told = {"model": judge.served_model, "rubric": rubric().sha256}
    if run.params.privacy.text != "full" and not judge.send_private:
        why = f"privacy.text is '{run.params.privacy.text}', and scoring.judge.send_private does not allow it"
        return JudgeResult(reason=why, **told)
    with open_judge(run.params) as backend:
        log = RequestLog(run.directory / LOG, run.params.privacy.text)
        asker = _Asker(_sender(run, judge, backend, log), full=run.params.privacy.text == "full")
        known = _mixed(planted_cases(judge.planted, judge.references), read_cases(run, own))
        answers = [(case, asker.about(case.name, case.text).said) for case in known]
        summaries = tuple(asker.about(f"summary:{one.id}", one) for one in own)
        preference = _preference(asker, own, *recorded) if recorded else None
    return JudgeResult(
        requests=log.count(),
        malformed=asker.malformed,
        failed=asker.failed,
        stopped=asker.stopped,
        **_qualification(answers),
        summaries=summaries,
        shares={question: _share(summaries, question) for question in BOTH},
        flagged={question: _flagged(summaries, question) for question in BOTH},
        preference=preference,
        **told,
    )


def _sender(run: Run, judge: JudgeEndpoint, backend: EndpointBackend, log: RequestLog) -> RequestSender:
    """Return what asks the judge: within its own requests, and within the time and money of the run."""

    def may_send() -> str:
        if log.count() >= judge.requests:
            return f"scoring.judge.requests={judge.requests} is spent"
        return spent(run.params, run.manifest, 0)

    return RequestSender(
        backend=backend,
        generation=Generation(max_new_tokens=judge.max_new_tokens, extra=judge.extra),
        log=log,
        page=PAGE,
        limits=limits(run.params),
        may_send=may_send,
        earlier=run.earlier_in(log, PAGE, VARIANT),
        findings=Findings(run.directory / FINDINGS),
        variant=VARIANT,
    )


@dataclass
class _Asker:
    """Sends requests and counts the responses; where no text may be kept, no words of a summary are."""

    sender: RequestSender
    full: bool
    malformed: int = 0
    failed: int = 0

    @property
    def stopped(self) -> str:
        """Why not every request was sent, or nothing."""
        down = self.sender.down_kind
        return self.sender.stopped or (f"the judge does not answer ({down})" if down else "")

    def about(self, name: str, text: ToJudge) -> JudgedSummary:
        """Ask about one summary."""
        material = {"dialogue": text.dialogue, "summary": text.summary}
        said, request = self._ask(name, material, about_summary)
        return JudgedSummary(id=text.id, said=said, request=request)

    def better(self, text: ToJudge, other: str, *, own_first: bool) -> JudgeSaid | None:
        """Ask which of two summaries is better, in one of the two orders."""
        first, second = (text.summary, other) if own_first else (other, text.summary)
        material = {"dialogue": text.dialogue, "first": first, "second": second}
        return self._ask(f"pair:{text.id}", material, _about_pair, repeat=int(not own_first))[0]

    def _ask(
        self, name: str, material: Mapping[str, str], read: Callable[[str], JudgeSaid], repeat: int = 0
    ) -> tuple[JudgeSaid | None, str | None]:
        outcome = self.sender.ask(name, json.dumps(material, ensure_ascii=False), repeat=repeat)
        if outcome is None:
            return None, None
        if not outcome.record.ok:
            self.failed += 1
            return None, outcome.record.request
        said = JudgeSaid.model_validate(outcome.found) if outcome.found else read(_text(outcome))
        said = said if self.full else said.model_copy(update={"words": ""})
        self.sender.keep(outcome, said)
        self.malformed += said.malformed
        return said, outcome.record.request


def _text(outcome: Outcome) -> str:
    assert outcome.answer is not None, "a request that was answered has an answer, or what was found in it"
    return outcome.answer.summary


def about_summary(text: str) -> JudgeSaid:
    """Return what an answer about a summary says: a verdict as the rubric asks for it, or that it is malformed."""
    try:
        found = SummaryAnswer.model_validate_json(_bare(text))
    except ValidationError:
        return JudgeSaid(malformed=True)
    # JSON can spell characters that the text of an answer was rid of
    return JudgeSaid(**found.model_dump(exclude={"words"}), words=cleaned(found.words)[0][:MOST_WORDS])


def _about_pair(text: str) -> JudgeSaid:
    try:
        return JudgeSaid(better=PairAnswer.model_validate_json(_bare(text)).better)
    except ValidationError:
        return JudgeSaid(malformed=True)


def _bare(text: str) -> str:
    """Return an answer without the code block that may enclose it."""
    fenced = _FENCED.match(text.strip())
    return fenced[1] if fenced else text


def _mixed(planted: Iterable[PlantedCase], read: Iterable[ReadCase]) -> list[PlantedCase | ReadCase]:
    """Return cases in an order by chance, so that a budget that ends early leaves some of each."""
    found: list[PlantedCase | ReadCase] = [*planted, *read]
    random.Random(SEED).shuffle(found)  # noqa: S311
    return found


Answers = Sequence[tuple[PlantedCase | ReadCase, JudgeSaid | None]]


def _qualification(answers: Answers) -> dict[str, Any]:
    """Return as fields of the result what the judge says of summaries whose truth is known.

    A malformed answer sees no error; of what is true it says nothing.
    """
    planted = [(case, said) for case, said in answers if isinstance(case, PlantedCase) and said is not None]
    read = [(case, said) for case, said in answers if isinstance(case, ReadCase) and said is not None]
    trials = {}
    for kind in PlantedKind:
        found = [said for case, said in planted if case.kind is kind]
        trials[kind] = _trial([_sees(kind, said) for said in found], found)
    true = [said for case, said in planted if case.kind is None]
    valid = [said for said in true if not said.malformed]
    return {
        "planted": trials,
        "references": _trial([any(said.denies(question) for question in BOTH) for said in valid], true),
        "read": {question: _against_readers(read, question) for question in BOTH},
        "read_by": tuple(sorted({by for case, _ in read for by in case.made_by})),
    }


def _sees(kind: PlantedKind, said: JudgeSaid) -> bool:
    """Whether an answer sees an error: a summary without its outcome may be faithful, but nobody can use it."""
    return said.denies("usable" if kind is PlantedKind.OUTCOME_OMITTED else "faithful")


def _trial(objects: Sequence[bool], answers: Sequence[JudgeSaid]) -> JudgeTrial:
    malformed = sum(said.malformed for said in answers)
    return JudgeTrial(malformed=malformed, objects=rate(sum(objects), len(objects)))


def _against_readers(read: Sequence[tuple[ReadCase, JudgeSaid]], question: Question) -> AgainstReaders:
    denied = [said.denies(question) for case, said in read if case.says.get(question) is False]
    affirmed = [said.denies(question) for case, said in read if case.says.get(question) and not said.malformed]
    return AgainstReaders(detection=rate(sum(denied), len(denied)), alarms=rate(sum(affirmed), len(affirmed)))


def _share(summaries: Sequence[JudgedSummary], question: Question) -> Estimate:
    valid = [one.said for one in summaries if one.said and not one.said.malformed]
    return rate(sum(not said.denies(question) for said in valid), len(valid))


def _flagged(summaries: Sequence[JudgedSummary], question: Question) -> Estimate:
    answered = [one.said for one in summaries if one.said]
    return rate(sum(said.denies(question) for said in answered), len(answered))


def _preference(asker: _Asker, own: Sequence[ToJudge], against: Against, recorded: Recorded) -> JudgePreference:
    """Return which summaries the judge prefers, where it does so in both orders."""
    both = [(one, other) for one in own if (other := recorded.summary(one.id)) is not None]
    wins, inconsistent, malformed = [], 0, 0
    for one, other in both:
        if one.summary == other:
            continue
        orders = [asker.better(one, other, own_first=own_first) for own_first in (True, False)]
        if any(said is None for said in orders):
            continue
        if any(said.malformed for said in orders if said):
            malformed += 1
            continue
        won = [_WON[said.better, place] for place, said in enumerate(orders) if said and said.better]
        if won[0] == won[1]:
            wins.append(won[0])
        else:
            inconsistent += 1
    return JudgePreference(
        against=against,
        pairs=len(wins) + inconsistent + malformed,
        equal=sum(one.summary == other for one, other in both),
        inconsistent=inconsistent,
        malformed=malformed,
        consistent=rate(len(wins), len(wins) + inconsistent),
        wins=mean(wins, floor=0.0, ceiling=1.0) if wins else None,
    )


#: What an answer is worth to the run's own summary, by the order (0: its own stood first).
_WON = {
    ("first", 0): 1.0, ("second", 0): 0.0, ("neither", 0): 0.5,
    ("first", 1): 0.0, ("second", 1): 1.0, ("neither", 1): 0.5,
}  # fmt: skip
