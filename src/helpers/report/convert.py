"""An executed notebook as the text of a page."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import PageElement
from markupsafe import Markup

from helpers.core.errors import NotebookError
from helpers.report.components.page import Text, with_anchors
from helpers.report.components.tables import METHOD, METHOD_STYLE

_HIDDEN = {"injected-parameters", "remove-cell"}
_TRACEBACK_LINES = 12
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def convert(notebook: Path | Any) -> Text:
    """Return what an executed notebook, given as a path or a `NotebookNode`, has to say.

    Raises `NotebookError` when a cell failed, wrote to stdout or stderr, or shows anything but HTML or Markdown,
    and when there is not exactly one H1.
    """
    import nbformat

    name = notebook.name if isinstance(notebook, Path) else "notebook"
    node = nbformat.read(notebook, as_version=4) if isinstance(notebook, Path) else copy.deepcopy(notebook)
    if problems := [problem for place, cell in enumerate(node.cells, 1) for problem in _problems(cell, place)]:
        raise NotebookError("\n".join(f"{name}: {problem}" for problem in problems))
    node.cells = [cell for cell in node.cells if not _HIDDEN & set(cell.metadata.get("tags", ()))]
    soup = BeautifulSoup(_exporter().from_notebook_node(node)[0], "html.parser")
    for style in soup.select(".helpers-out > style"):
        style.decompose()  # a page has it once, in its head
    if len(titles := soup.find_all("h1")) != 1:
        raise NotebookError(f"{name}: {len(titles)} first-level headings; give it one, the question it answers")
    title = Markup(titles[0].extract().decode_contents())  # noqa: S704  (rendered from our own Markdown)
    _answer_first(soup)
    return Text(title, *with_anchors(Markup(soup)))  # noqa: S704


def _answer_first(soup: BeautifulSoup) -> None:
    """Put a page into the order of its readers: the answer, its evidence, then folded how it was found, then the code.

    The text before the first H2 introduces the method, so it goes to the last H2, which is about that.
    """
    code = [part.extract() for part in soup.select("details.code")]
    headings = soup.find_all("h2")
    if len(headings) > 1:
        before, method = _before(headings[0]), [node.extract() for node in list(headings[-1].next_siblings)]
        folded = _details(soup, METHOD, METHOD_STYLE, [*before, *method])
        headings[-1].insert_after(folded)
    if code:
        soup.append(_details(soup, "Code of this page", "code", [part.select_one("pre") or part for part in code]))


def _before(heading: Tag) -> list[PageElement]:
    """Take out and return what is before a heading."""
    return [node.extract() for node in reversed(list(heading.previous_siblings))]


def _details(soup: BeautifulSoup, label: str, style: str, parts: Iterable[PageElement]) -> Tag:
    folded, summary = soup.new_tag("details", attrs={"class": style}), soup.new_tag("summary")
    summary.string = label
    folded.extend([summary, *parts])
    return folded


def _problems(cell: Any, place: int) -> Iterator[str]:
    """Yield what keeps a cell off a page: what, where and the fix."""
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            trace = _ANSI.sub("", "\n".join(output.traceback)).splitlines()[-_TRACEBACK_LINES:]
            yield "\n".join(
                (
                    f"cell {place} raised {output.ename}: {output.evalue}",
                    *(f"    {line}" for line in cell.source.splitlines()),
                    "the end of the traceback:",
                    *(f"    {line}" for line in trace),
                )
            )
        elif output.output_type == "stream":
            first = (output.text.strip().splitlines() or [""])[0][:200]
            yield f"cell {place} wrote to {output.name}: {first!r}; remove what prints or warns"
        elif not {"text/html", "text/markdown"} & set(output.data):
            yield f"cell {place} shows a raw object; end it with a call of show(…) or with ';'"


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    folder = resources.files("helpers.report").joinpath("templates")
    return HTMLExporter(template_name="publication", extra_template_basedirs=[str(folder)], exclude_anchor_links=True)
