"""``python -m helpers.report.wandb_upload RUN MODE LIMIT``: what W&B is told of a finished run, all of it from the run.

Everything comes from the request log, the results and the pages, which hold no more text than ``privacy.text``
allows. The last line of standard output is JSON: ``address``, ``folder`` or ``error``. `helpers.report.tracking`
starts it. The file of an offline run is read back too: a log of blocks in LevelDB's format, one protobuf message per
record.
"""

from __future__ import annotations

import json
import struct
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.core.environment import redact
from helpers.runs.directory import attach
from helpers.runs.request_log import Record, final_attempts
from helpers.runs.results.sample_eval import Scored
from helpers.runs.run import Run
from helpers.verdicts.compute import judgement

#: More rows of a table, and more points of a curve, are left out; distributions and counts take all of them.
MOST_ROWS = 10_000
TIMES = ("service_time", "response_time")
TOKENS = ("input_tokens", "output_tokens", "lost_tokens")
REQUESTS = ("request", "attempt", "page", "phase", "sample", "kind", "status", *TIMES, *TOKENS, "summary", "message")

#: The file of a run is 7 bytes of header, then blocks of 32 KiB holding chunks of checksum (4 bytes), length (2) and
#: type (1); the record of a chunk of type 1 is whole, 2, 3 and 4 are its first, middle and last part.
HEADER, BLOCK, CHUNK = 7, 32_768, struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def main(directory: Path, mode: str, limit: float, notices: Sequence[dict[str, str]]) -> dict[str, str]:
    """Put the run into W&B and return what came of it."""
    try:
        import wandb
    except ImportError as error:
        return {"error": f"the package wandb cannot be used ({error}); 'make setup' installs it"}
    try:
        return _tell(wandb, attach(directory), mode, limit, notices)
    except Exception as error:  # wandb raises many kinds; all of them mean that it takes nothing
        return {"error": f"W&B refused: {_first_line(error)}"}


def read_records(path: Path) -> Iterator[Any]:
    """Yield the messages of a ``.wandb`` file as `wandb.proto.wandb_internal_pb2.Record`; a torn end is left out."""
    yield from map(_parsed, _contents(path.read_bytes()))


def is_complete(path: Path) -> bool:
    """Whether a W&B run was written up to its end."""
    last = deque(_contents(path.read_bytes()), maxlen=1)
    return bool(last) and _parsed(last[0]).WhichOneof("record_type") in ("exit", "footer", "final")


def _tell(wandb: Any, run: Run, mode: str, limit: float, notices: Sequence[dict[str, str]]) -> dict[str, str]:
    records = run.log.read()
    tracked = _opened(wandb, run, mode, limit)
    log_requests(tracked, records)
    log_distributions(wandb, tracked, records)
    log_results(wandb, tracked, run)
    add_artifacts(wandb, tracked, run)
    for notice in notices:
        tracked.alert(title=notice["title"][:64], text=redact(notice["text"]), level=notice["level"])
    address, folder = tracked.url, Path(tracked.dir).parent
    tracked.finish()
    wandb.teardown()  # W&B's own process may still be writing when a run has finished
    if mode == "online":
        return {"address": str(address)}
    if not is_complete(next(folder.glob("*.wandb"))):
        return {"error": f"the W&B file in {folder.name} was cut off; is the disk full?"}
    return {"folder": str(folder)}


def log_requests(tracked: Any, records: Sequence[Record]) -> None:
    """Log one step per attempt, in order: its times and tokens, and the errors so far by kind."""
    errors: Counter[str] = Counter()
    for step, record in enumerate(records):
        errors.update([] if record.ok else [record.kind])
        if step < MOST_ROWS:
            known = {f"request/{name}": getattr(record, name) for name in (*TIMES, *TOKENS)}
            point = {name: value for name, value in known.items() if value is not None}
            point |= {f"errors/{kind}": n for kind, n in errors.items()}
            tracked.log({"request/ok": int(record.ok), "request/at": record.started_at.timestamp(), **point}, step=step)
    tracked.summary.update(
        {
            "attempts": len(records),
            "requests": len({record.request for record in records}),
            "failed_attempts": sum(errors.values()),
            **{f"failed_attempts/{kind}": n for kind, n in errors.items()},
        }
    )


def log_distributions(wandb: Any, tracked: Any, records: Sequence[Record]) -> None:
    """Log the distributions of the steady state's successes."""
    steady = [record for record in final_attempts(records) if record.ok and record.is_judged]
    found = {name: [v for r in steady if (v := getattr(r, name)) is not None] for name in (*TIMES, *TOKENS)}
    tracked.log({f"distribution/{name}": wandb.Histogram(values) for name, values in found.items() if values})


