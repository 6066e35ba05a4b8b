"""How tests read the drawings of a page: one of a figure, where a word is in it, and an element's style."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag


def drawing(html: str, screen: str = "wide") -> Tag:
    """Return the drawing of a figure that ``wide`` or ``narrow`` screens show."""
    svg = BeautifulSoup(html, "html.parser").select_one(f"svg.{screen}")
    assert svg is not None
    return svg


def place(svg: Tag, word: str) -> tuple[float, float]:
    """Return where a text of a drawing stands."""
    return next((float(str(t["x"])), float(str(t["y"]))) for t in svg.find_all("text") if t.get_text() == word)


def style_of(svg: Tag, element: Tag) -> str:
    """Return an element's own style, or the one its class has in the drawing's sheet."""
    sheet = svg.find("style")
    rules = dict(re.findall(r"\.(\w+)\{([^}]*)\}", sheet.get_text())) if sheet else {}
    return str(element.get("style") or rules[str(element["class"][0])])
