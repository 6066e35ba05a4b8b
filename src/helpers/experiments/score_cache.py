"""What follows from texts and from the scorers' code alone, cached under the hash of both.

Pages, reports and tests ask for the same scores of the same recordings; each is computed once for a state of the code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from helpers.core.paths import PACKAGE, cache
from helpers.core.text import stable_hash

T = TypeVar("T")


def cache_key(*texts: str) -> str:
    """Return the hash of what a figure follows from: the code of the scorers, and the rest as given."""
    return stable_hash([*texts, *_code()])[:16]


def cached(name: str, key: str, kind: TypeAdapter[T], make: Callable[[], T], folder: Path | None = None) -> T:
    """Return what is cached under a name and a key, made where it is not there or cannot be read.

    ``folder`` is the cache unless it is given. Where nothing can be written, it is made and not kept.
    """
    path = (folder or cache() / name) / f"{key}.json"
    try:
        return kind.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        found = make()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        unfinished.write_bytes(kind.dump_json(found))
        unfinished.replace(path)
    return found


@lru_cache(maxsize=1)
def _code() -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for path in sorted((PACKAGE / "scorers").glob("*.py")))
