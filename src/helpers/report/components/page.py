"""Pages: the one skeleton of everything published, and executed notebooks turned into it.

A page is one file: nothing remote, the same bytes for the same input, and no script but one of ours, which the policy
then names by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import chain, count

from bs4 import BeautifulSoup
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from helpers.report.components.numbers import quoted

_NOTHING = Markup()
#: A full stop that ends a sentence of ours: no number goes on behind it.
_SENTENCE_END = re.compile(r"[.](?=\s|$)")


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
    """The content of a page: its H1, its text with anchors, and links to its H2s."""

    title: str | Markup
    body: Markup
    toc: Sequence[Link]


def render_page(
    frame: Frame, *, title: str | Markup, body: Markup, subtitle: Markup = _NOTHING, wide: bool = False
) -> str:
    """Return a whole page; ``title`` is its H1 and ``subtitle`` is shown below it.

    The H2s of ``body`` become the contents at its side, unless the page is ``wide``.
    """
    text = Text(title, *with_anchors(body))
    return framed(frame, replace(text, toc=[]) if wide else text, subtitle)


def framed(frame: Frame, text: Text, subtitle: Markup = _NOTHING, *, own: str = "", rules: str = "") -> str:
    """Return a whole page around its text; ``own`` names a style sheet and a script that it has beside the common ones.

    ``rules`` are further lines of the style sheet.
    """
    parts = {"frame": frame, "title": text.title, "subtitle": subtitle, "body": text.body, "toc": text.toc}
    sheets = css("style") + css("page") + (css(own) if own else "") + rules
    style = Markup(_font() + _smaller(sheets))  # noqa: S704  (our own style sheets)
    code = script(own) if own else None
    return environment().get_template("base.html.j2").render(**parts, style=style, script=code)


def with_anchors(body: Markup) -> tuple[Markup, list[Link]]:
    """Return the body with ids and permalinks on its H2s and H3s, and a link to each H2 (from two on).

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
            toc.append(Link(f"#{anchor}", quoted(label) if heading.select_one(".quoted") else label))
    return Markup(soup), toc if len(toc) > 1 else []  # noqa: S704


def headline(body: Markup) -> Markup:
    """Return the first sentence of an answer, or every item of one that is a list; marks and figures are kept."""
    soup = BeautifulSoup(body, "html.parser")
    block = soup.find(["p", "li"])
    if block is not None and block.name == "li":
        items = soup.find_all("li")
        return Markup("<br>".join("".join(map(str, item.contents)) for item in items))  # noqa: S704  (our own HTML)
    ended = False
    for node in list(soup.find_all(string=True)):
        if ended:
            node.extract()
        elif found := _SENTENCE_END.search(node):
            node.replace_with(node[: found.end()].rstrip())
            ended = True
    for tag in soup.find_all(lambda tag: not tag.get_text()):
        tag.extract()
    return Markup("".join(map(str, block.contents)) if block else str(soup))  # noqa: S704  (of our own HTML)


@dataclass(frozen=True)
class Script:
    """A script of ours, and the hash by which a page's policy lets it run."""

    text: Markup
    sha256: Markup


@cache
def script(name: str) -> Script:
    """Return one of our scripts."""
    text = resources.files("helpers.report").joinpath("templates", f"{name}.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(Markup(text), Markup(f"sha256-{digest}"))  # noqa: S704  (our own script)


@cache
def environment() -> Environment:
    """Return what finds our templates and escapes what is filled in."""
    return Environment(loader=PackageLoader("helpers.report"), autoescape=True, keep_trailing_newline=True)


def _smaller(sheet: str) -> str:
    """Return a style sheet without comments and indentation, which every page would carry."""
    return re.sub(r"/\*.*?\*/|^\s+", "", sheet, flags=re.DOTALL | re.MULTILINE)


@cache
def _font() -> str:
    """Return the rule that embeds the font: a subset, so that every machine draws the same (templates/fonts)."""
    data = resources.files("helpers.report").joinpath("templates", "fonts", "inter-subset.woff2").read_bytes()
    source = f"url(data:font/woff2;base64,{base64.b64encode(data).decode()}) format('woff2')"
    return f"@font-face {{ font-family: 'Inter Subset'; font-weight: 400 700; src: {source}; }}\n"


@cache
def css(name: str) -> str:
    return resources.files("helpers.report").joinpath("templates", f"{name}.css").read_text(encoding="utf-8")