def log_results(wandb: Any, tracked: Any, run: Run) -> None:
    """Log the tables of attempts, dialogues and verdicts, and the figures of the pages as the summary."""
    results, judged = run.results(), judgement(run)
    shown = [_cells(record, REQUESTS) for record in run.log.read()[:MOST_ROWS]]
    tables = {"requests": wandb.Table(columns=list(REQUESTS), data=shown)}
    scored = results.sample_eval
    if scored and scored.samples:
        columns, rows = _dialogues(scored.samples[:MOST_ROWS])
        tables["dialogues"] = wandb.Table(columns=columns, data=rows)
        tracked.summary.update({f"score/{name}": estimate.value for name, estimate in scored.scores.items()})
        tracked.summary.update({f"output_failures/{kind}": n for kind, n in scored.failures.items()})
    columns = ["name", "verdict", "value", "low", "high", "n", "threshold", "reason"]
    rows = [
        [r.name, r.verdict, *_cells(r.estimate, ("value", "low", "high", "n")), r.threshold, redact(r.reason)]
        for r in judged.rows
    ]
    tables["verdicts"] = wandb.Table(columns=columns, data=rows)
    tracked.log({f"table/{name}": table for name, table in tables.items()})
    tracked.summary.update({f"verdict/{row.name}": row.verdict for row in judged.rows})
    tracked.summary.update({f"target/{r.name}": r.estimate.value for r in judged.rows if r.estimate.value is not None})
    tracked.summary["decision"] = "SHIP" if judged.ship else "HOLD"


def add_artifacts(wandb: Any, tracked: Any, run: Run) -> None:
    """Add the results, the log and the pages as they were written."""
    directory = run.directory
    kinds = {
        "results": [*sorted((directory / "results").glob("*.json")), directory / "manifest.json"],
        "request-log": run.log.parts(),
        "pages": sorted((directory / "site").glob("*")),
    }
    for kind, files in kinds.items():
        artifact = wandb.Artifact(f"{run.manifest.run}-{kind}", type=kind)
        for path in files:
            artifact.add_file(str(path), name=path.name)
        if files:
            tracked.log_artifact(artifact)


def _opened(wandb: Any, run: Run, mode: str, limit: float) -> Any:
    """Return a W&B run that says nothing of this machine and sends nothing but what it is given."""
    manifest, tracking = run.manifest, run.params.tracking
    settings = wandb.Settings(
        mode=mode,
        console="off",
        silent=True,
        init_timeout=limit,
        host="",
        disable_git=True,
        disable_code=True,
        save_code=False,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    known = manifest.model_dump(mode="json", exclude={"run", "command", "given", "defaulted", "not_applied"})
    told = {k: v for k, v in (manifest.defaulted | manifest.given).items() if k not in manifest.not_applied}
    known = {name: value for name, value in (known | told).items() if value is not None}
    return wandb.init(
        project=tracking.project,
        entity=tracking.entity,
        name=manifest.run,
        group=manifest.model,
        dir=str(run.directory),
        config=json.loads(redact(json.dumps(known))),
        settings=settings,
    )


def _cells(row: object, names: Iterable[str]) -> list[Any]:
    return [None if (value := getattr(row, name)) is None else _plain(value) for name in names]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else redact(str(value))


def _dialogues(rows: Sequence[Scored]) -> tuple[list[str], list[list[Any]]]:
    """Return columns and rows of the scored dialogues; their texts are there when the result has them."""
    texts, scores = ("id", "domain", "length", "dialogue", "summary"), sorted({n for row in rows for n in row.scores})
    columns = [*texts, *TOKENS, "output_failures", *scores]
    return columns, [
        [*_cells(row, (*texts, *TOKENS)), ", ".join(row.failures), *(row.scores.get(name) for name in scores)]
        for row in rows
    ]


def _first_line(error: Exception) -> str:
    return redact(next(iter(str(error).strip().splitlines()), type(error).__name__))


def _parsed(content: bytes) -> Any:
    from wandb.proto.wandb_internal_pb2 import Record

    record = Record()
    record.ParseFromString(content)
    return record


def _contents(data: bytes) -> Iterator[bytes]:
    place, parts = HEADER, b""
    while place + CHUNK.size <= len(data):
        left = BLOCK - place % BLOCK
        if left < CHUNK.size:
            place += left
            continue
        _, length, kind = CHUNK.unpack_from(data, place)
        content = data[place + CHUNK.size : place + CHUNK.size + length]
        if kind not in (WHOLE, FIRST, MIDDLE, LAST) or len(content) < length:
            return
        parts = content if kind in (WHOLE, FIRST) else parts + content
        if kind in (WHOLE, LAST):
            yield parts
        place += CHUNK.size + length


if __name__ == "__main__":
    found = main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), json.load(sys.stdin))
    print(json.dumps(found), flush=True)
