"""Load in the log of a run: every request is counted before it is sent and written as soon as it has ended."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from helpers.backends.base import Answer
from helpers.core.errors import RequestError
from helpers.experiments.load.sending import Span
from helpers.runs.request_log import LogWriter, Record, settings_hash
from helpers.runs.sender import TOLD, RequestSender, without_controls

#: What an answer says, as the log keeps it.
SAID = (*TOLD, "summary", "input_tokens", "output_tokens", "lost_tokens", "replaced")


class LoggedLoad:
    """Who is told of the requests of one run of load by `helpers.experiments.load.sending.send`, and logs them.

    ``sender`` says what may be sent and whose the records are, ``ids`` are those of the dialogues; ``heard`` takes in
    what was said of each, and how often.
    """

    def __init__(
        self,
        sender: RequestSender,
        ids: Sequence[str],
        repeat: int,
        heard: defaultdict[str, Counter[str]] | None = None,
    ) -> None:
        self._sender, self._ids, self._repeat, self._heard = sender, ids, repeat, heard
        self._settings = settings_hash(dict(sender.generation.sent()))
        self._under_way: dict[int, tuple[str, datetime]] = {}
        self._writer = LogWriter(sender.log)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def begin(self, place: int) -> str:
        """Count the request at a place of the run; return why it may not be sent, or nothing."""
        if self._writer.failure:
            return "the log cannot be written"
        request = uuid.uuid4().hex[:12]
        if not self._sender.admit(request):
            return self._sender.stopped or "the deployment had stopped answering"
        self._under_way[place] = (request, datetime.now(UTC))
        return ""

    def end(
        self, place: int, sample: int, span: Span, error: RequestError | None, answer: Answer | None = None
    ) -> None:
        """Have a request written that has ended, with what was told of its answer; nothing is counted from a text."""
        request, began_at = self._under_way.pop(place)
        found = without_controls(answer) if answer else None
        told = {name: getattr(found, name) for name in SAID} if found else {}
        if found and self._heard is not None:
            self._heard[self._ids[sample]][found.summary] += 1
        self._writer.append(
            Record(
                request=request,
                attempt=1,
                page=self._sender.page,
                phase="load",
                sample=self._ids[sample],
                started_at=began_at,
                kind=error.kind if error else "ok",
                status=error.status if error else (answer.status if answer else None),
                message=self._sender.told(error),
                repeat=self._repeat,
                service_time=span.done - span.sent,
                response_time=span.done - span.intended,
                settings=self._settings,
                variant=self._sender.variant,
                **told,
            )
        )
