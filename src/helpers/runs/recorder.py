"""A recording as it is made: a line for each answer, and beside it the manifest of what answers.

One that was interrupted goes on where it stopped, as long as system and dialogues are the same.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from helpers.core.environment import redact, secrets
from helpers.core.errors import InputError
from helpers.runs.manifest import Manifest
from helpers.runs.request_log import Record

#: What answers depend on, besides the parameters of the sections below: all that a manifest knows of it.
MAKINGS = ("backend", "weights_sha256", "prompt_sha256", "predictions_sha256", "dataset_sha256")
SECTIONS = ("model.", "generation.", "endpoint.")
#: Packages that answer, of those in a manifest.
ENGINES = ("torch", "transformers", "ctranslate2", "openvino", "tokenizers")
RECORDED = ("input_tokens", "output_tokens", "lost_tokens")


class Recorder:
    """Appends answers to a ``.jsonl`` and keeps its ``.meta.json``, which is unfinished until `finish` is called.

    ``answered`` are the ids of the dialogues that have a summary already; dialogues without one are sent again.
    Raises `InputError` for a file whose answers are of something else or of nobody knows what, or that another
    process writes, and OSError when it cannot be written.
    """

    def __init__(self, file: Path, manifest: Manifest) -> None:
        self.file = file
        self._lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise InputError(
                f"--output {file}: another process writes it; wait for that, or give another file"
            ) from None
        self._known = secrets()
        try:
            kept = _kept(file)
            self.answered = frozenset(kept)
            self.manifest = _continued(file, manifest) if kept else manifest
            self._stream = self._reopened(kept)
            self._write_manifest()
        except BaseException:
            self._unlock()
            raise

    def write(self, sample: str, record: Record) -> None:
        """Append the answer to a dialogue, or with what it failed."""
        counts = {name: getattr(record, name) for name in RECORDED}
        row: dict[str, Any] = {"id": sample, "prediction": record.summary, **counts}
        line = json.dumps(row if record.ok else row | {"error": record.kind}, ensure_ascii=False)
        self._stream.write(redact(line, self._known) + "\n")
        self._stream.flush()

    def finish(self) -> None:
        """Say in the manifest that every dialogue has an answer."""
        self.manifest = self.manifest.model_copy(update={"finished_at": datetime.now(UTC)})
        self._write_manifest()

    def close(self) -> None:
        """Close the file and let others write it."""
        self._stream.close()
        self._unlock()

    def _unlock(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def _reopened(self, kept: dict[str, str]) -> IO[str]:
        """Return the file to append to, with the lines that are kept and none that is torn or failed."""
        unfinished = self.file.with_name(f"{self.file.name}.part")
        unfinished.write_text("".join(kept.values()), encoding="utf-8")
        os.replace(unfinished, self.file)
        return self.file.open("a", encoding="utf-8")

    def _write_manifest(self) -> None:
        text = redact(self.manifest.model_dump_json(indent=2), self._known) + "\n"
        beside(self.file).write_text(text, encoding="utf-8")


def beside(file: Path) -> Path:
    """Return where the manifest of a recording is."""
    return file.with_suffix(".meta.json")


def _kept(file: Path) -> dict[str, str]:
    """Return the lines of a recording that hold a summary, by the id of their dialogue."""
    kept = {}
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if file.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("prediction"), str) and "id" in row and "error" not in row:
            kept[str(row["id"])] = line + "\n"
    return kept


def _continued(file: Path, now: Manifest) -> Manifest:
    """Return the manifest of a recording that goes on; raises `InputError` where it is of something else."""
    try:
        before = Manifest.model_validate_json(beside(file).read_bytes())
    except (OSError, ValidationError):
        changed = f"{beside(file).name}, which would say of what, is missing or cannot be read"
    else:
        was, wanted = _makings(before), _makings(now)
        differing = sorted(name for name in was.keys() | wanted.keys() if was.get(name) != wanted.get(name))
        if not differing:
            return before.model_copy(update={"resumed_at": datetime.now(UTC), "finished_at": None})
        changed = "; ".join(f"{name}: {was.get(name)} there, {wanted.get(name)} now" for name in differing)
    raise InputError(
        f"--output {file}: it has answers of something else ({changed}); give another file, or remove this one to "
        "start over"
    )


def _makings(manifest: Manifest) -> dict[str, Any]:
    """Return what the answers depend on, by name, as a manifest tells it."""
    settings = {**manifest.defaulted, **manifest.given}
    return {
        **{name: getattr(manifest, name) for name in MAKINGS},
        **{name: value for name, value in settings.items() if name.startswith(SECTIONS)},
        **{name: manifest.packages[name] for name in ENGINES if name in manifest.packages},
    }
