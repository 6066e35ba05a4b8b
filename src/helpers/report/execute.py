"""Notebooks executed over a run: one after the other where they measure, each page written as soon as it is there."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from helpers.core.console import public, shown
from helpers.core.environment import redact, variables
from helpers.core.errors import InputError, NotebookError, did_you_mean
from helpers.core.paths import PROJECT
from helpers.report.components.page import Frame, Link, Text, framed
from helpers.report.convert import convert
from helpers.report.views import history
from helpers.report.views.common import colophon, stamps
from helpers.runs.manifest import PageSeconds
from helpers.runs.progress import Progress
from helpers.runs.run import Run

#: The notebooks of the report; another folder of the same names is for trying out changes to them.
NOTEBOOKS = Path(os.environ.get("HELPERS_NOTEBOOKS") or PROJECT / "notebooks")
#: One page may take this long, seconds; a hung kernel must not block a run indefinitely.
PAGE_LIMIT = 3600
#: The tag of what is for people in JupyterLab, a cell or a whole notebook: a report neither executes nor shows it.
EXPLORE = "explore"
#: What the notebooks call their kernel.
KERNEL = "python3"
#: Pages that read what others measured, and how many of those are executed at a time.
READING, SIDE_BY_SIDE = ("06", "07"), 2

#: What the navigation calls the pages.
TITLES = {
    "01": "Deployment",
    "02": "Quality",
    "03": "Latency & cost",
    "04": "Quantization",
    "05": "Load",
    "06": "Monitoring",
    "07": "Claims audit",
}


@dataclass(frozen=True)
class Page:
    """A notebook and the page it becomes: ``03-latency-cost`` → number 03, latency-cost."""

    notebook: Path

    @property
    def number(self) -> str:
        """The two digits that lead the name."""
        return self.notebook.stem[:2]

    @property
    def href(self) -> str:
        """The file the page is published as."""
        return f"{self.notebook.stem}.html"

    @property
    def label(self) -> str:
        """How the terminal calls it."""
        return f"{self.number} {self.notebook.stem[3:].replace('-', ' ')}"

    @property
    def title(self) -> str:
        """How the navigation calls it."""
        return TITLES.get(self.number, self.label)


def choose(only: Sequence[str], *, claims: bool) -> list[Page]:
    """Return the pages to make, in reading order; raises `InputError` for a name that is no page."""
    found = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    pages = [Page(path) for path in found if not _for_people(json.loads(path.read_text(encoding="utf-8"))["metadata"])]
    pages = [page for page in pages if page.number != "07" or claims]
    if not only:
        return pages
    names = {name: page for page in pages for name in (page.number, page.notebook.stem, page.notebook.stem[3:])}
    unknown = [
        f"--only {n}: no such page{did_you_mean(n, names)}; pages are {', '.join(p.notebook.stem for p in pages)}"
        for n in only
        if n not in names
    ]
    if unknown:
        raise InputError(unknown)
    return [page for page in pages if page in [names[name] for name in only]]


def recorded_pages(run: Run) -> list[Page]:
    """Return the pages that a finished run has results for."""
    return [page for page in choose([], claims=True) if (run.directory / "results" / f"{page.number}.json").exists()]


@dataclass(frozen=True)
class Executed:
    """The text of an executed page, and where its time went."""

    text: Text
    seconds: PageSeconds


def execute_all(run: Run, pages: Sequence[Page], site: Path, params: Path) -> dict[Page, Executed]:
    """Execute each page's notebook over the run and write its page as soon as it is there.

    Pages that ask are executed one after the other, so that nothing is measured beside anything else; then those that
    read what was measured, a few at a time. The site is the run's own: what an earlier try left in it is removed.
    """
    (run.directory / "notebooks").mkdir(exist_ok=True)
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)

    def executed(page: Page) -> Executed:
        kernel, cells = _execute(run, page, params)
        began = time.monotonic()
        text = convert(run.directory / "notebooks" / page.notebook.name)
        write_page(run, page, text, pages, site)
        return Executed(text, PageSeconds(kernel=kernel, cells=cells, conversion=time.monotonic() - began))

    done = {}
    measuring = [page for page in pages if run.measuring and page.number not in READING]
    numbers = [page.number for page in pages]
    with own_kernel(), Progress(run, numbers) as progress, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for page in measuring:
            progress.start(page.label)
            done[page] = executed(page)
            progress.done(site / page.href)
        others = {page: pool.submit(executed, page) for page in pages if page not in measuring}
        for page, job in others.items():
            progress.start(page.label)
            done[page] = job.result()
            progress.done(site / page.href)
    return done


@contextmanager
def own_kernel() -> Iterator[None]:
    """Make this Python the kernel of the notebooks: a user's own of that name knows nothing of this package."""
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "kernels" / KERNEL / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
        first = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        with variables({"JUPYTER_PATH": first}):
            yield


def _for_people(metadata: Mapping[str, Any]) -> bool:
    return EXPLORE in metadata.get("tags", ())


def write_without_explore(notebook: Path, copy: Path) -> None:
    """Write a copy of a notebook without its cells for people in JupyterLab."""
    import nbformat

    node = nbformat.read(notebook, as_version=4)
    node.cells = [cell for cell in node.cells if not _for_people(cell.metadata)]
    nbformat.write(node, copy)


def _as_template(path: Path) -> str:
    """Return a path as papermill takes it, which fills in whatever is in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def write_page(run: Run, page: Page, text: Text, pages: Sequence[Page], site: Path) -> None:
    """Write a page of the site; ``pages`` are all that its navigation leads to."""
    (site / page.href).write_text(public(framed(page_frame(run, pages, page.href), text)), encoding="utf-8")


def page_frame(run: Run, pages: Sequence[Page], current: str) -> Frame:
    """Return what surrounds the text of a page of this run."""
    nav = [Link("index.html", "Overview"), *(Link(page.href, page.title) for page in pages), history.LINK]
    return Frame(nav=nav, current=current, stamp=stamps(run), footer=colophon(run))


def _execute(run: Run, page: Page, params: Path) -> tuple[float, float]:
    """Execute a page's notebook; return the seconds until its kernel took the first cell, and those from then on."""
    # A checker of addresses that JupyterLab brings takes seconds to import; the schema of notebooks does without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill
    from papermill.exceptions import PapermillExecutionError

    executed = run.directory / "notebooks" / page.notebook.name
    began = datetime.now(UTC)
    write_without_explore(page.notebook, executed)
    try:
        notebook = papermill.execute_notebook(
            _as_template(executed),
            _as_template(executed),
            parameters={"params": str(params), "run_dir": str(run.directory)},
            kernel_name=KERNEL,
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            execution_timeout=PAGE_LIMIT,
            extra_arguments=["--log-level=50"],  # the kernel talks to us through its messages alone
        )
    except PapermillExecutionError as error:
        cell = "\n".join(f"    {line}" for line in str(error.source).splitlines())
        raise NotebookError(
            f"{page.notebook.name}: cell {error.cell_index} raised {error.ename}: {error.evalue}\n{cell}\n"
            f"nothing was published; the run is kept, and the executed notebook is {shown(executed)}"
        ) from None
    finally:
        if executed.exists():  # a kernel knows the environment, and what it shows may hold a secret of it
            executed.write_text(redact(executed.read_text(encoding="utf-8")), encoding="utf-8")
    cells = (cell.metadata.papermill.start_time for cell in notebook.cells if cell.cell_type == "code")
    first = datetime.fromisoformat(next(filter(None, cells)))
    return (first - began).total_seconds(), (datetime.now(UTC) - first).total_seconds()
