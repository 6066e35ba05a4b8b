"""The file of an offline W&B run, read back: a log of blocks in LevelDB's format, one protobuf message per record.

Format: 7 bytes of header, then blocks of 32 KiB holding chunks of checksum (4 bytes), length (2) and type (1);
the record of a chunk of type 1 is whole, 2, 3 and 4 are its first, middle and last part.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER, BLOCK, CHUNK = 7, 32_768, struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_records(path: Path) -> Iterator[Any]:
    """Yield the messages of a ``.wandb`` file as `wandb.proto.wandb_internal_pb2.Record`; a torn end is left out."""
    yield from map(_parsed, _contents(path.read_bytes()))


def is_complete(path: Path) -> bool:
    """Whether a W&B run was written up to its end."""
    last = deque(_contents(path.read_bytes()), maxlen=1)
    return bool(last) and _parsed(last[0]).WhichOneof("record_type") in ("exit", "footer", "final")


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
