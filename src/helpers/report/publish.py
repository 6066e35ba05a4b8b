"""From notebooks to pages: execute each over a run, convert, add index and data, and publish all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.core.console import public
from helpers.core.environment import redact
from helpers.core.errors import RunError
from helpers.cost.workbook import write_workbook
from helpers.report.components.page import Link, Text
from helpers.report.data_files import RESULTS, SCHEMA, changes, data_schema, site_data, write_summaries
from helpers.report.execute import Page, page_frame, write_page
from helpers.report.views import index
from helpers.report.views.cost import WORKBOOK
from helpers.runs.run import Run
from helpers.verdicts.compute import projection


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


def finish_site(run: Run, texts: Mapping[Page, Text], site: Path) -> None:
    """Write the pages again with the complete manifest, the index, the data behind them, and the summaries."""
    pages = list(texts)
    for page, text in texts.items():
        write_page(run, page, text, pages, site)
    data = site_data(run)
    (site / RESULTS).write_text(redact(json.dumps(data, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
    (site / SCHEMA).write_text(json.dumps(data_schema(), indent=1) + "\n", encoding="utf-8")
    front = index.page(
        run, page_frame(run, pages, "index.html"), [_card(page, site / page.href) for page in pages], changes(run)
    )
    (site / "index.html").write_text(public(front), encoding="utf-8")
    write_summaries(run, site / "demo_summaries.csv")
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


def _card(page: Page, path: Path) -> index.Card:
    """Return a finished page as the front page shows it; the ids of its first drawing are made the card's own."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    question, drawn = soup.select_one("h1"), soup.select_one("figure svg.wide")
    label = f"{page.number} {question.get_text() if question else page.label}"
    drawing = str(drawn).replace(str(drawn["id"]), f"card-{page.number}-{drawn['id']}") if drawn else ""
    return index.Card(page.number, Link(page.href, label), Markup(drawing))  # noqa: S704  (from a page of ours)
