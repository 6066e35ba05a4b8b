"""A text in which words are marked, each mark with the name of what found it: no colour is needed to read it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from itertools import pairwise

from markupsafe import Markup

#: From where to where, and the name of what found it.
Span = tuple[int, int, str]


def marked(text: str, spans: Iterable[Span]) -> Markup:
    """Return a text as HTML with its marks, and behind each its name in brackets; spans may overlap.

    A span that leaves the text is none of it.
    """
    found = _joined(span for span in spans if span[1] <= len(text))
    edges = sorted({0, len(text), *(edge for start, end, _ in found for edge in (start, end))})
    parts, inside = [], False
    for start, end in pairwise(edges):
        covered = any(first <= start and end <= last for first, last, _ in found)
        parts.append("" if covered == inside else "<mark>" if covered else "</mark>")
        parts.append(html.escape(text[start:end], quote=False))  # between tags a quotation mark needs no escape
        names = ", ".join(name for _, last, name in found if last == end)
        parts.append(f"<sup>[{html.escape(names)}]</sup>" if names else "")
        inside = covered
    return Markup("".join(parts) + ("</mark>" if inside else ""))  # noqa: S704  (escaped)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans of one name that touch as one."""
    found: list[Span] = []
    for start, end, name in sorted(spans, key=lambda span: (span[2], span[0])):
        if found and found[-1][2] == name and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]), name)
        else:
            found.append((start, end, name))
    return found
