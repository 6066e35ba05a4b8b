"""What the app does when a button is pressed; each call works on the state of one session alone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr

from helpers.app_batch import Given, as_csv, bounded, pasted, uploaded
from helpers.app_desk import Answered, Desk, Wanted
from helpers.app_told import note, progress, table, told, wrong
from helpers.errors import InputError, ToolError

History = list[Answered]
#: Seconds that a file stays to be downloaded.
KEPT = 3600
ANSWERS = "Answers, in the order of the dialogues"


class Events:
    """The handlers of the page around one `Desk`."""

    def __init__(self, desk: Desk, files: Path) -> None:
        self._desk, self._files = desk, files
        self._pool = ThreadPoolExecutor(desk.params.app.at_once, thread_name_prefix="asking")

    async def summarise(
        self, dialogue: str, url: str, token: str, beams: float, length: float, history: History
    ) -> tuple[Any, ...]:
        """Ask for one dialogue; a call that Gradio cancels breaks its request off."""
        try:
            answer = await self._ask(dialogue, _wanted(url, token, beams, length), "dialogue")
        except (InputError, ToolError) as error:
            return "", wrong(str(error)), history, "", _judge(False), _judge(False)
        judged = _judge(not answer.problem)
        return answer.summary, told(answer), self._with(history, answer), answer.request, judged, judged

    async def summarise_all(
        self, text: str, file: str | None, url: str, token: str, beams: float, length: float, history: History
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Ask for every dialogue in turn, and show the rows so far."""
        app, done = self._desk.params.app, []
        off = gr.DownloadButton(interactive=False)
        try:
            given = uploaded(Path(file), app.max_upload_bytes) if file else pasted(text)
            rows, wanted = bounded(given, app.max_rows), _wanted(url, token, beams, length)
            yield table(ANSWERS, []), progress(0, len(rows)), history, off
            for row in rows:
                answer = await self._answer(row, wanted)
                done.append(answer)
                history = self._with(history, answer)
                last = len(done) == len(rows)
                download = gr.DownloadButton(value=saved(done, self._files), interactive=True) if last else off
                yield table(ANSWERS, done), progress(len(done), len(rows), done), history, download
        except (InputError, ToolError) as error:
            yield table(ANSWERS, done), wrong(str(error)), history, off

    def show_history(self, history: History) -> tuple[Any, Any]:
        """Return the table of a session's answers, and its CSV."""
        download = (
            gr.DownloadButton(value=saved(history, self._files), interactive=True) if history else gr.DownloadButton()
        )
        return table("This session's answers, newest first", history[::-1]), download

    def cancelled(self) -> str:
        """Say that nothing is under way any more; Gradio has cancelled what was."""
        return note("Cancelled.")

    def judge_good(self, request: str) -> tuple[Any, Any]:
        """Write down that an answer was helpful."""
        return self._judged(request, True)

    def judge_bad(self, request: str) -> tuple[Any, Any]:
        """Write down that an answer was not helpful."""
        return self._judged(request, False)

    def _judged(self, request: str, helpful: bool) -> tuple[Any, Any]:
        if request:
            self._desk.judge(request, helpful)
        return _judge(False), _judge(False)

    async def _answer(self, row: Given, wanted: Wanted) -> Answered:
        """Return what came of one row; a dialogue that cannot be asked is named and the others go on."""
        if row.problem:
            return Answered(row.name, problem=row.problem, kind="not asked")
        try:
            return await self._ask(row.dialogue, wanted, row.name)
        except InputError as error:
            return Answered(row.name, problem=str(error), kind="not asked")

    async def _ask(self, dialogue: str, wanted: Wanted, name: str) -> Answered:
        stop = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._desk.ask, dialogue, wanted, stop, name)
        try:
            return await asyncio.shield(work)
        finally:
            stop.set()

    def _with(self, history: History, answer: Answered) -> History:
        return [*history, answer][-self._desk.params.app.history :]


def saved(answers: Sequence[Answered], files: Path) -> str:
    """Return the path of a CSV file of answers in a folder of its own under ``files``; old ones go."""
    for old in files.glob("summaries-*"):
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="summaries-", dir=files)) / "summaries.csv"
    path.write_text(as_csv(answers), encoding="utf-8")
    return str(path)


def _wanted(url: str, token: str, beams: float, length: float) -> Wanted:
    if not 1 <= beams <= 8 or not 1 <= length <= 4096:
        raise InputError("beams go from 1 to 8, and a summary has at most 4,096 tokens")
    return Wanted(url or "", token or "", int(beams), int(length))


def _judge(active: bool) -> Any:
    return gr.Button(interactive=active)
