"""What the app does when a button is pressed; each call works on the state of one session alone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from helpers.app.batch import Given, as_csv, bounded, pasted, uploaded
from helpers.app.client import UNFINISHED, WORDS, Answered, AppClient, Known, Stopped, VisitorRequest, excerpt
from helpers.app.html import answer_html, checks_html, error_html, note_html, progress, table
from helpers.app.monitoring import alerts_html, charts_html
from helpers.backends.streaming import Tell
from helpers.core.errors import Failure, InputError, ToolError

History = list[Answered]
#: Seconds that a file stays to be downloaded.
KEPT = 3600
ANSWERS = "Summaries, in the order of the dialogues"
SENT = "Sent. The summary is on its way."
#: What the buttons say that judge an answer.
GOOD, BAD = "Helpful", "Not helpful"
#: Where a request can be in flight.
SINGLE, BATCH, FIELDS = "single", "batch", "fields"
#: Seconds between two looks at how far a summary has come.
REDRAWN = 0.1
#: What a server that dies while it writes ends with.
BROKEN_OFF = (Failure.BAD_RESPONSE, Failure.CONNECTION)
T = TypeVar("T")
Owner = tuple[str | None, str]


class Handlers:
    """The handlers of the page around one `AppClient`."""

    def __init__(self, client: AppClient, files: Path) -> None:
        self._client, self._files = client, files
        self._pool = ThreadPoolExecutor(client.params.app.at_once, thread_name_prefix="fields")
        #: What cancels each call that is in flight or waits for a thread, and whose it is: session and tab.
        self._under_way: dict[threading.Event, Owner] = {}

    async def look(
        self, url: str, token: str, known: Known | None, request: gr.Request
    ) -> tuple[Known | None, str, Any]:
        """Look at the address that a visitor has typed; what does not apply to it is not offered."""
        if not url.strip():
            return None, "", gr.Slider(visible=self._client.offers_beams(None))
        if known is None or known.url != url:
            try:
                with self._stoppable((request.session_hash, FIELDS)) as stop:
                    known = await self._in_thread(stop, self._client.look, VisitorRequest(url, token or ""), stop)
            except InputError as error:
                return None, error_html(str(error)), gr.skip()
            except Stopped:
                return None, note_html(WORDS[Failure.CANCELLED]), gr.skip()
        said = note_html(known.said) if known.said else error_html("no summariser answers at this address yet")
        return known if known.said else None, said, gr.Slider(visible=self._client.offers_beams(known))

    async def summarise(
        self,
        dialogue: str,
        url: str,
        token: str,
        beams: float,
        length: float,
        known: Known | None,
        history: History,
        request: gr.Request,
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Ask for one dialogue, and show a summary that comes in a stream as it comes."""
        latest, shown = deque([""], maxlen=1), ""
        yield _screen("", note_html(SENT), history, running=True)
        try:
            with self._stoppable((request.session_hash, SINGLE)) as stop:
                wanted = _wanted(url, token, beams, length, known)
                asking = asyncio.ensure_future(self._ask(dialogue, wanted, "", stop, latest.append))
                try:
                    while not (await asyncio.wait({asking}, timeout=REDRAWN))[0]:
                        if latest[0] != shown:
                            shown = latest[0]
                            yield _screen(shown, note_html("The summary is being written."), history, running=True)
                    answer = await asking
                finally:
                    stop.set()
        except (InputError, ToolError) as error:
            yield _screen("", error_html(str(error)), history)
            return
        if answer.kind == Failure.CANCELLED:
            yield _screen(latest[0], note_html(answer.problem, partial=bool(latest[0])), history)
            return
        shown = latest[0]
        if shown and answer.kind in BROKEN_OFF:
            answer = replace(answer, problem=UNFINISHED)
        history = self._with(history, answer)
        if answer.problem:
            yield _screen(shown, error_html(answer.problem, partial=bool(shown)), history)
            return
        yield _screen(answer.summary, answer_html(answer), history, checks_html(answer), answer.request)

    async def summarise_all(
        self,
        text: str,
        file: str | None,
        url: str,
        token: str,
        beams: float,
        length: float,
        known: Known | None,
        encoding: str,
        history: History,
        request: gr.Request,
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Ask for every dialogue in turn, and show the rows so far; what is there when it is cancelled stays."""
        app, off = self._client.params.app, gr.DownloadButton(interactive=False)
        done: list[Answered] = []
        yield table(ANSWERS, []), note_html("The dialogues are being read."), history, off, *_buttons(running=True)
        try:
            given = uploaded(Path(file), app, encoding) if file else pasted(text)
            rows, wanted = bounded(given, app.max_rows), _wanted(url, token, beams, length, known)
            with self._stoppable((request.session_hash, BATCH)) as stop:
                wanted = await self._looked(wanted, stop)
                for row in rows:
                    said = progress(len(done), len(rows), done)
                    yield table(ANSWERS, done), said, history, off, *_buttons(running=True)
                    answer = await self._answer(row, wanted, stop)
                    if answer.kind == Failure.CANCELLED:
                        break
                    done.append(answer)
                    history = self._with(history, answer)
            said = progress(len(done), len(rows), done) if len(done) == len(rows) else note_html(answer.problem)
            yield table(ANSWERS, done), said, history, self._download(done), *_buttons(running=False)
        except (InputError, ToolError) as error:
            yield table(ANSWERS, done), error_html(str(error)), history, self._download(done), *_buttons(running=False)

    def show_history(self, history: History) -> tuple[Any, Any]:
        """Return the table of a session's answers, and its CSV."""
        return table("Summaries of this session, newest first", history[::-1]), self._download(history)

    def monitor(self, history: History) -> tuple[str, str]:
        """Return a session's charts, and the states of the alert rules over its requests, as of now."""
        return charts_html(history), alerts_html(history, self._client.params.alerts)

    async def cancel(self, request: gr.Request) -> None:
        """Break off what this session asks for on the first tab; the call itself says so, as soon as it has ended."""
        self._stop((request.session_hash, SINGLE))

    async def cancel_all(self, request: gr.Request) -> None:
        """Break off this session's batch."""
        self._stop((request.session_hash, BATCH))

    def judge_good(self, request: str) -> tuple[Any, Any]:
        """Write down that an answer was helpful."""
        return self._judged(request, True)

    def judge_bad(self, request: str) -> tuple[Any, Any]:
        """Write down that an answer was not helpful."""
        return self._judged(request, False)

    def _judged(self, request: str, helpful: bool) -> tuple[Any, Any]:
        try:
            if request:
                self._client.judge(request, helpful)
        except ToolError as error:
            raise gr.Error(str(error)) from None
        return _judging(chosen=helpful)

    @contextmanager
    def _stoppable(self, owner: Owner) -> Iterator[threading.Event]:
        """Give what breaks a call off; Gradio's own way to cancel can leave an error beside what was said last."""
        app = self._client.params.app
        if len(self._under_way) >= app.at_once + app.waiting:
            raise InputError("too many visitors are waiting already; try again in a moment")
        stop = threading.Event()
        self._under_way[stop] = owner
        try:
            yield stop
        finally:
            del self._under_way[stop]

    def _stop(self, owner: Owner) -> None:
        for stop, whose in self._under_way.items():
            if whose == owner:
                stop.set()

    def _download(self, answers: Sequence[Answered]) -> Any:
        if not answers:
            return gr.DownloadButton(interactive=False)
        try:
            return gr.DownloadButton(value=saved(answers, self._files), interactive=True)
        except OSError:  # the disk takes no more; what is shown stays
            return gr.DownloadButton(interactive=False)

    async def _answer(self, row: Given, wanted: VisitorRequest, stop: threading.Event) -> Answered:
        """Return the response to one row; a dialogue that cannot be sent is named and the others go on."""
        if row.problem:
            return Answered(row.name, problem=row.problem, kind="not asked")
        try:
            return await self._ask(row.dialogue, wanted, row.name, stop)
        except InputError as error:
            return Answered(row.name, excerpt(row.dialogue), problem=str(error), kind="not asked")

    async def _looked(self, wanted: VisitorRequest, stop: threading.Event) -> VisitorRequest:
        """Return what a visitor wants with what is known of the address, so that a batch looks at it once."""
        if not wanted.url.strip() or (wanted.known and wanted.known.url == wanted.url):
            return wanted
        try:
            return replace(wanted, known=await self._in_thread(stop, self._client.look, wanted, stop))
        except Stopped:
            return wanted

    async def _ask(
        self, dialogue: str, wanted: VisitorRequest, name: str, stop: threading.Event, tell: Tell = lambda _: None
    ) -> Answered:
        return await self._in_thread(stop, self._client.ask, dialogue, wanted, stop, name, tell)

    async def _in_thread(self, stop: threading.Event, work: Callable[..., T], *arguments: Any) -> T:
        """Return what is done in a thread; it is broken off when the visitor leaves."""
        working = asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:  # the visitor has left
            stop.set()
            raise

    def _with(self, history: History, answer: Answered) -> History:
        return [*history, answer][-self._client.params.app.history :]


def saved(answers: Sequence[Answered], files: Path) -> str:
    """Return the path of a CSV file of answers in a folder of its own under ``files``; old ones go."""
    for old in files.glob("summaries-*"):
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix="summaries-", dir=files)) / "summaries.csv"
    path.write_text(as_csv(answers), encoding="utf-8")
    return str(path)


def _wanted(url: str, token: str, beams: float, length: float, known: Known | None) -> VisitorRequest:
    if not 1 <= beams <= 8 or not 1 <= length <= 4096:
        raise InputError("beams go from 1 to 8, and a summary has at most 4,096 tokens")
    return VisitorRequest(url or "", token or "", int(beams), int(length), known)


def _screen(
    summary: str, said: str, history: History, checks: str = "", request: str = "", running: bool = False
) -> Any:
    """Return all that the first tab shows; an answer can be judged where its ``request`` is given."""
    return summary, said, checks, history, request, *_judging(active=bool(request)), *_buttons(running)


def _buttons(running: bool) -> tuple[Any, Any]:
    """Return the buttons that send and cancel; one can be cancelled only while it runs."""
    return gr.Button(interactive=not running), gr.Button(visible=running)


def _judging(*, active: bool = False, chosen: bool | None = None) -> tuple[Any, Any]:
    """Return the buttons that judge an answer; the one that was chosen is marked."""
    good, bad = (f"✓ {label}" if chosen is helpful else label for label, helpful in ((GOOD, True), (BAD, False)))
    return gr.Button(good, interactive=active), gr.Button(bad, interactive=active)
