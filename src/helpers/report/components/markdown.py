"""Our own HTML as Markdown for GitHub, so that a sentence in a comment is the very one of a page.

Every text is escaped on its way, ours like others': what a user or a model wrote does nothing (`core.text.inert`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag
from markupsafe import Markup, escape

from helpers.core.text import inert, printable, unlinked

#: Returns where a link of a page leads from elsewhere, or "" where only its words can be kept.
Leads = Callable[[str], str]
#: What has a line of its own on a page.
_ASIDE = ("aside", "word")


def blocks(html: Markup, leads: Leads = lambda href: "") -> list[str]:
    """Return paragraphs, lists, tables, facts and what can be opened, each as a block of Markdown."""
    return list(_blocks(BeautifulSoup(html, "html.parser"), leads))


def code(text: str) -> str:
    """Return a text as a code span, which nothing inside can end."""
    found = re.sub(r"\s+", " ", printable(text)).strip()
    fence = "`" * (1 + max(map(len, re.findall("`+", found)), default=0))
    room = " " if found.startswith("`") or found.endswith("`") else ""
    return f"{fence}{room}{found}{room}{fence}" if found else ""


def link(words: str, href: str) -> str:
    """Return words that are Markdown, leading somewhere if there is somewhere."""
    return f"[{words}]({href})" if href else words


def row(cells: list[str]) -> str:
    """Return one row of a table; a bar in a code span ends no cell."""
    bars = [re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells]
    return f"| {' | '.join(bars)} |"


def _blocks(parent: Tag, leads: Leads) -> Iterator[str]:
    for child in parent.children:
        if not isinstance(child, Tag):
            continue
        match child.name:
            case "p" | "h2" | "h3" | "pre":
                yield from filter(None, [_inline(child, leads)])
            case "ul" | "ol":
                yield "\n".join(f"- {_inline(item, leads)}" for item in child.find_all("li", recursive=False))
            case "dl":
                facts = zip(child.find_all("dt"), child.find_all("dd"), strict=True)
                yield "\n".join(f"- {_inline(name, leads)}: {_inline(what, leads)}" for name, what in facts)
            case "table":
                yield _table(child, leads)
            case "details":
                summary = child.find("summary")
                head = escape(unlinked(summary.extract().get_text())) if summary else ""  # no Markdown is read there
                inner = "\n\n".join(_blocks(child, leads))
                yield f"<details><summary>{head}</summary>\n\n{inner}\n\n</details>"
            case _:
                yield from _blocks(child, leads)


def _table(table: Tag, leads: Leads) -> str:
    heads = table.select("thead th")
    rule = ["---:" if "num" in head.get_attribute_list("class") else "---" for head in heads]
    body = [[_inline(cell, leads) for cell in line.find_all(["th", "td"])] for line in table.select("tbody tr")]
    return "\n".join(map(row, [[_inline(head, leads) for head in heads], rule, *body]))


def _inline(parent: Tag, leads: Leads) -> str:
    return re.sub(" +", " ", "".join(_piece(child, leads) for child in parent.children)).strip()


def _piece(node: PageElement, leads: Leads) -> str:
    """Return what is inside a line, with the space that keeps it apart from its neighbours."""
    if not isinstance(node, Tag):
        return inert(str(node)) if type(node) is NavigableString else ""
    kinds = node.get_attribute_list("class")
    if "chip" in kinds:
        return f"**{' '.join(inert(text) for text in node.stripped_strings)}**"
    if node.get("aria-hidden"):
        return ""
    words = code(node.get_text()) if node.name == "code" else _inline(node, leads)
    if words and node.name in ("strong", "b"):
        words = f"**{words}**"
    elif words and node.name == "a":
        words = link(words, leads(str(node.get("href", ""))))
    if node.name in ("p", "li", "br") or any(name in _ASIDE for name in kinds):
        return f" {words} "
    text = node.get_text() or "|"
    before, after = (" " if edge.isspace() else "" for edge in (text[0], text[-1]))
    return f"{before}{words}{after}"
