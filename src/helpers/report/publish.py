"""From the texts of executed notebooks to a site: pages, index, the data behind them, summaries and the workbook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.core.console import public
from helpers.core.environment import redact
from helpers.cost.workbook import write_workbook
from helpers.report.components.page import Link
from helpers.report.data_files import RESULTS, SCHEMA, changes, data_schema, site_data, write_summaries
from helpers.report.execute import Executed, Page, page_frame, write_page
from helpers.report.views import explorer, history, index
from helpers.report.views.cost import WORKBOOK
from helpers.report.views.summaries import EXPLORER
from helpers.runs.run import Run
from helpers.verdicts.compute import projection
from helpers.verdicts.history import history_of

#: What the summaries are published as.
SUMMARIES_FILE = "demo_summaries.csv"
#: Who made them, in the manifest of a published folder.
MAKER = "report"
#: What of a page may be shown on its card, and how many rows it may have.
DRAWINGS, MOST_ROWS = "figure .rows, figure svg.narrow", 8


def site_files(pages: Sequence[Page]) -> list[str]:
    """Return the names of the files that a site of some pages has."""
    of_all = [*(page.href for page in pages), "index.html", EXPLORER, history.HREF]
    return [*of_all, RESULTS, SCHEMA, SUMMARIES_FILE, WORKBOOK]


def finish_site(run: Run, executed: Mapping[Page, Executed], site: Path) -> None:
    """Write the pages again with the complete manifest, the index, the data behind them, and the summaries."""
    pages = list(executed)
    for page, done in executed.items():
        write_page(run, page, done.text, pages, site)
    data = site_data(run)
    (site / RESULTS).write_text(redact(json.dumps(data, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
    (site / SCHEMA).write_text(json.dumps(data_schema(), indent=1) + "\n", encoding="utf-8")
    front = index.page(
        run, page_frame(run, pages, "index.html"), [_card(page, site / page.href) for page in pages], changes(run)
    )
    (site / "index.html").write_text(public(front), encoding="utf-8")
    if (all_of_them := explorer.page(run, page_frame(run, pages, EXPLORER))) is not None:
        (site / EXPLORER).write_text(all_of_them, encoding="utf-8")
    told = history.page(page_frame(run, pages, history.HREF), history_of(run))
    (site / history.HREF).write_text(public(told), encoding="utf-8")
    write_summaries(run, site / SUMMARIES_FILE)
    if (costs := projection(run)) is not None:
        write_workbook(site / WORKBOOK, run.params, costs, run.manifest.started_at)


def _card(page: Page, path: Path) -> index.Card:
    """Return a finished page as the front page shows it, with its first drawing of few rows."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    drawn = next((one for one in soup.select(DRAWINGS) if len(one.select(".row")) <= MOST_ROWS), None)
    if drawn is not None and drawn.name == "svg":  # an id is unique on a page
        drawing = str(drawn).replace(str(drawn["id"]), f"card-{page.number}-{drawn['id']}")
    else:
        drawing = str(drawn) if drawn else ""
    return index.Card(page.number, Link(page.href, page.title), Markup(drawing))  # noqa: S704  (from a page of ours)
