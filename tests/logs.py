"""Scripted request logs: attempts at given seconds, with given times, kinds and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from helpers.runs.request_log import RECORD, Phase, Record

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def attempt(
    at: float,
    seconds: float = 1.0,
    kind: str = "ok",
    *,
    tokens: tuple[int, int] = (100, 20),
    sample: str = "a",
    phase: Phase = "steady",
    summary: str | None = None,
    stream: tuple[float, ...] = (),
) -> Record:
    """Return an attempt that is sent ``at`` seconds after the beginning and takes ``seconds``.

    ``stream`` holds the time to the first token and that between tokens, of an answer that came in a stream.
    """
    ok = kind == "ok"
    return Record(
        request=f"{phase}-{at}-{sample}",
        attempt=1,
        page="03",
        phase=phase,
        sample=sample,
        started_at=BEGAN + timedelta(seconds=at),
        kind=kind,
        settings="s",
        service_time=seconds,
        response_time=seconds,
        input_tokens=tokens[0] if ok else None,
        output_tokens=tokens[1] if ok else None,
        summary=summary,
        **dict(zip(("first_token", "inter_token"), stream, strict=False)),
    )


def traffic(start: int, end: int, every: float = 1.0, **more: object) -> list[Record]:
    """Return attempts at a steady pace, from ``start`` on and before ``end``."""
    count = int((end - start) / every)
    return [attempt(start + place * every, **more) for place in range(count)]  # type: ignore[arg-type]


def usage(pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return samples of the load, given by seconds after the beginning."""
    return [(BEGAN.timestamp() + at, share) for at, share in pairs]


def write_log(path: Path, records: Iterable[Record]) -> Path:
    """Write a log file."""
    path.write_bytes(b"".join(RECORD.dump_json(record, exclude_defaults=True) + b"\n" for record in records))
    return path
