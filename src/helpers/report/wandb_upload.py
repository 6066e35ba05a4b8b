"""``python -m helpers.report.wandb_upload RUN MODE LIMIT``: a finished run in Weights & Biases, or kept for it.

`helpers.report.tracked` reads it. The last line of standard output is JSON: ``address``, ``folder`` or ``error``.
`helpers.report.tracking` starts it. The file of an offline run is read back too: a log of blocks in LevelDB's format,
one protobuf message per record.
"""

from __future__ import annotations

import json
import struct
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.report.tracked import Tracked, first_line, tracked
from helpers.runs.directory import attach
from helpers.runs.run import Run

#: The file of a run is 7 bytes of header, then blocks of 32 KiB holding chunks of checksum (4 bytes), length (2) and
#: type (1); the record of a chunk of type 1 is whole, 2, 3 and 4 are its first, middle and last part.
HEADER, BLOCK, CHUNK = 7, 32_768, struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def main(directory: Path, mode: str, limit: float) -> dict[str, str]:
    """Put the run into W&B and return the outcome."""
    try:
        import wandb
    except ImportError as error:
        return {"error": f"the package wandb cannot be used ({error}); 'make setup' installs it"}
    try:
        return _tell(wandb, attach(directory), mode, limit)
    except Exception as error:  # wandb raises many kinds; all of them mean that it takes nothing
        return {"error": f"W&B refused: {first_line(error)}"}


def is_complete(path: Path) -> bool:
    """Whether a W&B run was written up to its end."""
    last = deque(contents(path), maxlen=1)
    return bool(last) and _parsed(last[0]).WhichOneof("record_type") in ("exit", "footer", "final")


def _tell(wandb: Any, run: Run, mode: str, limit: float) -> dict[str, str]:
    told = tracked(run)
    opened = _opened(wandb, run, told, mode, limit)
    for step, point in enumerate(told.points):
        opened.log(dict(point), step=step)
    opened.log({f"distribution/{name}": wandb.Histogram(values) for name, values in told.distributions.items()})
    opened.log({f"table/{name}": wandb.Table(list(t.columns), list(t.rows)) for name, t in told.tables.items()})
    opened.summary.update(dict(told.summary))
    for kind, files in told.files.items():
        artifact = wandb.Artifact(f"{told.name}-{kind}", type=kind)
        for path in files:
            artifact.add_file(str(path), name=path.name)
        if files:
            opened.log_artifact(artifact)
    address, folder = opened.url, Path(opened.dir).parent
    opened.finish()
    wandb.teardown()  # W&B's own process may still be writing when a run has finished
    if mode == "online":
        return {"address": str(address)}
    if not is_complete(next(folder.glob("*.wandb"))):
        return {"error": f"the W&B file in {folder.name} was cut off; is the disk full?"}
    return {"folder": str(folder)}


def _opened(wandb: Any, run: Run, told: Tracked, mode: str, limit: float) -> Any:
    """Return a W&B run that says nothing of this machine and sends nothing but what it is given."""
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
    return wandb.init(
        project=told.project,
        entity=run.params.tracking.entity,
        name=told.name,
        group=told.group,
        dir=str(run.directory),
        config=dict(told.config),
        settings=settings,
    )


def _parsed(content: bytes) -> Any:
    from wandb.proto.wandb_internal_pb2 import Record

    record = Record()
    record.ParseFromString(content)
    return record


def contents(path: Path) -> Iterator[bytes]:
    """Yield the records of a ``.wandb`` file, each one protobuf message; a torn end is left out."""
    data, place, parts = path.read_bytes(), HEADER, b""
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
    found = main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
    print(json.dumps(found), flush=True)
