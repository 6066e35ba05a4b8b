"""Links that a reader of the repository may follow; `make lint` runs this too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.core.paths import PROJECT
from tests.page_checks import broken_links

DOCUMENTS = [
    *sorted(PROJECT.glob("*.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
    *sorted((PROJECT / "src").rglob("*.md")),
]
REPORTS = PROJECT / "reports"


def dangling(document: Path) -> list[str]:
    """Return the relative links of a Markdown file that lead nowhere: to no file, or to no heading of it."""
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        if "://" in target or target.startswith("mailto:"):
            continue
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            found.append(target)
    return found


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_relative_link_of_a_document_leads_somewhere(document: Path) -> None:
    assert dangling(document) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head\n[a](#a-head) [b](#no) [c](page.md#a-head) [d](gone.md) [e](https://example.org/x)\n")
    assert dangling(page) == ["#no", "gone.md"]


def test_every_link_between_published_pages_leads_somewhere() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in REPORTS.glob("*.html")}
    assert pages
    assert broken_links(pages, [path.name for path in REPORTS.iterdir() if path.suffix != ".html"]) == []
