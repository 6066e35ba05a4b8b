"""An executed notebook as the text of a page."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from markupsafe import Markup

from helpers.core.errors import NotebookError
from helpers.report.components.page import Text, with_anchors

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
    node.cells = _folded(cell for cell in node.cells if not _HIDDEN & set(cell.metadata.get("tags", ())))
    soup = BeautifulSoup(_exporter().from_notebook_node(node)[0], "html.parser")
    for style in soup.select(".helpers-out > style"):
        style.decompose()  # a page has it once, in its head
    if len(titles := soup.find_all("h1")) != 1:
        raise NotebookError(f"{name}: {len(titles)} first-level headings; give it one, the question it answers")
    title = Markup(titles[0].extract().decode_contents())  # noqa: S704  (rendered from our own Markdown)
    return Text(title, *with_anchors(Markup(soup)))  # noqa: S704


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


def _folded(cells: Iterator[Any]) -> list[Any]:
    """Return the cells with code that shows nothing joined to the code right after it."""
    folded: list[Any] = []
    for cell in cells:
        before = folded[-1] if folded else None
        if before is not None and before.cell_type == cell.cell_type == "code" and not before.outputs:
            cell.source = f"{before.source}\n\n{cell.source}"
            folded[-1] = cell
        else:
            folded.append(cell)
    return folded


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    folder = resources.files("helpers.report").joinpath("templates")
    return HTMLExporter(template_name="publication", extra_template_basedirs=[str(folder)], exclude_anchor_links=True)
