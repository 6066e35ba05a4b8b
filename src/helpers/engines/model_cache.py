"""What is kept of models on this machine: folders that are built once, and the hash of their weights."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from helpers.core.errors import ModelError

#: Where a folder keeps the hash of its weights, so that it is computed once.
KNOWN_HASH = "weights.sha256.json"

#: What the system says of a place that cannot be written to.
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EISDIR)


def build_once(folder: Path, is_built: Callable[[], bool], make: Callable[[Path], None]) -> bool:
    """Have ``make`` write a folder that appears whole or not at all, unless it is built; return whether it was made.

    A second process waits for the first. Raises `ModelError` when the cache cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{folder.parent}: {error.strerror}; set HELPERS_CACHE to a folder that can be written"
        ) from None
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if is_built():
                return False
            # The holder of the lock owns these names: what lies there is left from a build that died.
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            make(partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise  # whoever makes it has met something else
        raise ModelError(
            f"{folder}: {error.strerror or error}; set HELPERS_CACHE to a folder that can be written"
        ) from None
    return True


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 over a folder's ``*.safetensors`` in name order, cached by size and mtime."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder}: no *.safetensors weights; give a folder that has them")
    stamps = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    known = folder / KNOWN_HASH
    try:
        record = json.loads(known.read_text())
        if record["files"] == stamps:
            return str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    if os.access(folder, os.W_OK):
        draft = known.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"sha256": digest.hexdigest(), "files": stamps}))
        os.replace(draft, known)
    return digest.hexdigest()
