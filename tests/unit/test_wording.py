"""One vocabulary for pages, ``--help``, README, guide, notebooks and code: the field's terms, and none of these."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup

from helpers.core.paths import PACKAGE, PROJECT

#: What is not said → what is said instead.
BANNED = {
    r"held against": "compared with, scored against",
    r"busy share": "utilisation",
    r"a thousand (requests|tokens)": "1,000 requests",
    r"fewer bits": "lower precision",
    r"semantic failure|checks? of meaning": "failed output check",
    r"nobody spoke|unspoken": "unsupported",
    r"as good\b": "quality kept",
    r"to live with": "suggested threshold",
    r"way of a request": "request path",
    r"coped? with": "responded to",
    r"under way": "in flight, concurrent",
    r"holds? (the|this|that) (rate|traffic|load)|traffic (does )?it holds?|no number holds": "sustains",
    r"declared (traffic|rate|price|instance)": "configured",
    r"the publication('s)?\b": "the published report",
    r"stands? (below|above|beside|there|here|on|in|at|alone)\b": "is shown",
    r"(is|are|was|were) asked(?! for)": "requests are sent",
    r"(answers?|summaries) a second": "requests per second",
    r"\banew\b": "again",
    r"as if on": "priced as",
    r"really covers": "covers in simulation",
    r"how-manieth": "number",
    r"in the way of asking": "up",
    r"what came": "response",
    r"ready after": "load time",
}
#: Words of others, and of machines, are theirs.
QUOTED = ".quoted, blockquote, pre, code, script, style"


def texts() -> Iterator[tuple[str, str]]:
    for name in ("README.md", "docs/guide.md", "docs/cli.md"):
        yield name, (PROJECT / name).read_text(encoding="utf-8")
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield path.name, "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for path in sorted((PROJECT / "reports").rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for other in soup.select(QUOTED):
            other.decompose()
        yield str(path.relative_to(PROJECT)), soup.get_text(" ")


TEXTS = dict(texts())
MODULES = sorted(PACKAGE.rglob("*.py"))


def found(text: str) -> list[str]:
    spaced = re.sub(r"\s+", " ", text)
    return [
        f"…{spaced[max(0, one.start() - 40) : one.end() + 30]}… → {better}"
        for phrase, better in BANNED.items()
        for one in re.finditer(rf"\b(?:{phrase})", spaced, re.IGNORECASE)
    ]


def commentary(code: str) -> Iterator[str]:
    """Yield docstrings, messages and comments of a module; comments on successive lines are one text.

    A string without a space is a name, not a message.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.value
    lines: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] = f"{lines.pop(token.start[0] - 1, '')} {token.string.lstrip('#: ')}"
    yield from lines.values()


@pytest.mark.parametrize("name", TEXTS)
def test_no_banned_phrase(name: str) -> None:
    assert found(TEXTS[name]) == []


def test_a_banned_phrase_is_found_across_lines() -> None:
    assert len(found("Its busy\nshare is high. Scores are Held against references.")) == 2


@pytest.mark.parametrize("package", sorted({path.relative_to(PACKAGE).parts[0] for path in MODULES}))
def test_no_banned_phrase_in_docstrings_messages_and_comments(package: str) -> None:
    own = {str(path.relative_to(PACKAGE)): path for path in MODULES if path.relative_to(PACKAGE).parts[0] == package}
    texts = ((name, text) for name, path in own.items() for text in commentary(path.read_text(encoding="utf-8")))
    assert [f"{name}: {one}" for name, text in texts for one in found(text)] == []


def test_docstrings_messages_and_comments_are_read_and_names_are_not() -> None:
    code = '"""Drawn anew."""\nx = "anew"\ny = "begin anew"\n#: Its busy\n# share.\nanew = 1  # begun anew\n'
    assert sum(len(found(text)) for text in commentary(code)) == 4
