"""What a page found in answers whose text a run may not keep, so that a resumed run sends no request again.

``findings.jsonl`` holds a line per answer: its request, and what the page's result holds of it, texts left out as the
privacy setting asks. Nothing is written here that the results of the run would not show.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from helpers.core.environment import redact
from helpers.core.text import json_lines

NAME = "findings.jsonl"


class Findings:
    """An append-only file of findings by request; a last line that was cut off counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, request: str) -> Mapping[str, Any] | None:
        """Return what was found in the answer to a request, if it is known here."""
        return self._known.get(request)

    def put(self, request: str, found: BaseModel) -> None:
        """Write down what was found in the answer to a request."""
        tree = found.model_dump(mode="json")
        line = redact(json.dumps({"request": request, "found": tree}, ensure_ascii=False)) + "\n"
        with self._path.open("ab+") as file:
            if (size := file.seek(0, os.SEEK_END)) and os.pread(file.fileno(), 1, size - 1) != b"\n":
                line = f"\n{line}"  # one that was cut off before is ended, so that this one has a line of its own
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self._known[request] = tree

    @cached_property
    def _known(self) -> dict[str, Mapping[str, Any]]:
        known: dict[str, Mapping[str, Any]] = {}
        lines = json_lines(self._path.read_text(encoding="utf-8")) if self._path.exists() else []
        for line in filter(None, lines):
            try:
                row = json.loads(line)
                known[row["request"]] = row["found"]
            except (ValueError, KeyError, TypeError):
                continue
        return known
