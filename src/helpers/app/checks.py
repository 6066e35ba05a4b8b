"""What is found wrong with an answer: failed output checks, and flags of the faithfulness checks with their words.

A flag is a reason to look, no verdict: the checks miss much, and what has no flag is not shown to be right.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from threading import Lock

from helpers.core.processes import end_with_parent
from helpers.scorers.evidence import Span, in_summary
from helpers.scorers.failures import OUTPUT_LABELS, OutputFailure, as_told, output_failures
from helpers.scorers.faithfulness import CHECK_LABELS, Objection, faithfulness

#: Seconds for the faithfulness checks of one summary: their work grows with speakers, sentences and values together.
LIMIT = 10.0
#: Seconds for the process of the checks to start, on a busy machine.
STARTING = 60.0
#: A worker is replaced after this many summaries, and with it the words and dialogues that it remembers.
REPLACED_AFTER = 200
#: Who checks: ``None`` where it took too long.
Objecting = Callable[[str, str], Sequence[Objection] | None]


@dataclass(frozen=True)
class Flag:
    """One thing that was found: what, in which ``words``, and where these are in the summary.

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
    objections = objecting(summary, dialogue)
    spans: dict[str, list[Span]] = defaultdict(list)
    for mark in in_summary(summary, dialogue, failures, objections or ()):
        spans[mark.flag].append((mark.start, mark.end))
    flags = [Flag(OUTPUT_LABELS[kind], _named(kind, summary, spans[kind]), tuple(spans[kind])) for kind in failures]
    for one in objections or ():
        told = one.words.partition(" in: ")[0]
        flags.append(Flag(CHECK_LABELS[one.check], (told,), tuple(spans[one.check]), faithful=True))
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
    """A process with a pipe to it; not a pool, which never closes once a signal has ended its worker."""

    def __init__(self) -> None:
        self._context, self._lock = multiprocessing.get_context("spawn"), Lock()
        self._ready, self._asked = False, 0
        self._start()

    def objections(self, summary: str, dialogue: str) -> Sequence[Objection] | None:
        """Return what the checks find; ``None`` where it took longer than `LIMIT`. One summary at a time."""
        with self._lock:
            if self._asked >= REPLACED_AFTER:
                self._replace()
            try:
                found = self._answer(summary, dialogue)
            except (EOFError, OSError):  # a signal has ended it
                found = None
            if found is None:
                self._replace()
            return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._line.close()

    def _answer(self, summary: str, dialogue: str) -> Sequence[Objection] | None:
        if not self._ready:
            if not self._line.poll(STARTING):
                return None
            self._ready = bool(self._line.recv())
        self._asked += 1
        self._line.send((summary, dialogue))
        return self._line.recv() if self._line.poll(LIMIT) else None

    def _replace(self) -> None:
        self.close()
        self._start()

    def _start(self) -> None:
        self._line, line = self._context.Pipe()
        self._process = self._context.Process(target=_work, args=(line,), daemon=True)
        self._process.start()
        line.close()
        self._ready, self._asked = False, 0


def _work(line: Connection) -> None:
    """Check what comes over a line; Ctrl-C is left to the app, and what the first check would wait for is loaded."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faithfulness("Ann meets Bo at noon.", "Ann: Shall we meet at noon?\nBo: Yes, on Monday at two.")
    with suppress(EOFError, OSError):  # the app has ended
        line.send(True)
        while True:
            line.send(faithfulness(*line.recv()))


def _named(kind: OutputFailure, summary: str, spans: Sequence[Span]) -> tuple[str, ...]:
    """Return the names or numbers that a check is about; nothing for one that is about how a summary is written."""
    if kind not in (OutputFailure.UNKNOWN_PERSON, OutputFailure.UNSPOKEN_NUMBER):
        return ()
    return tuple(dict.fromkeys(summary[start:end] for start, end in spans))
