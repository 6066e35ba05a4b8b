"""The requests of a run of load, as records of the log."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from helpers.runs.request_log import Record, settings_hash
from helpers.runs.run import Run
from helpers.sending import KINDS, OK, Outcomes


def write(run: Run, outcomes: Outcomes, ids: Sequence[str], repeat: int, zero: datetime, variant: str = "") -> None:
    """Write the requests of one run of load, after it: writing would disturb it. ``zero`` is when it began."""
    part = outcomes.measured()
    settings = settings_hash(dict(run.params.generation.sent()))
    for place, kind in enumerate(part.kinds.tolist()):
        due, sent, done = (float(series[place]) for series in (part.intended, part.sent, part.done))
        ended = done == done
        run.log.append(
            Record(
                request=uuid.uuid4().hex[:12],
                attempt=1,
                page="05",
                phase="load",
                sample=ids[int(part.samples[place])],
                started_at=zero + timedelta(seconds=sent if sent == sent else due),
                kind="ok" if kind == OK else KINDS[kind - 2],
                repeat=repeat,
                service_time=done - sent if ended else None,
                response_time=done - due if ended else None,
                settings=settings,
                variant=variant,
            )
        )
