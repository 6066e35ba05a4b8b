from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.core.errors import NotebookError
from helpers.notebook import interactive_style, show
from helpers.report.components.page import Frame, Link, framed, render_page
from helpers.report.convert import convert

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
QUESTION = new_markdown_cell("# How *fast* & <i>cheap</i>?\n\nA first paragraph.")
FRAME = Frame(
    nav=[Link("01.html", "01 <Check>"), Link("02.html", "02 Evaluation")],
    current="02.html",
    stamp=["Not the <deployment>.", Markup("<b>Second</b> line.")],
    footer=Markup("<p>Run <code>x</code></p>"),
)


def html_output(html: str) -> Any:
    return new_output("display_data", {"text/html": html, "text/plain": "<object>"})


def tagged(tag: str, source: str) -> Any:
    cell = new_code_cell(source)
    cell.metadata["tags"] = [tag]
    return cell


def notebook(*cells: Any) -> nbformat.NotebookNode:
    return new_notebook(cells=[QUESTION, *cells], metadata={"language_info": {"name": "python"}})


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
    assert not soup(render_page(FRAME, title="T", body=Markup("<h2>A</h2><h2>B</h2>"))).select(".toc")


def test_a_notebook_becomes_a_page() -> None:
    cells = [
        tagged("parameters", "n = 1  # how many"),
        tagged("injected-parameters", "n = 'injected'"),
        new_code_cell("run = open_run(n)"),
        new_code_cell("show(answer)", outputs=[html_output("<p id='shown'>It is.</p>")]),
        tagged("remove-cell", "secret_step()"),
        new_code_cell("text", outputs=[new_output("execute_result", {"text/markdown": "*soft*"}, execution_count=1)]),
    ]
    html = framed(FRAME, convert(notebook(*cells)))
    found = soup(html)
    assert str(found.h1) == "<h1>How <em>fast</em> &amp; <i>cheap</i>?</h1>"
    assert found.title is not None
    assert found.title.get_text().startswith("How fast & cheap? · ")
    assert [code.get_text().strip() for code in found.select("details.code:not([open]) pre")] == [
        "n = 1  # how many\n\nrun = open_run(n)\n\nshow(answer)",
        "text",
    ]
    assert found.select_one("main > p#shown + details") is not None
    assert found.select_one("main em + details, main p:has(em)") is not None
    assert [word for word in ("injected'", "secret_step", "object&gt;", "script") if word in html] == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (
            new_code_cell(
                "first\n1 / 0",
                outputs=[
                    new_output("error", ename="ZeroDivisionError", evalue="no", traceback=["\x1b[31mlast line\x1b[0m"])
                ],
            ),
            r"notebook: cell 2 raised ZeroDivisionError: no\n    first\n    1 / 0\nthe end of the traceback:\n    last",
        ),
        (
            new_code_cell("warn()", outputs=[new_output("stream", name="stderr", text="\nUserWarning: old\nmore")]),
            "notebook: cell 2 wrote to stderr: 'UserWarning: old'; remove what prints or warns",
        ),
        (
            new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text="1")]),
            "notebook: cell 2 wrote to stdout: '1'",
        ),
        (
            new_code_cell("x", outputs=[new_output("execute_result", {"text/plain": "<X>"}, execution_count=1)]),
            r"notebook: cell 2 shows a raw object; end it with a call of show\(…\) or with ';'",
        ),
        (new_markdown_cell("# Another?"), "notebook: 2 first-level headings; give it one"),
    ],
)
def test_what_must_not_be_published_is_refused(cell: Any, problem: str) -> None:
    with pytest.raises(NotebookError, match=problem):
        convert(notebook(cell))


def test_every_problem_is_named_with_the_file(tmp_path: Path) -> None:
    noisy = [new_code_cell("p", outputs=[new_output("stream", name="stdout", text=text)]) for text in "ab"]
    path = tmp_path / "03-latency.ipynb"
    nbformat.write(notebook(*noisy), path)
    with pytest.raises(NotebookError, match=r"^03-latency\.ipynb: cell 2 .*'a'.*\n03-latency\.ipynb: cell 3 .*'b'"):
        convert(path)


def test_converting_twice_gives_the_same_bytes_and_leaves_the_notebook_alone() -> None:
    node = notebook(new_code_cell("a"), new_code_cell("b", outputs=[html_output("<p>x</p>")]))
    before = nbformat.writes(node)
    assert framed(FRAME, convert(node)) == framed(FRAME, convert(node))
    assert nbformat.writes(node) == before


def test_show_emits_html_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: calls.append((data, options)))
    show(Markup("<p>a</p>"), Markup("<p>b</p>"))
    assert calls == [({"text/html": '<div class="helpers-out"><p>a</p><p>b</p></div>'}, {"raw": True})]


def test_interactive_style_stays_inside_its_outputs() -> None:
    css = interactive_style()
    assert css.startswith("<style>.helpers-out {")
    assert css.endswith("}</style>")
    assert ":root" not in css
    assert "&amp;" not in css
    assert css.count("{") == css.count("}")


def test_no_style_sheet_leaves_the_page() -> None:
    style = soup(render_page(FRAME, title="T", body=Markup())).style
    assert style is not None
    assert len(style.get_text().encode()) < 14_000
    assert [word for word in ("@import", "url(", "gradient", "shadow") if word in style.get_text()] == []
