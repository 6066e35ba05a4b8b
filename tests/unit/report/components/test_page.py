"""The page around a report: its skeleton, its headings with ids, and a style sheet that fetches nothing."""

from __future__ import annotations

import io
import re
from importlib import resources

from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from markupsafe import Markup

from helpers.core.paths import REPORTS
from helpers.report.components.page import Frame, Link, render_page

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
FRAME = Frame(
    nav=[Link("01.html", "01 <Check>"), Link("02.html", "02 Evaluation")],
    current="02.html",
    stamp=["Not the <deployment>.", Markup("<b>Second</b> line.")],
    footer=Markup("<p>Run <code>x</code></p>"),
)


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def test_the_skeleton() -> None:
    found = soup(render_page(FRAME, title="A & B", body=Markup("<p>text</p>")))
    assert found.html is not None
    assert found.html["lang"] == "en"
    assert [(meta.get("http-equiv"), meta["content"]) for meta in found.select("meta[http-equiv]")] == [
        ("Content-Security-Policy", POLICY)
    ]
    assert [tag["content"] for tag in found.select("meta[name=color-scheme]")] == ["light dark"]
    assert found.title is not None
    assert found.title.get_text() == "A & B · Dialogue summariser report"
    assert [tag.name for tag in found.select("body > *")] == ["a", "header", "aside", "main", "footer"]
    assert found.select_one("a.skip[href='#main']") is not None
    assert [link.get_text() for link in found.select("nav a[aria-current=page]")] == ["02 Evaluation"]
    assert [str(line) for line in found.select(".stamp p")] == [
        "<p>Not the &lt;deployment&gt;.</p>",
        "<p><b>Second</b> line.</p>",
    ]
    assert "01 &lt;Check&gt;" in str(found.nav)
    assert not found.find("script")


def test_a_bare_frame_leaves_no_empty_parts() -> None:
    found = soup(render_page(Frame(), title="T", body=Markup("<p>text</p>")))
    assert [tag.name for tag in found.select("body > *")] == ["a", "header", "main"]
    assert found.select("nav") == []


def test_headings_get_ids_permalinks_and_contents() -> None:
    body = Markup("<h2 id='Old'>The <i>Answer</i></h2><p id='why'></p><h2>Why?</h2><h3>Answer</h3><h2>The answer</h2>")
    found = soup(render_page(FRAME, title="T", body=body))
    assert [str(heading["id"]) for heading in found.select("h2, h3")] == [
        "the-answer",
        "why-2",
        "answer",
        "the-answer-2",
    ]
    assert [link["href"] for link in found.select("h2 .permalink, h3 .permalink")] == [
        "#the-answer",
        "#why-2",
        "#answer",
        "#the-answer-2",
    ]
    assert [(link["href"], link.get_text()) for link in found.select(".toc a")] == [
        ("#the-answer", "The Answer"),
        ("#why-2", "Why?"),
        ("#the-answer-2", "The answer"),
    ]


def test_a_short_page_needs_no_contents() -> None:
    assert not soup(render_page(FRAME, title="T", body=Markup("<h2>A</h2>"))).select(".toc")


def test_no_style_sheet_leaves_the_page() -> None:
    style = soup(render_page(FRAME, title="T", body=Markup())).style
    assert style is not None
    fonts = re.findall(r"@font-face [^}]*}", style.get_text())
    assert [re.sub(r"base64,[^)]*", "", font) for font in fonts] == [
        "@font-face { font-family: 'Inter Subset'; font-weight: 400 700; src: url(data:font/woff2;) format('woff2'); }"
    ]
    assert len(fonts[0]) < 34_000
    rules = style.get_text().replace(fonts[0], "")
    assert len(rules.encode()) < 25_000
    assert [word for word in ("@import", "url(", "gradient", "shadow", "/*") if word in rules] == []


def test_the_font_has_what_pages_say_and_its_licence_is_shipped() -> None:
    fonts = resources.files("helpers.report").joinpath("templates", "fonts")
    with TTFont(io.BytesIO(fonts.joinpath("inter-subset.woff2").read_bytes())) as font:
        drawn = set(map(chr, font.getBestCmap()))
    assert "SIL OPEN FONT LICENSE Version 1.1" in fonts.joinpath("OFL.txt").read_text(encoding="utf-8")
    said = set("✓✗?–·−×≤≥…£€→↑↓≈∞²“”‘’")
    for path in sorted(REPORTS.rglob("*.html")):
        page = soup(path.read_text(encoding="utf-8"))
        for part in page.select("style, script, code, pre, .quoted"):  # set in another font, or brought by users
            part.decompose()
        said |= set(page.get_text())
    assert sorted(letter for letter in said - drawn if letter.isprintable()) == []
