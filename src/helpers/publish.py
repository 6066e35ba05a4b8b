"""From notebooks to pages: execute each over a run, convert, add index and data, and publish all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.core.console import shown
from helpers.core.environment import redact
from helpers.core.errors import InputError, NotebookError, RunError, did_you_mean
from helpers.core.paths import PROJECT
from helpers.cost.workbook import write_workbook
from helpers.published import DATA, changes
from helpers.runs.progress import Progress
from helpers.runs.run import Run
from helpers.site_data import SCHEMA, data_schema, site_data
from helpers.theme import Frame, Link, Text, convert, framed
from helpers.verdicts.compute import projection
from helpers.views import index
from helpers.views.common import colophon, stamps
from helpers.views.cost import WORKBOOK

#: The notebooks of the report; another folder of the same names is for trying out changes to them.
NOTEBOOKS = Path(os.environ.get("HELPERS_NOTEBOOKS") or PROJECT / "notebooks")
#: One page may take this long, seconds; a hung kernel must not hold a run for ever.
PAGE_LIMIT = 3600
#: Pages that read what others measured, and how many of those are executed at a time.
READING, SIDE_BY_SIDE = ("06", "07"), 2


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
        """How the navigation calls it."""
        return f"{self.number} {self.notebook.stem[3:].replace('-', ' ')}"


def choose(only: Sequence[str], *, claims: bool) -> list[Page]:
    """Return the pages to make, in reading order; raises `InputError` for a name that is no page."""
    pages = [Page(path) for path in sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))]
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


def check_writable(out: Path) -> None:
    """Raise `RunError` now rather than after an hour of measuring when pages could not be written."""
    folder = out
    while not folder.exists():
        folder = folder.parent
    try:
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a directory")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(f"cannot write to {out}: {error.strerror}; give write permission or another --out") from None


def execute_all(run: Run, pages: Sequence[Page], site: Path, params: Path) -> dict[Page, Text]:
    """Execute each page's notebook over the run and write its page as soon as it is there; return the texts.

    Pages that ask are executed one after the other, so that nothing is measured beside anything else; then those that
    read what was measured, a few at a time.
    """
    (run.directory / "notebooks").mkdir(exist_ok=True)
    site.mkdir(parents=True, exist_ok=True)

    def executed(page: Page) -> Text:
        _execute(run, page, params)
        text = convert(run.directory / "notebooks" / page.notebook.name)
        _write(run, page, text, pages, site)
        return text

    texts = {}
    asking = [page for page in pages if run.measuring and page.number not in READING]
    with Progress(run, len(pages)) as progress, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for page in asking:
            progress.start(page.label)
            texts[page] = executed(page)
            progress.done(site / page.href)
        others = {page: pool.submit(executed, page) for page in pages if page not in asking}
        for page, job in others.items():
            progress.start(page.label)
            texts[page] = job.result()
            progress.done(site / page.href)
    return texts


def finish_site(run: Run, texts: Mapping[Page, Text], site: Path) -> None:
    """Write the pages again with the complete manifest, the index, the data behind them, and the summaries."""
    pages = list(texts)
    for page, text in texts.items():
        _write(run, page, text, pages, site)
    data = site_data(run)
    (site / DATA).write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (site / SCHEMA).write_text(json.dumps(data_schema(), indent=1) + "\n", encoding="utf-8")
    front = index.page(
        run, _frame(run, pages, "index.html"), [_card(page, site / page.href) for page in pages], changes(run)
    )
    (site / "index.html").write_text(front, encoding="utf-8")
    index.write_summaries(run, site / "demo_summaries.csv")
    write_workbook(site / WORKBOOK, run.params, projection(run), run.manifest.started_at)


def replace(site: Path, out: Path) -> None:
    """Publish: put the new files in place one by one, each whole, and remove the pages of other runs."""
    out.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in site.iterdir()}
    with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as staging:
        for name in sorted(names):
            shutil.copyfile(site / name, Path(staging) / name)
        for name in sorted(names):
            os.replace(Path(staging) / name, out / name)
    for stale in out.glob("*.html"):
        if stale.name not in names:
            stale.unlink()


def _execute(run: Run, page: Page, params: Path) -> None:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    executed = run.directory / "notebooks" / page.notebook.name
    try:
        papermill.execute_notebook(
            str(page.notebook),
            str(executed),
            parameters={"params": str(params), "run_dir": str(run.directory)},
            kernel_name="python3",
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


def _write(run: Run, page: Page, text: Text, pages: Sequence[Page], site: Path) -> None:
    (site / page.href).write_text(framed(_frame(run, pages, page.href), text), encoding="utf-8")


def _frame(run: Run, pages: Sequence[Page], current: str) -> Frame:
    nav = [Link("index.html", "Report"), *(Link(page.href, page.label) for page in pages)]
    return Frame(nav=nav, current=current, stamp=stamps(run), footer=colophon(run))


def _card(page: Page, path: Path) -> index.Card:
    """Return a finished page as the front page shows it; the ids of its first drawing are made the card's own."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    question, drawn = soup.select_one("h1"), soup.select_one("figure svg.wide")
    label = f"{page.number} {question.get_text() if question else page.label}"
    drawing = str(drawn).replace(str(drawn["id"]), f"card-{page.number}-{drawn['id']}") if drawn else ""
    return index.Card(page.number, Link(page.href, label), Markup(drawing))  # noqa: S704  (from a page of ours)
