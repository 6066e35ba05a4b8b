"""Matplotlib drawings as inline SVG that takes its colours and its font from the page around it."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What is drawn in one of these colours appears in the CSS variable of that name.
COLOURS = {
    name: f"#0a1b{place:02x}"
    for place, name in enumerate(("ink", "muted", "rule", "accent", "paper", "met", "missed", "undecided"), 1)
}
#: Layout is measured in a font that comes with Matplotlib and is wider than most: what fits in it fits on the page.
FONT = "DejaVu Sans"

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "helpers",
    "text.parse_math": False,
    "font.family": FONT,
    "path.simplify": False,
}
_NUMBER = re.compile(r"-?\d+\.\d+")
_FAMILY = re.compile(r"\s*font-family: [^;]+;?")
#: A style that this many elements have is written once, as a class.
_SHARED = 4
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def to_svg(
    draw: Callable[[Figure], None],
    size: tuple[float, float],
    *,
    id: str,
    title: str,
    description: str,
    style: str,
) -> Markup:
    """Return what ``draw`` puts on a figure of ``size`` pixels, as one ``<svg>`` with a text alternative.

    ``id`` prefixes every id inside and must be unique on the page; ``style`` is the class of the element.
    """
    root = _rendered(draw, size)
    _cleaned(root, id, {})
    _classed(root, id)
    root.attrib = {
        "id": id,
        "class": style,
        "viewBox": f"0 0 {size[0]:g} {size[1]:g}",
        "width": f"{size[0]:g}",
        "height": f"{size[1]:g}",
        "role": "img",
        "aria-labelledby": f"{id}-title {id}-desc",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, id=f"{id}-{tag}")
        element.text = text
        root.insert(place, element)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704  (serialised, hence escaped)


def text_width(text: str, size: float) -> float:
    """Return the width of a text in pixels at a font size in pixels."""
    with _quiet():
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import text_to_path

        font = FontProperties(family=FONT, size=size)
        return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def fitted(text: str, size: float, width: float) -> str:
    """Return a text on one line of at most ``width`` pixels, cut with an ellipsis where it must be."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[:200])
    if text_width(line, size) <= width:
        return line
    while line and text_width(f"{line}…", size) > width:
        line = line[:-1].rstrip()
    return f"{line}…"


def _rendered(draw: Callable[[Figure], None], size: tuple[float, float]) -> ElementTree.Element:
    with _quiet():
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        with matplotlib.rc_context(_SETTINGS):
            figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
            figure.patch.set_visible(False)
            draw(figure)
            buffer = io.StringIO()
            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(buffer, metadata=_NO_METADATA)
    return ElementTree.fromstring(buffer.getvalue())  # noqa: S314  (Matplotlib's own)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep notes on fonts (a glyph DejaVu lacks, a cache being built) out of the notebook: the page has other fonts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def _cleaned(element: ElementTree.Element, prefix: str, known: dict[str, str]) -> None:
    """Drop what a page does not need, name the colours, and make ids short and unique to this figure."""
    element.tag = element.tag.rpartition("}")[2]
    element.tail = None
    element.attrib = {
        key.rpartition("}")[2]: _renamed(key.rpartition("}")[2], value, prefix, known)
        for key, value in element.attrib.items()
        if not (element.tag == "g" and key == "id") and not (element.tag == "text" and key == "transform")
    }
    for child in list(element):
        _cleaned(child, prefix, known)
        place = list(element).index(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            element.remove(child)
        elif child.tag == "g" and not child.attrib:
            element[place : place + 1] = list(child)


def _classed(root: ElementTree.Element, id: str) -> None:
    """Say a style that many elements share once: it is most of what a drawing with many rows weighs."""
    shared = [style for style, n in Counter(e.get("style") for e in root.iter()).items() if style and n >= _SHARED]
    names = {style: f"s{place}" for place, style in enumerate(shared)}
    for element in root.iter():
        if (style := element.get("style", "")) in names:
            del element.attrib["style"]
            element.set("class", names[style])
    sheet = ElementTree.Element("style")
    sheet.text = "".join(f"#{id} .{name}{{{style}}}" for style, name in names.items())
    if sheet.text:
        root.insert(0, sheet)


def _renamed(key: str, value: str, prefix: str, known: dict[str, str]) -> str:
    def short(name: str) -> str:
        return known.setdefault(name, f"{prefix}-{len(known) + 1}")

    if key == "id":
        return short(value)
    if key == "href":
        return f"#{short(value[1:])}"
    if key in ("d", "x", "y"):
        return " ".join(_NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value).split())
    if key == "style":
        value = _FAMILY.sub("", value)
        for variable, colour in COLOURS.items():
            value = value.replace(colour, f"var(--{variable})")
    return value
