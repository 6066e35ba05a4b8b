"""Pages: the one skeleton of everything published, and executed notebooks turned into it.

A page is one file: no script, nothing remote, the same bytes for the same input.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain, count
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from helpers.core.errors import NotebookError

_HIDDEN = {"injected-parameters", "remove-cell"}
_TRACEBACK_LINES = 12
_NOTHING = Markup()
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Link:
    """One entry of a navigation; ``href`` is relative."""

    href: str
    label: str


@dataclass(frozen=True)
class Frame:
    """What surrounds the text of a page: site name, pages, stamps on the evidence, provenance.

    ``current`` is the ``href`` of the page itself; each entry of ``stamp`` is one line.
    """

    nav: Sequence[Link] = ()
    current: str = ""
    stamp: Sequence[str | Markup] = ()
    footer: str | Markup = ""
    site: str = "Dialogue summariser report"


@dataclass(frozen=True)
class Text:
    """What stands on a page: its H1, its text with anchors, and links to its H2s."""

    title: str | Markup
    body: Markup
    toc: Sequence[Link]


def page(frame: Frame, *, title: str | Markup, body: Markup, lead: Markup = _NOTHING) -> str:
    """Return a whole page; ``title`` is its H1, and the H2s of ``body`` become the table of contents below ``lead``."""
    return framed(frame, Text(title, *_with_anchors(body)), lead)


def framed(frame: Frame, text: Text, lead: Markup = _NOTHING) -> str:
    """Return a whole page around its text."""
    template = _environment().get_template("base.html.j2")
    style = Markup(_css("style") + _css("page"))  # noqa: S704  (our own style sheets)
    return template.render(frame=frame, title=text.title, lead=lead, body=text.body, toc=text.toc, style=style)


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
    if len(titles := soup.find_all("h1")) != 1:
        raise NotebookError(f"{name}: {len(titles)} first-level headings; give it one, the question it answers")
    title = Markup(titles[0].extract().decode_contents())  # noqa: S704  (rendered from our own Markdown)
    return Text(title, *_with_anchors(Markup(soup)))  # noqa: S704


def show(*parts: Markup) -> None:
    """Display parts in a notebook as HTML and nothing else, so that the same result gives the same bytes."""
    from IPython.display import display

    display({"text/html": f'<div class="helpers-out">{Markup().join(parts)}</div>'}, raw=True)


def interactive_style() -> str:
    """Return the ``<style>`` that makes shown parts look in JupyterLab as they do on a page, light or dark."""
    # Tripled, because JupyterLab styles tables through up to two classes of its own.
    scope = ".helpers-out" * 3
    dark = 'body[data-jp-theme-light="false"] .helpers-out { color-scheme: dark; }'
    parts = "font-size: 15px; line-height: 1.55;\n" + _css("style").replace(":root", "&")
    return f"<style>.helpers-out {{ color-scheme: light; }} {dark}\n{scope} {{ {parts}}}</style>"


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


def _with_anchors(body: Markup) -> tuple[Markup, list[Link]]:
    """Return the body with ids and permalinks on its H2s and H3s, and a link to each H2 (from three on).

    What is preformatted can be reached by keyboard.
    """
    soup = BeautifulSoup(body, "html.parser")
    for code in soup.find_all("pre"):
        code["tabindex"] = "0"  # a wide one scrolls
    headings = soup.find_all(["h2", "h3"])
    for heading in headings:
        heading.attrs.pop("id", None)
    taken = {tag["id"] for tag in soup.find_all(id=True)}
    toc: list[Link] = []
    for heading in headings:
        label = heading.get_text().strip()
        slug = re.sub(r"\W+", "-", label.lower()).strip("-")
        anchor = next(name for name in chain([slug], (f"{slug}-{i}" for i in count(2))) if name and name not in taken)
        taken.add(anchor)
        heading["id"] = anchor
        link = soup.new_tag("a", href=f"#{anchor}", attrs={"class": "permalink", "aria-label": f"Link to {label}"})
        link.string = "#"
        heading.append(link)
        if heading.name == "h2":
            toc.append(Link(f"#{anchor}", label))
    return Markup(soup), toc if len(toc) > 2 else []  # noqa: S704


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("helpers"), autoescape=True, keep_trailing_newline=True)


@cache
def _css(name: str) -> str:
    return resources.files("helpers").joinpath("templates", f"{name}.css").read_text(encoding="utf-8")


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    folder = resources.files("helpers").joinpath("templates")
    return HTMLExporter(template_name="publication", extra_template_basedirs=[str(folder)], exclude_anchor_links=True)
