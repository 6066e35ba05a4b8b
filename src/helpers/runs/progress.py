"""What the terminal shows of a run: the current page, time elapsed and about to come, and each page's path."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from helpers.core.console import say, shown
from helpers.runs.budget import planned_of_variants, planned_requests
from helpers.runs.run import Run

EVERY = 0.5
#: What a line of the log holds when a service was only being woken, which takes many short attempts.
COLD = b'"phase": "cold"'


class Progress:
    """Watches a run's log from beside it: the notebooks measure in processes of their own."""

    def __init__(self, run: Run, pages: Collection[str]) -> None:
        self._run, self._pages = run, len(pages)
        self._log = run.directory / "requests.jsonl"
        self._began = time.monotonic()
        self._label, self._page = "", 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._planned = 0
        if run.measuring:
            params, dialogues = run.params, run.manifest.dialogues
            service = planned_requests(params, dialogues, pages, run.server["url"])
            self._planned = sum(service.values()) + planned_of_variants(params, dialogues, pages)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def start(self, label: str) -> None:
        """Say which page is being made."""
        self._label, self._page = label, self._page + 1

    def done(self, path: Path) -> None:
        """Say where a finished page can be opened."""
        self._clear()
        elapsed = time.monotonic() - self._began
        say(
            f"[{self._page}/{self._pages}] {self._label:<22} {_clock(elapsed)} elapsed{self._remaining(elapsed)}"
            f"  {shown(path)}"
        )

    def line(self) -> str:
        """Return how many requests were sent, how long it took, and about how long the rest will take."""
        elapsed = time.monotonic() - self._began
        return f"{self._asked()} requests, {_clock(elapsed)} elapsed{self._remaining(elapsed)}"

    def share(self) -> float | None:
        """Return how much of the planned requests was sent, 0 to 1, or ``None`` where none are planned."""
        return min(1.0, self._asked() / self._planned) if self._planned else None

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            line = f"[{self._page}/{self._pages}] {self._label}: {self.line()}"
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        self._clear()

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _asked(self) -> int:
        """Return how many lines the log has, but those of waking it; the watcher never parses what is being written."""
        if not self._log.exists():
            return 0
        with self._log.open("rb") as lines:
            return sum(COLD not in line for line in lines)

    def _remaining(self, elapsed: float) -> str:
        asked = min(self._asked(), self._planned)
        if not asked or asked >= self._planned:
            return ""
        return f", about {_clock(elapsed / asked * (self._planned - asked))} left"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
