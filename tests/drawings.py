"""How tests read the drawings of a page: the wide one of a figure, and the style that an element has in it."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag


def wide(html: str) -> Tag:
    """Return the drawing of a figure that wide screens show."""
    svg = BeautifulSoup(html, "html.parser").select_one("svg.wide")
    assert svg is not None
    return svg


def style_of(svg: Tag, element: Tag) -> str:
    """Return an element's own style, or the one its class has in the drawing's sheet."""
    sheet = svg.find("style")
    rules = dict(re.findall(r"\.(\w+)\{([^}]*)\}", sheet.get_text())) if sheet else {}
    return str(element.get("style") or rules.get(str(element.get("class", [""])[0]), ""))
