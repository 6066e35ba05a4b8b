"""A run as a notebook sees it: its directory, its backend, and the results it already has.

A run directory holds ``params.yaml`` (resolved), ``manifest.json``, ``server.json`` (who answers),
``requests.jsonl`` (the log), ``judge.jsonl`` (that of a judge), ``findings.jsonl`` where it may keep no text,
``results/NN.json``, ``notebooks/`` (executed), ``site/`` (the pages), and ``published`` once these were published.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout
from pydantic import ValidationError

from helpers.backends.base import Backend
from helpers.backends.replay import AnsweredBackend, ReplayBackend
from helpers.core.console import shown
from helpers.core.errors import RunError
from helpers.params import Generation, Params
from helpers.runs import prompt_cache
from helpers.runs.answer_parts import AnswerParts
from helpers.runs.budget import spent
from helpers.runs.earlier import Earlier, Key, Unsettled, unsettled
from helpers.runs.findings import NAME as FINDINGS
from helpers.runs.findings import Findings
from helpers.runs.manifest import Manifest
from helpers.runs.prompt_cache import PromptCache
from helpers.runs.request_log import Record, RequestLog, final_attempts
from helpers.runs.results.base import PageResult
from helpers.runs.results.cited import Cited
from helpers.runs.results.store import PAGES, Results, read_result, read_results, write_result
from helpers.runs.sender import KNOWN_GOOD_ID, RequestSender, limits
from helpers.samples.dataset import Sample, load_samples

if TYPE_CHECKING:
    from helpers.backends.endpoint import EndpointBackend

#: Seconds that a process waits for another one to leave a run.
PATIENCE = 60.0


class Experiment(Protocol):
    """What a page measures: a module with its page number and a function that asks and returns the result."""

    PAGE: str

    @staticmethod
    def measure(run: Run) -> PageResult: ...


@dataclass
class Run:
    """One run; ``measuring`` is false once it is finished, and from then on no request is sent.

    ``earlier`` is where results of other pages are looked for when this directory has none (interactive use).
    ``release`` gives up what `hold` keeps. ``watching`` is entered while a page, by its number, is measured.
    """

    directory: Path
    params: Params
    measuring: bool
    interactive: bool = False
    earlier: Path | None = None
    closing: list[Callable[[], None]] = field(default_factory=list)
    release: Callable[[], None] = lambda: None
    watching: Callable[[str], AbstractContextManager[object]] = lambda page: nullcontext()

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The dialogues of this run."""
        return load_samples(self.params.samples)

    @cached_property
    def manifest(self) -> Manifest:
        """What produced this run."""
        try:
            return Manifest.model_validate_json((self.directory / "manifest.json").read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise RunError(
                f"{shown(self.directory)}: manifest.json is none of this version: {where} {first['msg']}; measure again"
            ) from None

    @cached_property
    def server(self) -> dict[str, Any]:
        """Who answers: ``url``, the model's ``tokenizer`` file if it is to be had, and for a server of ours its ``pid``
        and ``started_ns`` on the monotonic clock."""
        recorded: dict[str, Any] = json.loads((self.directory / "server.json").read_text())
        return recorded

    @cached_property
    def log(self) -> RequestLog:
        """The request log of this run."""
        return RequestLog(self.directory / "requests.jsonl", self.params.privacy.text)

    @cached_property
    def backend(self) -> Backend:
        """The backend that requests go to; opened at first use, closed with the run."""
        if not self.interactive:
            # A report that was killed leaves a notebook behind for a moment; a resumed one must not ask beside it.
            self.closing.append(_alone(self.directory / "measuring.lock", PATIENCE, "measuring in"))
        backend = self._open_backend()
        self.closing.append(backend.close)
        return backend

    def _open_backend(self) -> Backend:
        if self.params.backend == "local" and not self.measuring:
            raise RunError(f"{shown(self.directory)}: is finished, and its server with it; open a new run to ask again")
        if self.params.replay is not None:
            return ReplayBackend(self.params.replay, self.samples)
        from helpers.backends.endpoint import open_endpoint  # as above

        return open_endpoint(self.server["url"], self.params)

    @property
    def answers(self) -> Path:
        """Where Dask workers leave their answers, if the run has any."""
        return self.directory / "answers"

    @cached_property
    def _answered(self) -> Backend:
        return AnsweredBackend(AnswerParts(self.answers).rows(), self.samples)

    @cached_property
    def prompt_cache(self) -> PromptCache:
        """What the server does with a prompt that it has seen, and how prompts are sent again; found at first use."""
        path = self.directory / prompt_cache.NAME
        if known := prompt_cache.kept(path):
            return known
        if not (self.params.protocol == "chat" and self.measuring):
            return prompt_cache.NO_CACHE
        settings = self.params.generation.model_copy(update={"max_new_tokens": prompt_cache.BRIEF})
        sender = self.sender("01", backend=self.backend, generation=settings)
        return prompt_cache.find(self._endpoint, sender, path)

    def asked_by(self, page: str) -> Backend:
        """Return the backend for a page: one that computes earlier answers again, as far as that is possible."""
        if page in ("02", "03") and self.answers.is_dir():
            return self._answered
        reuse = self.prompt_cache.asked_with(page)
        return self.backend if reuse == "allowed" else self._endpoint.reusing(reuse)

    @property
    def _endpoint(self) -> EndpointBackend:
        from helpers.backends.endpoint import EndpointBackend  # with aiohttp, which a page that only shows does without

        assert isinstance(self.backend, EndpointBackend), "only a server has a cache of prompts"
        return self.backend

    def sender(
        self, page: str, variant: str = "", *, backend: Backend | None = None, generation: Generation | None = None
    ) -> RequestSender:
        """Return what sends and logs the requests of a page; what Dask workers answered is not sent again.

        A ``variant`` has settings of its own, or a ``backend``, which is used as it is.
        """
        remote = self.params.backend == "endpoint"
        return RequestSender(
            backend=backend or self.asked_by(page),
            generation=generation or self.params.generation,
            log=self.log,
            page=page,
            limits=limits(self.params),
            count_tokens=self._token_counter(),
            context_tokens=self.params.model.context_tokens if remote else None,
            may_send=self.spent,
            earlier=self.earlier_in(self.log, page, variant),
            findings=Findings(self.directory / FINDINGS),
            variant=variant,
            shared_tokens=0 if backend else self.prompt_cache.shared_tokens,
            may_be_cached=backend is None and self.prompt_cache.leaves_unsure(page),
        )

    def spent(self) -> str:
        """Return which bound of its budget this run has reached, or nothing."""
        return spent(self.params, self.manifest, self.log.count())

    def measured(self, experiment: Experiment) -> Cited:
        """Return a page's result as stored on disk, measuring it first when this run has not done so.

        What a page shows is always what was read back, so that a page of a report and of a later rendering agree.
        """
        folder, page = self.directory / "results", experiment.PAGE
        result = read_result(folder, page)
        if result is None and self.measuring:
            with self.watching(page):
                write_result(folder, experiment.measure(self))
            result = read_result(folder, page)
        if result is None:
            result = PAGES[page][1](page=page, reason=f"page {page} was not part of this run")
        return Cited(result, f"results/{page}.json")

    def results(self, upto: str = "99") -> Results:
        """Return the results of the pages up to a number, from this run or, interactively, the newest like it.

        A page looks no further than itself, so that it is the same whenever it is rendered.
        """
        own = read_results(self.directory / "results")
        older = read_results(self.earlier / "results") if self.earlier else Results()
        found = {name: getattr(own, name) or getattr(older, name) for page, (name, _) in PAGES.items() if page <= upto}
        return Results(**found)

    def down(self) -> str:
        """Return why the deployment is known not to answer any more, or ``''``."""
        found = (read_result(self.directory / "results", page) for page in PAGES)
        failed = next((result for result in found if result and result.failure), None)
        return unreachable(failed.failure, failed.down_since) if failed else ""

    def hold(self) -> None:
        """Keep this run for this process until ``release`` is called.

        Raises `RunError` at once when another process reports on it or renders it.
        """
        self.release = _alone(self.directory / "report.lock", 0.0, "reporting on or rendering")

    def stop(self) -> None:
        """Close what this run opened: it sends no more requests."""
        while self.closing:
            self.closing.pop()()

    def close(self) -> None:
        """End what this run opened, and give up what `hold` keeps."""
        self.stop()
        self.release()

    def unsettled(self) -> Unsettled:
        """Return the requests that are sent again when this run resumes after an interruption."""
        return unsettled(self.log.read(), self.manifest.resumed_at)

    def earlier_in(self, log: RequestLog, page: str, variant: str) -> Earlier:
        """Return what a page has sent already by a log, when this run resumes after an interruption."""
        if self.manifest.resumed_at is None:
            return Earlier()
        logged = final_attempts(log.read())
        own = (r for r in logged if (r.page, r.variant) == (page, variant) and r.sample != KNOWN_GOOD_ID)
        # An answer from a cache is an answer, though its time is no figure of the steady state.
        kept: dict[Key, Record] = {("steady" if r.phase == "cached" else r.phase, r.sample, r.repeat): r for r in own}
        return Earlier(kept, unsettled(log.read(), self.manifest.resumed_at))

    def _token_counter(self) -> Callable[[str], int] | None:
        from helpers.engines.model_files import TokenCounter  # with tokenizers, for a page that asks

        file = self.server.get("tokenizer")
        return TokenCounter(Path(file)).count if file else None


def unreachable(kind: str, since: datetime | None) -> str:
    """Return the sentence that every page shows when the service does not answer."""
    return (
        f"endpoint unreachable ({kind}) since {since:%Y-%m-%d %H:%M} UTC" if since else f"endpoint unreachable ({kind})"
    )


def _alone(path: Path, patience: float, doing: str) -> Callable[[], None]:
    """Hold a lock for this process until it ends or the returned function is called.

    Raises `RunError` when another process still holds it after ``patience`` seconds.
    """
    lock = FileLock(path, timeout=patience, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{shown(path.parent)}: another process is {doing} this run; wait for it or end it") from None
    return lock.release
