"""What is found wrong with an answer: failed output checks, and flags of the faithfulness checks with their words.

A flag is a reason to look, no verdict: the checks miss much, and what has no flag is not shown to be right.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

from helpers.scorers.failures import OUTPUT_LABELS, OutputFailure, as_told, output_failures
from helpers.scorers.faithfulness import CHECK_LABELS, FaithfulnessCheck, Objection, faithfulness
from helpers.scorers.mentions import values_of
from helpers.scorers.numbers import unspoken_numbers
from helpers.scorers.people import unknown_people

#: Seconds for the faithfulness checks of one summary: their work grows with speakers, sentences and values together.
LIMIT = 10.0
#: Seconds for the process of the checks to start, on a busy machine.
STARTING = 60.0
#: A worker is replaced after so many summaries, and with it the words and dialogues that it remembers.
REPLACED_AFTER = 200
#: Who checks: ``None`` where it took too long.
Objecting = Callable[[str, str], Sequence[Objection] | None]
Span = tuple[int, int]


@dataclass(frozen=True)
class Flag:
    """One thing that was found: what, in which ``words``, and where these stand in the summary.

    ``faithful`` tells a flag of a faithfulness check from a failed output check.
    """

    label: str
    words: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    faithful: bool = False


@dataclass(frozen=True)
class CheckedAnswer:
    """What all checks found in one summary; ``in_time`` is false where the faithfulness checks took too long."""

    flags: tuple[Flag, ...] = ()
    in_time: bool = True

    @property
    def failed(self) -> tuple[Flag, ...]:
        """The output checks that failed."""
        return tuple(flag for flag in self.flags if not flag.faithful)

    @property
    def doubted(self) -> tuple[Flag, ...]:
        """What the faithfulness checks flag."""
        return tuple(flag for flag in self.flags if flag.faithful)


def checked(summary: str, dialogue: str, finish: str = "", objecting: Objecting = faithfulness) -> CheckedAnswer:
    """Return what the checks find in an answer; ``finish`` is how its server says that it ended."""
    failures = as_told(output_failures(summary, dialogue), finish)
    flags = [_failed(kind, summary, dialogue) for kind in failures]
    objections = objecting(summary, dialogue)
    flags += [_doubted(one, summary) for one in objections or ()]
    return CheckedAnswer(tuple(flags), in_time=objections is not None)


def segments(summary: str, flags: Sequence[Flag]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield a summary in pieces, each with the places of the flags in ``flags`` that are about it."""
    ends = {0, len(summary), *(end for flag in flags for span in flag.spans for end in span)}
    for start, end in pairwise(sorted(ends)):
        about = (place for place, flag in enumerate(flags) if any(a <= start and end <= b for a, b in flag.spans))
        yield summary[start:end], tuple(about)


@contextmanager
def checking_process() -> Iterator[Objecting]:
    """Give the faithfulness checks in a process of their own, so that a hard dialogue holds up nobody else's."""
    worker = _Worker()
    try:
        yield worker.objections
    finally:
        worker.close()


class _Worker:
    def __init__(self) -> None:
        self._context, self._lock = multiprocessing.get_context("spawn"), Lock()
        self._pool, self._ready = self._started()

    def objections(self, summary: str, dialogue: str) -> Sequence[Objection] | None:
        """Return what the checks find; ``None`` where it took longer than `LIMIT`."""
        pool, ready = self._pool, self._ready
        try:
            ready.get(STARTING)
            return pool.apply_async(faithfulness, (summary, dialogue)).get(LIMIT)
        except (multiprocessing.TimeoutError, ValueError):  # or another's took too long, and the pool was closed
            with self._lock:
                if pool is self._pool:
                    pool.terminate()
                    self._pool, self._ready = self._started()
            return None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._pool.terminate()
            self._pool.join()

    def _started(self) -> tuple[multiprocessing.pool.Pool, multiprocessing.pool.AsyncResult[int]]:
        """Return a new process, and what tells that it has begun."""
        pool = self._context.Pool(1, _begin, maxtasksperchild=REPLACED_AFTER)
        return pool, pool.apply_async(len, ("",))


def _begin() -> None:
    """Leave Ctrl-C to the app, and load what the first check would wait for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faithfulness("Ann meets Bo at noon.", "Ann: Shall we meet at noon?\nBo: Yes, on Monday at two.")


def _failed(kind: OutputFailure, summary: str, dialogue: str) -> Flag:
    words: Sequence[str] = ()
    spans: list[Span] = []
    match kind:
        case OutputFailure.UNKNOWN_PERSON:
            words = unknown_people(summary, dialogue)
        case OutputFailure.UNSPOKEN_NUMBER:
            words = unspoken_numbers(summary, dialogue)
        case OutputFailure.HEAD_LOST | OutputFailure.CUT_OFF:
            first_or_last = r"\S+" if kind is OutputFailure.HEAD_LOST else r"\S+\s*$"
            spans = [found.span() for found in [re.search(first_or_last, summary)] if found]
    spans += [span for one in words for span in _everywhere(one, summary) or _values(one, summary)]
    return Flag(OUTPUT_LABELS[kind], tuple(dict.fromkeys(words)), tuple(spans))


def _doubted(objection: Objection, summary: str) -> Flag:
    told = objection.words
    match objection.check:
        case FaithfulnessCheck.WHEN | FaithfulnessCheck.HOW_MUCH:
            told, _, sentence = told.partition(" in: ")
            within = summary.find(sentence)
            spans = _everywhere(told, sentence if within >= 0 else summary)
            spans = [(start + max(within, 0), end + max(within, 0)) for start, end in spans]
        case FaithfulnessCheck.AT_ODDS:
            twice = [one for part in told.split(", ") for one in part.split(" … ")]
            spans = [span for one in dict.fromkeys(twice) for span in _everywhere(one, summary)]
        case _:
            spans = _longest_end(told, summary)
    return Flag(CHECK_LABELS[objection.check], (told,), tuple(spans), faithful=True)


def _everywhere(words: str, text: str) -> list[Span]:
    """Return where words stand in a text by themselves, whatever their case."""
    if not words.strip():
        return []
    return [found.span() for found in re.finditer(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE)]


def _values(key: str, text: str) -> list[Span]:
    """Return where a number stands that is spelled otherwise there: in words, or with a comma."""
    return [(value.start, value.end) for value in values_of(text) if value.key == key]


def _longest_end(words: str, text: str) -> list[Span]:
    """Return where the longest end of some words stands: a subject may stand as a pronoun in the text."""
    starts = [0, *(found.end() for found in re.finditer(r"\s+", words))]
    for start in starts:
        at = text.find(words[start:])
        if at >= 0 and start < len(words):
            return [(at, at + len(words) - start)]
    return []
